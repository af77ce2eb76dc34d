"""Chroma's own server, and a relay in front of it that can fail in each way that a network does."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.ports import free_port

_START_SECONDS = 30


@dataclass
class ServedDirectory:
    """A Chroma server on 127.0.0.1 that serves a directory, and writes to it."""

    directory: Path
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        """Choose a free port, which stays the same if the server is started again."""
        self.port = free_port()

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        program = Path(sys.executable).with_name("chroma")
        command = [str(program), "run", "--path", str(self.directory), "--host", "127.0.0.1", "--port", str(self.port)]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, cwd=self.directory, stdout=quiet, stderr=quiet, stdin=quiet)
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            with suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"{self.url}/api/v2/heartbeat", timeout=5).close()
                return
            time.sleep(0.05)
        raise AssertionError("the Chroma server does not start")

    def post(self, path: str, **values: object) -> Any:
        """Send a request to the server's API, and return the answer."""
        request = urllib.request.Request(
            f"{self.url}/api/v2/tenants{path}", json.dumps(values).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    def stop(self) -> None:
        """Stop the server at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@dataclass(frozen=True)
class Fault:
    """What the relay answers in place of the server; without a status it closes the connection."""

    status: int | None = None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    # The requests that are answered so: all whose path contains this.
    path: str = ""
    # How many requests before it, and how many of them, fail.
    after: int = 0
    times: int = 1_000_000


class Relay:
    """Passes requests on to a server, notes them, and fails as it is told."""

    def __init__(self, target: str, tls: ssl.SSLContext | None = None) -> None:
        self.target = target
        self._scheme = "http" if tls is None else "https"
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.fault: Fault | None = None
        # Called with each path before it is passed on.
        self.before: Callable[[str], None] = lambda _: None
        self._failing = 0
        self.released = threading.Event()
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name: str) -> Callable[[], None]:
                if not name.startswith("do_"):
                    raise AttributeError(name)
                return lambda: relay.answer(self)

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        """The address of the relay."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop, and release requests that hang."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        self.requests.append((handler.command, handler.path))
        self.headers.append(dict(handler.headers.items()))
        self.before(handler.path)
        fault = self.fault
        if fault is not None and fault.path in handler.path:
            self._failing += 1
            if fault.after < self._failing <= fault.after + fault.times:
                self._fail(handler, fault)
                return
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.target}{handler.path}", body or None, headers, method=handler.command)
        try:
            with urllib.request.urlopen(request) as answer:
                _send(handler, answer.status, answer.read(), {})
        except urllib.error.HTTPError as error:
            _send(handler, error.code, error.read(), {})
        except (urllib.error.URLError, ConnectionError):
            handler.close_connection = True

    def _fail(self, handler: BaseHTTPRequestHandler, fault: Fault) -> None:
        if fault.hangs:
            self.released.wait()
        if fault.status is None:
            handler.close_connection = True
        else:
            _send(handler, fault.status, fault.body, fault.headers)


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
