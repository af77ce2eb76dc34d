"""HTTP sessions that no server can exhaust or lead astray, used by all channels that post to an address.

At most `MOST_READ` bytes of an answer are read, also after decompression, and none after the deadline. A request stays
at its origin, and a message is never turned into a request without one.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, LocationValueError
from urllib3.util import parse_url

from drift_checks.alerts.channels.base import Deadline
from drift_checks.alerts.channels.certificates import why_unusable
from drift_checks.core.text import printable

MOST_READ = 4 * 2**20
_PIECE = 65_536
_MOST_REDIRECTS = 5
_KEEPING_THE_MESSAGE = (307, 308)
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")
# With its head, zlib recognises gzip and deflate.
_ANY_HEAD = zlib.MAX_WBITS | 32


class UnusableEnvironment(requests.RequestException):
    """A variable of the environment keeps every request from being sent; the text is a phrase that names it."""


class Session(requests.Session):
    """A session until the deadline; `answers` are those of all requests, in order."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self.answers: list[requests.Response] = []
        self.max_redirects = _MOST_REDIRECTS
        self.headers["Accept-Encoding"] = "identity"
        # Without any, the library sends what a .netrc holds.
        self.auth = _unchanged
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(deadline, self.answers))

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where an answer points, if the same request may be sent there."""
        target = super().get_redirect_target(resp)
        if target is None or not (resp.status_code in _KEEPING_THE_MESSAGE or resp.request.method in ("GET", "HEAD")):
            return None
        try:
            return target if _origin(urljoin(resp.url, target)) == _origin(resp.url) else None
        except ValueError:
            return None


class _Adapter(HTTPAdapter):
    """Sends requests, and reads what a body may hold."""

    def __init__(self, deadline: Deadline, answers: list[requests.Response]) -> None:
        super().__init__()
        self._deadline = deadline
        self._answers = answers

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send the request; return the answer with its body."""
        check_environment(request.url or "", verify, proxies or {})
        response = super().send(request, True, timeout, verify, cert, dict(proxies or {}))
        with response.raw as raw:
            response._content = _body(raw, self._deadline)
        response._content_consumed = True
        self._answers.append(response)
        return response


def destination(response: requests.Response) -> str:
    """Return the origin to which an answer points, without anything that may be secret; empty if it points nowhere."""
    if not response.is_redirect:
        return ""
    try:
        scheme, host, port = _origin(urljoin(response.url, response.headers["Location"]))
    except ValueError:
        return "an invalid address"
    usual = {"http": 80, "https": 443}.get(scheme)
    return printable(f"{scheme}://{host}{'' if port == usual else f':{port}'}", 100)


def proxy_variable(address: str) -> str:
    """Return the variable with the proxy for the address, empty without one."""
    proxy = select_proxy(address, get_environ_proxies(address, no_proxy=None))
    return _named(address, proxy) if proxy else ""


def check_environment(address: str, verify: bool | str, proxies: Mapping[str, str]) -> None:
    """Raise UnusableEnvironment if the proxy or the certificates for the address cannot be used."""
    if proxy := select_proxy(address, dict(proxies)):
        _check_proxy(_named(address, proxy), proxy)
    if isinstance(verify, str) and address.lower().startswith("https://"):
        variable = next((name for name in _CA_VARIABLES if os.environ.get(name) == verify), "the path of certificates")
        if problem := why_unusable(verify):
            raise UnusableEnvironment(f"{variable} names {printable(verify)}, which {problem}")


def environment_fault(address: str) -> str:
    """Return why the environment keeps requests to the address from being sent, empty if it does not."""
    session = requests.Session()
    found = session.merge_environment_settings(address, {}, None, None, None)
    try:
        check_environment(address, found["verify"], found["proxies"])
    except UnusableEnvironment as error:
        return str(error)
    return ""


def _check_proxy(variable: str, proxy: str) -> None:
    """Raise UnusableEnvironment, which does not show the proxy's address: it may hold a password."""
    try:
        parts = parse_url(prepend_scheme_if_needed(proxy, "http"))
        scheme, usable = parts.scheme, bool(parts.host) and " " not in (parts.host or "")
    except (LocationValueError, ValueError):
        scheme, usable = None, False
    if not usable or scheme not in ("http", "https", *_SOCKS):
        raise UnusableEnvironment(
            f"{variable} is not the address of a proxy; it must be like http://host:port or socks5://host:port"
        )
    if scheme in _SOCKS and find_spec("socks") is None:
        raise UnusableEnvironment(f"{variable} names a SOCKS proxy, which needs PySocks: pip install PySocks")


def _named(address: str, proxy: str) -> str:
    """Return the variable that holds a proxy for the address."""
    scheme = urlsplit(address).scheme.lower()
    names = [name for kind in (scheme, "all") for name in (f"{kind}_proxy", f"{kind}_proxy".upper())]
    return next((name for name in names if os.environ.get(name) == proxy), names[1])


def _origin(address: str) -> tuple[str, str, int | None]:
    parts = urlsplit(address)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or {"http": 80, "https": 443}.get(scheme)


def _body(raw: BaseHTTPResponse, deadline: Deadline) -> bytes:
    """Return what can be read of a body in time, decompressed; nothing of one that is encoded otherwise."""
    encoding = raw.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        return b""
    unpacked = None if encoding in ("", "identity") else zlib.decompressobj(_ANY_HEAD)
    body, read = bytearray(), 0
    try:
        while read < MOST_READ and len(body) < MOST_READ and deadline.seconds_left:
            piece = raw.read1(_PIECE, decode_content=False)
            if not piece:
                break
            read += len(piece)
            body += piece if unpacked is None else unpacked.decompress(piece, MOST_READ - len(body))
    except (HTTPError, OSError, zlib.error, ValueError):
        # The rest is lost, and what there is must say whether the message was accepted.
        pass
    return bytes(body[:MOST_READ])


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
