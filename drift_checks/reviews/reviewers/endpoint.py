"""One POST to an endpoint for chat completions; retries and timeouts are the pool's."""

from __future__ import annotations

import json
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from drift_checks.core.errors import ReviewerError
from drift_checks.core.route import Route, find_route
from drift_checks.core.secrets import Secret
from drift_checks.core.text import printable
from drift_checks.reviews.reviewers.base import NotSent, UnusableAnswer
from drift_checks.reviews.reviewers.failures import describe

if TYPE_CHECKING:
    import httpx

_PATH = "/chat/completions"
_LARGEST = 4 * 1024 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
# These repeat the request as it is.
_SAME_REQUEST = (307, 308)
_MOST_REDIRECTS = 3
# httpx looks at each connection of a client before each request.
_CLIENTS = 4
_DECODER_BITS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
# What httpx loads with the first request. Another thread may be loading the same meanwhile, and a library that two
# threads load at once may be used half loaded.
_LOADED_LATER = (
    *("anyio._backends._asyncio", "anyio.streams.tls", "httpcore._backends.anyio", "httpcore._async.socks_proxy"),
    *("sniffio", "socksio", "socksio.socks5", "h11", "certifi", "encodings.idna", "stringprep", "asyncio.sslproto"),
)


class CallFailed(Exception):
    """A call that failed through the endpoint or its network, and that is not repeated."""


class TooLarge(CallFailed):
    """The answer is larger than any answer to the question."""


class EndpointError(CallFailed):
    """The endpoint answered with an error; nothing in it holds the key, which some endpoints quote.

    Attributes:
        status_code: The HTTP status.
        headers: The headers of the answer.
        document: The error as the endpoint words it: plain values.
    """

    def __init__(self, message: str, status_code: int, headers: Mapping[str, str], document: Any = None) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.headers = headers
        self.document = document


class Redirected(CallFailed):
    """The endpoint is elsewhere."""

    def __init__(self, target: str) -> None:
        super().__init__(f"it redirects to {target}")
        self.target = target


class Endpoint:
    """A client of one endpoint; made in the main thread, so that no other one loads its libraries.

    Raises:
        ReviewerError: The environment does not allow a client.
    """

    def __init__(self, base_url: str, key: Secret) -> None:
        if not (key.reveal().isascii() and key.reveal().isprintable()):
            raise ReviewerError("reviewer", "the key holds characters that no key has", "check where it is set")
        self.base_url = base_url
        self._key = key
        self._url = f"{base_url.rstrip('/')}{_PATH}"
        self._route = find_route(base_url)
        self._clients: list[httpx.AsyncClient] = []
        self._turns = count()
        try:
            import httpx

            for name in _LOADED_LATER:
                with suppress(ModuleNotFoundError):
                    import_module(name)
            httpx.URL(self._url)
            self._tls = self._new_tls()
            self._new_client()
        except Exception as error:
            raise _no_client(self._route, error) from None

    def open(self) -> None:
        """Create the connections' pools for the running event loop."""
        try:
            self._clients = [self._new_client() for _ in range(_CLIENTS)]
        except Exception as error:
            raise _no_client(self._route, error) from None

    async def close(self) -> None:
        """Close the connections."""
        clients, self._clients = self._clients, []
        for client in clients:
            await client.aclose()

    async def post(self, body: Mapping[str, Any]) -> Any:
        """Return the answer to a request, in plain values.

        Raises:
            CallFailed: The endpoint answered with an error, too much, or that it is elsewhere.
            ConnectionError: It cannot be reached.
            UnusableAnswer: The answer is not JSON.
        """
        import httpx

        document = json.dumps(body, ensure_ascii=False)
        # A long text is held in as few forms as possible.
        del body
        content = document.encode("utf-8", "replace")
        del document
        url = self._url
        try:
            for _ in range(_MOST_REDIRECTS):
                answer = await self._send(url, content)
                if not isinstance(answer, str):
                    return answer[0]
                url = answer
        except httpx.InvalidURL:
            # The endpoint's own URL was read before.
            raise Redirected("what is no address") from None
        except httpx.TransportError as error:
            if "location header" in str(error):
                raise Redirected("what is no address") from None
            kind = NotSent if isinstance(error, httpx.ConnectError) else ConnectionError
            raise kind(self._key.hidden_in(f"{self.base_url}{self._by_proxy()}: {describe(error)}")) from error
        raise Redirected(f"{self._url} again")

    async def _send(self, url: str, content: bytes) -> tuple[Any] | str:
        """Return the answer in a tuple, or the URL to send the same request to."""
        assert self._clients, "open() was not called"
        client = self._clients[next(self._turns) % _CLIENTS]
        async with client.stream("POST", url, content=content) as response:
            if response.status_code in _REDIRECTS:
                return self._same_origin(url, response)
            received = await _received(response)
        text = received.decode("utf-8", "replace").removeprefix("\ufeff")
        if response.is_success:
            try:
                return (json.loads(text),)
            except (ValueError, RecursionError):
                raise UnusableAnswer("the endpoint's answer is not JSON") from None
        raise self._error(response, self._key.hidden_in(text))

    def _same_origin(self, url: str, response: httpx.Response) -> str:
        try:
            target = urljoin(url, str(response.headers.get("location", "")))
            origins = [urlsplit(address)[:2] for address in (url, target)]
        except ValueError:
            raise Redirected("what is no address") from None
        if response.status_code not in _SAME_REQUEST or origins[0] != origins[1]:
            # A query may hold a token.
            raise Redirected(self._key.hidden_in(printable(target.partition("?")[0], 200)))
        return target

    def _error(self, response: httpx.Response, text: str) -> EndpointError:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = text
        message = error_message(document) or text.strip() or response.reason_phrase
        return EndpointError(message, response.status_code, response.headers, document)

    def _by_proxy(self) -> str:
        return f" (by the proxy of {self._route.proxy_name})" if self._route.proxy else ""

    def _new_tls(self) -> ssl.SSLContext | bool:
        import httpx

        # Reading certificates takes time, and most endpoints of one's own need none.
        is_encrypted = "https" in (urlsplit(self._url).scheme, _scheme(self._route))
        return self._route.tls or (is_encrypted and httpx.create_ssl_context(trust_env=False))

    def _new_client(self) -> httpx.AsyncClient:
        import httpx

        route = self._route
        proxy_tls = route.tls if _scheme(route) == "https" else None
        proxy = None if route.proxy is None else httpx.Proxy(route.proxy, ssl_context=proxy_tls)
        return httpx.AsyncClient(
            headers={
                "Authorization": f"Bearer {self._key.reveal()}",
                "Content-Type": "application/json",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": "drift-checks",
            },
            verify=self._tls,
            proxy=proxy,
            trust_env=False,
            timeout=None,  # noqa: S113 - the pool's
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        )


def error_message(document: Any) -> str | None:
    """Return the message of an error as the usual endpoints word it."""
    found = document[0] if isinstance(document, list) and document else document
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(key):
            found = found[key]
    return found if isinstance(found, str) and found is not document else None


async def _received(response: httpx.Response) -> bytes:
    """Return the body, decompressed, without ever holding more than is allowed."""
    received = bytearray()
    async for part in _decompressed(response):
        received += part
        if len(received) > _LARGEST:
            raise TooLarge(f"the endpoint's answer is larger than {_LARGEST // 2**20} MiB")
    return bytes(received)


async def _decompressed(response: httpx.Response) -> AsyncIterator[bytes]:
    encoding = response.headers.get("content-encoding", "identity").strip().lower() or "identity"
    if encoding == "identity":
        async for chunk in response.aiter_raw():
            yield chunk
        return
    if encoding not in _DECODER_BITS:
        raise UnusableAnswer(f"the endpoint's answer is encoded as {printable(encoding, 40)}, which was not asked for")
    decoder = zlib.decompressobj(_DECODER_BITS[encoding])
    try:
        async for chunk in response.aiter_raw():
            # One byte more than is allowed tells that there is more.
            yield decoder.decompress(chunk, _LARGEST + 1)
        yield decoder.flush()
    except zlib.error:
        raise UnusableAnswer(f"the endpoint's answer is not {encoding}, as it says") from None


def _scheme(route: Route) -> str:
    return "" if route.proxy is None else urlsplit(route.proxy).scheme


def _no_client(route: Route, error: Exception) -> ReviewerError:
    if route.proxy is not None and not isinstance(error, ImportError):
        return ReviewerError(route.proxy_name, "no client can be created with this proxy", "correct or unset it")
    return ReviewerError(
        "reviewer", f"no client can be created ({type(error).__name__})", "check the installation of httpx"
    )
