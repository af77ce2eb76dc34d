"""Requests to a Chroma server: only those that read, in time, and each failure in one sentence."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import SettingError, StoreAway, StoreChanged, StoreError
from drift_checks.core.masking import mask_url
from drift_checks.core.secrets import (
    CHROMA_BASIC,
    CHROMA_KEY,
    CHROMA_TOKEN,
    Secret,
    find_secret,
    masked_line,
    remember,
)

if TYPE_CHECKING:
    import httpx

    from drift_checks.core.route import Route

API = "/api/v2"
_CONNECT_SECONDS = 10.0
# A server that is restarted answers again within a few seconds.
_PAUSES = (0.5, 1.5, 4.0)
_LARGEST = 512 * 1024 * 1024
_LONGEST_REASON = 200
_CLOUD = "trychroma.com"
_READING = re.compile(r".*/(?:get|query)")
_PASSING = (
    *(HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS),
    *(HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT),
)
_RUNS = "check that the Chroma server runs there"
NAME_A_SERVER = "name the address of a Chroma server with --drift-chroma=http://HOST:PORT"


class NotThere(StoreChanged):
    """The server has no such collection, database or tenant."""


@dataclass(frozen=True)
class Credentials:
    """What the server knows this client by: a token, and a user with a password."""

    token: Secret | None = None
    basic: Secret | None = None

    @classmethod
    def find(cls, url: ServerURL, environment: Mapping[str, str]) -> Credentials:
        """Return the credentials for a server, from its URL or the environment.

        Raises:
            SettingError: One is not usable: a file cannot be read, for example.
        """
        parts = urlsplit(url.complete)
        if parts.password is not None:
            basic: Secret | None = Secret(f"{unquote(parts.username or '')}:{unquote(parts.password)}")
        else:
            basic = find_secret([CHROMA_BASIC], environment)
        if basic is not None:
            user, _, password = basic.reveal().partition(":")
            if not (user and password):
                raise SettingError(CHROMA_BASIC, "holds no user and password", "it must be user:password")
            remember(basic.reveal(), password)
        # The key of Chroma Cloud is nobody else's business.
        return cls(find_secret([CHROMA_TOKEN, CHROMA_KEY] if is_cloud(url) else [CHROMA_TOKEN], environment), basic)

    def headers(self, *, cloud: bool) -> Iterator[tuple[str, str]]:
        """Yield the headers; a token is sent in each of those that servers and proxies before them read."""
        from base64 import b64encode

        if self.token is not None:
            yield "X-Chroma-Token", self.token.reveal()
        if self.basic is not None:
            yield "Authorization", f"Basic {b64encode(self.basic.reveal().encode()).decode()}"
        elif self.token is not None and not cloud:
            yield "Authorization", f"Bearer {self.token.reveal()}"

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What no message may repeat."""
        found = [secret for secret in (self.token, self.basic) if secret is not None]
        if self.basic is not None:
            found.append(Secret(self.basic.reveal().partition(":")[2]))
        return tuple(found)


def is_cloud(url: ServerURL) -> bool:
    """Return whether the server is Chroma Cloud, which has quotas."""
    return f".{url.host}".lower().endswith(f".{_CLOUD}")


class Requests:
    """The requests to one server.

    Raises:
        SettingError: A variable that concerns this server cannot be used.
    """

    def __init__(self, url: ServerURL, credentials: Credentials, seconds: float) -> None:
        import httpx

        # It takes a while to load, and most reviews read a directory.
        from drift_checks.core.route import find_route

        self.url = url
        self.base = re.sub(r"/api(?:/v[12])?$", "", _without_user(url.complete).rstrip("/"))
        self._credentials = credentials
        self._seconds = seconds
        self._away: StoreAway | None = None
        self._route = find_route(self.base)
        self._client = httpx.Client(
            headers={
                "Accept": "application/json",
                "Content-Type": "application/json",
                "User-Agent": "drift-checks",
                **dict(credentials.headers(cloud=is_cloud(url))),
            },
            verify=self._route.tls or urlsplit(self.base).scheme == "https",
            proxy=_proxy(self._route),
            trust_env=False,
            timeout=httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds)),
        )

    def get(self, path: str, **parameters: int) -> Any:
        """Return the answer to a GET of Chroma's API, in plain values."""
        return self.request("GET", f"{self.base}{API}{path}", params=parameters).json()

    def post(self, path: str, **content: Any) -> Any:
        """Return the answer to a POST of Chroma's API that reads, in plain values."""
        return self.request("POST", f"{self.base}{API}{path}", json=content).json()

    def request(self, method: str, url: str, **content: Any) -> httpx.Response:
        """Return the answer to a request, which is one in JSON; it is sent again if the server may be back soon.

        Raises:
            NotThere: The server has no such thing.
            StoreAway: It does not answer, or cannot at the moment.
            StoreError: It refuses the request, or is no Chroma server.
        """
        if method.upper() != "GET" and not (method.upper() == "POST" and _READING.fullmatch(urlsplit(url).path)):
            raise StoreError(
                self.url, f"{method} {urlsplit(url).path} is not sent, because it may write", "report this"
            )
        if self._away is not None:
            raise self._away.with_traceback(None)
        try:
            return self._sent_again(method, url, content)
        except StoreAway as error:
            # Each of hundreds of checks would wait for it again.
            self._away = error
            raise

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _sent_again(self, method: str, url: str, content: Mapping[str, Any]) -> httpx.Response:
        for pause in _PAUSES:
            try:
                return self._sent(method, url, content)
            except _Interrupted as error:
                time.sleep(error.pause or pause)
        try:
            return self._sent(method, url, content)
        except _Interrupted as error:
            raise StoreAway(error.what, error.problem, error.remedy) from None

    def _sent(self, method: str, url: str, content: Mapping[str, Any]) -> httpx.Response:
        import httpx

        end = time.monotonic() + self._seconds
        with self._explained(), self._client.stream(method, url, **content) as response:
            received = bytearray()
            for part in response.iter_bytes():
                received += part
                if len(received) > _LARGEST:
                    problem = f"answers with more than {_LARGEST // 2**20} MiB to one request"
                    raise StoreError(self.url, problem, "check what its documents hold")
                if time.monotonic() > end:
                    raise self._too_slow()
        headers = {"Content-Type": response.headers.get("content-type", "")}
        answer = httpx.Response(
            response.status_code, headers=headers, content=bytes(received), request=response.request
        )
        if not response.is_success:
            raise self._refused(answer, response.headers)
        try:
            answer.json()
        except ValueError:
            raise self._no_chroma(answer) from None
        return answer

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except (httpx.ConnectTimeout, httpx.PoolTimeout):
            problem = f"no connection{self._by_proxy()} within {min(_CONNECT_SECONDS, self._seconds):g} seconds"
            raise StoreAway(self.url, problem, _RUNS) from None
        except httpx.TimeoutException:
            raise self._too_slow() from None
        except httpx.TransportError as error:
            raise self._unreachable(error) from None
        except (httpx.InvalidURL, httpx.DecodingError, httpx.StreamError) as error:
            raise StoreError(self.url, f"cannot be read ({self._shown(str(error))})", NAME_A_SERVER) from None

    def _unreachable(self, error: httpx.TransportError) -> StoreError:
        import ssl

        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, ssl.SSLError):
            cause = cause.__cause__ or cause.__context__
        if isinstance(cause, ssl.SSLCertVerificationError):
            problem = f"its certificate is not trusted ({cause.verify_message.rstrip('.')})"
            return StoreError(self.url, problem, "name the file of its authority in the variable SSL_CERT_FILE")
        reason = self._shown(re.sub(r"^\[Errno -?\d+\] ", "", str(error)).rstrip(".")) or type(error).__name__
        if cause is not None:
            problem = f"no encrypted connection{self._by_proxy()} ({reason})"
            return StoreError(self.url, problem, "name it with http:// if it has no certificate")
        remedy = "check the proxy, or name the host in NO_PROXY" if self._route.proxy else _RUNS
        return _Interrupted(self.url, f"cannot be reached{self._by_proxy()} ({reason})", remedy)

    def _too_slow(self) -> StoreError:
        problem = f"no answer within {self._seconds:g} seconds (query-timeout)"
        return StoreAway(self.url, problem, "check the load of the server, or raise --drift-query-timeout")

    def _refused(self, answer: httpx.Response, headers: Mapping[str, str]) -> StoreError:
        status = answer.status_code
        said = self._said(answer)
        if answer.is_redirect:
            target = mask_url(str(headers.get("location", "")))
            return StoreError(
                self.url, f"redirects to {self._shown(target)}", "name that address with --drift-chroma=URL"
            )
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return self._unauthorised(status, said)
        # Chroma before 1.0 answers 400.
        if _error_of(answer) and (status == HTTPStatus.NOT_FOUND or "does not exist" in said):
            return NotThere(self.url, f"not found ({said})", "start the review again")
        if status == HTTPStatus.NOT_FOUND:
            return self._no_chroma(answer)
        problem = f"answers {status} ({said})"
        if status in _PASSING:
            return _Interrupted(self.url, problem, "try again later", pause=_retry_after(headers))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return StoreAway(self.url, problem, "the log of the server says more")
        # Chroma before 1.0 lists no databases.
        kind = Refused if status == HTTPStatus.METHOD_NOT_ALLOWED else StoreError
        return kind(self.url, problem, "the log of the server says more")

    def _unauthorised(self, status: int, said: str) -> StoreError:
        if not self._credentials.secrets:
            problem = f"asks for credentials (HTTP {status}: {said})"
            key = (
                f"{CHROMA_TOKEN} or {CHROMA_KEY}"
                if is_cloud(self.url)
                else f"{CHROMA_TOKEN}, or {CHROMA_BASIC} to user:password"
            )
            return Refused(self.url, problem, f"set the variable {key}")
        sent = [CHROMA_TOKEN] if self._credentials.token is not None else []
        sent += [CHROMA_BASIC] if self._credentials.basic is not None else []
        return Refused(
            self.url,
            f"refuses the credentials (HTTP {status}: {said})",
            f"check {' and '.join(sent)}, and what its user may read",
        )

    def _no_chroma(self, answer: httpx.Response) -> StoreError:
        kind = answer.headers.get("content-type", "").partition(";")[0] or "no content type"
        found = f"HTTP {answer.status_code}, {self._shown(kind)}"
        return NoChroma(self.url, f"does not answer as a Chroma server ({found})", NAME_A_SERVER)

    def _said(self, answer: httpx.Response) -> str:
        message = (_error_of(answer) or {}).get("message")
        return self._shown(str(message or answer.reason_phrase or "no reason"))

    def _shown(self, text: str) -> str:
        return masked_line(text, self._credentials.secrets, _LONGEST_REASON)

    def _by_proxy(self) -> str:
        return f" by the proxy of {self._route.proxy_name}" if self._route.proxy else ""


class Refused(StoreError):
    """The server does not accept the credentials, or not for this."""


class NoChroma(StoreError):
    """Something else than a Chroma server answers."""


class _Interrupted(StoreError):
    """The server may be back soon."""

    def __init__(self, what: object, problem: str, *remedies: str, pause: float = 0) -> None:
        super().__init__(what, problem, *remedies)
        self.pause = pause


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _proxy(route: Route) -> Any:
    import httpx

    if route.proxy is None:
        return None
    return httpx.Proxy(route.proxy, ssl_context=route.tls if urlsplit(route.proxy).scheme == "https" else None)


def _error_of(answer: httpx.Response) -> Mapping[str, Any] | None:
    """Return the error that Chroma answered with, or None if the answer is not Chroma's."""
    try:
        found = answer.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) and "error" in found else None


def _retry_after(headers: Mapping[str, str]) -> float:
    text = headers.get("retry-after", "")
    return min(float(text), _CONNECT_SECONDS) if text.isdecimal() else 0
