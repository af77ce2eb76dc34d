"""A JSON document posted to an address that is shown nowhere, until it is accepted or the time is over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from drift_checks.alerts.channels.base import Deadline, NotDelivered, TryAgain, keep_trying
from drift_checks.core.errors import SettingError
from drift_checks.core.instants import retry_after_seconds
from drift_checks.core.secrets import Secret
from drift_checks.core.text import printable

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
_MOST_READ, _LONGEST_ANSWER = 1000, 200
# They log the path of each request, which is the secret.
TALKATIVE = ("urllib3.connectionpool", "urllib3.util.retry")
# Shorter parts of a path reveal nothing, and occur in any text.
_SHORTEST_SECRET = 6


@dataclass(frozen=True)
class Answer:
    """The status of an answer and the beginning of its body, on one line and without any secret."""

    status: int
    text: str

    @property
    def phrase(self) -> str:
        """The answer in a phrase, as in `404 no_service`."""
        return f"{self.status} {self.text}".strip()


def check_address(name: str, address: Secret) -> None:
    """Raise SettingError, which does not repeat the address, if nothing can be posted to it."""
    try:
        parts = urlsplit(address.reveal())
        labels = (parts.hostname or "").rstrip(".").split(".")
        usable = parts.scheme in ("http", "https") and all(labels) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingError(
            name, "is not a valid address", "it must be like https://host/path; its value is not shown here"
        )


def post_json(
    address: Secret,
    document: Mapping[str, Any],
    deadline: Deadline,
    remedies: Mapping[int, str],
    hide: tuple[Secret, ...] = (),
) -> Answer:
    """Post the document, again after 429, 5xx and broken connections; return the answer that accepts it.

    `remedies` say what to do, by the status of a refusal; `hide` are secrets beside the address.

    Raises:
        NotDelivered: It was not accepted.
    """
    answer = keep_trying(lambda: _post(address, document, deadline, hide), deadline)
    if answer.status // 100 != 2:
        remedy = remedies.get(answer.status)
        raise NotDelivered(f"answered {answer.phrase}{f': {remedy}' if remedy else ''}")
    return answer


def _post(address: Secret, document: Mapping[str, Any], deadline: Deadline, hide: tuple[Secret, ...]) -> Answer:
    import requests

    connect = max(0.1, min(CONNECT_SECONDS, deadline.seconds_left))
    read = max(0.1, min(READ_SECONDS, deadline.seconds_left))
    failure: Exception
    try:
        with (
            silence(),
            requests.post(
                address.reveal(),
                json=document,
                timeout=(connect, read),
                allow_redirects=False,
                stream=True,
                auth=_unchanged,
            ) as response,
        ):
            return _answer(response, address, deadline, hide)
    except requests.ConnectTimeout:
        failure = TryAgain(f"no connection within {connect:.0f} s")
    except requests.Timeout:
        failure = TryAgain(f"no answer within {read:.0f} s")
    except requests.exceptions.SSLError as error:
        failure = TryAgain("no TLS connection could be made")
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            failure = NotDelivered("the server's certificate is not trusted")
    except requests.exceptions.InvalidURL:
        failure = NotDelivered("the address is not valid")
    except requests.exceptions.ProxyError:
        failure = TryAgain("the proxy could not be reached, or refused")
    except requests.ConnectionError as error:
        failure = TryAgain(_why_broken(error))
    except (requests.RequestException, OSError, ValueError) as error:
        failure = TryAgain(f"the connection broke ({type(error).__name__})")
    # Raised outside the handlers, so that no traceback leads to the library's words.
    raise failure


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the request as it is: without any `auth` the library sends what a .netrc holds."""
    return request


def _why_broken(error: BaseException | None) -> str:
    """Return why a connection failed, by the types of the errors within, since their words hold the address."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ConnectionRefusedError):
            return "connection refused"
        if type(error).__name__ in ("NameResolutionError", "gaierror"):
            return "the host's name cannot be resolved"
        inner = [item for item in (getattr(error, "reason", None), *error.args) if isinstance(item, BaseException)]
        error = error.__cause__ or error.__context__ or next(iter(inner), None)
    return "the connection broke"


def _answer(response: requests.Response, address: Secret, deadline: Deadline, hide: tuple[Secret, ...]) -> Answer:
    import requests

    status = response.status_code
    try:
        body = _body(response, deadline)
    except (requests.RequestException, OSError, ValueError):
        if status // 100 != 2:
            raise
        # It was accepted, even if the rest of the answer is lost.
        body = ""
    answer = Answer(status, _hidden(body, address, hide))
    if status == HTTPStatus.TOO_MANY_REQUESTS or status // 100 == 5:
        raise TryAgain(f"answered {answer.phrase}", retry_after_seconds(response.headers.get("Retry-After", "")))
    return answer


def _body(response: requests.Response, deadline: Deadline) -> str:
    """Return the beginning of the body, without waiting for one that comes byte by byte."""
    body = b""
    for piece in response.iter_content(1):
        body += piece
        if len(body) >= _MOST_READ or not deadline.seconds_left:
            break
    return printable(body.decode("utf-8", "replace"), _LONGEST_ANSWER)


def _hidden(text: str, address: Secret, hide: tuple[Secret, ...]) -> str:
    """Return the text without the address, the parts of its path and other secrets."""
    for secret in (address, *hide):
        text = secret.hidden_in(text)
    parts = urlsplit(address.reveal())
    for part in (*parts.path.split("/"), parts.query, parts.password or ""):
        for form in (part, unquote(part)):
            if len(form) >= _SHORTEST_SECRET:
                text = text.replace(form, "…")
    return text


class _Silence(logging.Filter):
    """Keeps from the log what a library logs in a thread that is sending."""

    def __init__(self) -> None:
        super().__init__()
        self.here = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        withheld: list[str] | None = getattr(self.here, "withheld", None)
        if withheld is not None:
            withheld.append(record.getMessage())
        return withheld is None


_SILENCE = _Silence()


@contextmanager
def silence(loggers: Iterable[str] = TALKATIVE) -> Iterator[list[str]]:
    """Keep libraries from logging addresses in this thread; yield what they would have logged."""
    for name in loggers:
        # A logger adds the same filter only once.
        logging.getLogger(name).addFilter(_SILENCE)
    outer: list[str] | None = getattr(_SILENCE.here, "withheld", None)
    _SILENCE.here.withheld = [] if outer is None else outer
    try:
        yield _SILENCE.here.withheld
    finally:
        _SILENCE.here.withheld = outer
