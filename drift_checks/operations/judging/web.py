"""The page for judges over HTTP: on this machine alone, and only for those who know its address."""

from __future__ import annotations

import re
import secrets
import sys
from base64 import b64encode
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any
from urllib.parse import parse_qs

from drift_checks.core.errors import DriftError, SettingError
from drift_checks.operations.judging.site import JudgingSite, asset

HOST = "127.0.0.1"
_HOSTS = (HOST, "localhost")
_LARGEST_FORM = 64 * 1024
# The address that a browser is sent to with its cookie.
_WITH_COOKIE = "?cookie"
_KEY = re.compile(r"[\w-]{22}", re.ASCII)


class JudgingServer(ThreadingTCPServer):
    """Serves the site on a port of this machine, 0 for a free one.

    Raises:
        SettingError: The port cannot be used.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, site: JudgingSite, port: int) -> None:
        self.site, self.token = site, secrets.token_urlsafe(16)
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            problem = f"{port} cannot be used ({error.strerror})"
            raise SettingError("--port", problem, "name another, or leave it out for a free one") from None
        self.port = int(self.server_address[1])

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.port}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of browsers that went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: JudgingServer
    timeout = 30
    # What follows the token in the address.
    _rest = ""
    server_version, sys_version = "drift-checks", ""

    def do_GET(self) -> None:
        """Send the page of the browser."""
        if self._is_refused():
            return
        known = self._key()
        if not known and self._rest == _WITH_COOKIE:
            self._send(
                HTTPStatus.FORBIDDEN, "This page needs a cookie. Allow cookies of this address, and open it again."
            )
            return
        key = known or secrets.token_urlsafe(16)
        cookie = f"{self._cookie}={key}; Path=/{self.server.token}; HttpOnly; SameSite=Lax"
        if not known or self._rest:
            # A session holds a record, so who keeps no cookie must not begin one with each request.
            place = f"/{self.server.token}/{'' if known else _WITH_COOKIE}"
            self._send(HTTPStatus.SEE_OTHER, "", "text/plain", ("Location", place), ("Set-Cookie", cookie))
            return
        try:
            self._send(HTTPStatus.OK, self.server.site.page(key), "text/html", ("Set-Cookie", cookie))
        except DriftError as error:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    def do_POST(self) -> None:
        """Take a form, and have the browser ask for its page again."""
        if self._is_refused():
            return
        size, key = self.headers.get("Content-Length", ""), self._key()
        if not self._is_from_own_page() or not key:
            self._send(HTTPStatus.FORBIDDEN, "A form is taken only from this page, in a browser that keeps its cookie.")
        elif not size.isdecimal() or int(size) > _LARGEST_FORM:
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too large.")
        else:
            form = parse_qs(self.rfile.read(int(size)).decode("utf-8", "replace"))
            try:
                self.server.site.act(key, {name: values[-1] for name, values in form.items()})
            except DriftError as error:
                self._send(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
            else:
                self._send(HTTPStatus.SEE_OTHER, "", "text/plain", ("Location", f"/{self.server.token}/"))

    def log_message(self, *_: Any) -> None:
        """Log nothing: the address holds the token."""

    def _is_refused(self) -> bool:
        """Answer requests without the token, for another name of this machine, or for another page."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        token, _, self._rest = self.path.removeprefix("/").partition("/")
        # Another site whose name leads here would send its own name.
        if host not in _HOSTS or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            self._send(HTTPStatus.FORBIDDEN, "Open the whole address that drift-checks judge printed.")
        elif self._rest not in ("", _WITH_COOKIE):
            self._send(HTTPStatus.NOT_FOUND, "There is no such page.")
        else:
            return False
        return True

    def _is_from_own_page(self) -> bool:
        site = self.headers.get("Sec-Fetch-Site")
        # Without a referrer, browsers send "Origin: null".
        return self.headers.get("Origin") == f"http://{self.headers['Host']}" if site is None else site == "same-origin"

    @property
    def _cookie(self) -> str:
        # Browsers send cookies to every port.
        return f"drift-checks-{self.server.port}"

    def _key(self) -> str:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(self._cookie)
        except CookieError:
            return ""
        return found.value if found is not None and _KEY.fullmatch(found.value) else ""

    def _send(self, status: HTTPStatus, content: str, kind: str = "text/plain", *headers: tuple[str, str]) -> None:
        body = content.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in (*_policy(), *headers):
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@cache
def _policy() -> tuple[tuple[str, str], ...]:
    """Return the headers that keep the page to itself: only its own style and script, and no other address."""
    content = (
        "default-src 'none'",
        f"style-src 'sha256-{_digest('style.css')}'",
        f"script-src 'sha256-{_digest('script.js')}'",
        *("img-src data:", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
    )
    return (
        ("Content-Security-Policy", "; ".join(content)),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    )


def _digest(name: str) -> str:
    return b64encode(sha256(asset(name).encode()).digest()).decode()
