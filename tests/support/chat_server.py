"""A server on 127.0.0.1 that speaks OpenAI's chat completions.

In a test: `with ChatServer(Behaviour(latency=0.1)) as server: ... server.base_url ...`. As a process, which prints its
base URL and ends with SIGTERM or its standard input: `python -m tests.support.chat_server --latency 0.5`.
"""

from __future__ import annotations

import argparse
import json
import math
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.support.chat_behaviour import Behaviour, Course, Reply, Request, error_reply

CHAT_PATH = "/v1/chat/completions"


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # Head and body leave in one packet.
    server: _Listener

    def do_POST(self) -> None:
        request = self.server.begin(self._read_body(), self.headers)
        reply = self._prepare(request)
        # Before the reply leaves, so that whoever has it finds the status.
        if reply is not None and not reply.cut:
            self.server.requests[request.number - 1] = replace(request, status=reply.status)
        if reply is None:
            self.close_connection = True
        else:
            self._send(reply)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Stay silent."""

    def _prepare(self, request: Request) -> Reply | None:
        if self.path != CHAT_PATH:
            return error_reply(404, f"Unknown request URL: {self.command} {self.path}.")
        course = self.server.course
        with course.progress() as latency:
            if latency is None:
                return course.refusal()
            reply = course.reply(request)
            return None if self._client_leaves(None if reply is None else latency) else reply

    def _read_body(self) -> dict[str, Any]:
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    def _client_leaves(self, seconds: float | None) -> bool:
        """Wait, without end where seconds are None; return whether the client left or the server stopped meanwhile."""
        if seconds == 0:
            return False
        # Not select.select, which takes no descriptor above 1,023.
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        return bool(poll.poll(None if seconds is None else math.ceil(seconds * 1000)))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        if reply.retry_after is not None:
            self.send_header("Retry-After", reply.retry_after)
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)
        self.close_connection |= reply.cut


class _Listener(ThreadingHTTPServer):
    """The listening socket and the connections it has accepted."""

    request_queue_size = 256
    daemon_threads = True

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.course = Course(behaviour)
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._connections: set[Any] = set()

    def begin(self, body: dict[str, Any], headers: Message) -> Request:
        with self._lock:
            request = Request(len(self.requests) + 1, body, headers)
            self.requests.append(request)
        return request

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._connections.add(connection)
        return connection, address

    def close_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients that give up are what some tests are about.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close_connections(self) -> None:
        """End every connection, which wakes the threads that wait on them."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class ChatServer:
    """Serves from construction to `stop()`, or the end of its `with` block; by default soundly and at once."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self._listener = _Listener(behaviour or Behaviour())
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}/v1"

    @property
    def behaviour(self) -> Behaviour:
        """How it answers; setting it starts its statuses and draws anew, for the requests that arrive from then on."""
        return self._listener.course.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._listener.course = Course(behaviour)

    @property
    def most_in_progress(self) -> int:
        """The most requests that were in progress at once under this behaviour."""
        return self._listener.course.most_in_progress

    @property
    def requests(self) -> list[Request]:
        """The POST requests so far, in the order of their arrival."""
        return list(self._listener.requests)

    def stop(self) -> None:
        """Stop listening and end every connection."""
        self._listener.shutdown()
        self._listener.server_close()
        self._listener.close_connections()
        self._thread.join()


def main() -> None:
    """Serve until SIGTERM or the end of standard input."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.chat_server", description=__doc__)
    for name in ("latency", "spread", "rate-limited", "server-error"):
        parser.add_argument(f"--{name}", type=float, default=0.0, metavar="NUMBER")
    for name in ("most-at-once", "workers"):
        parser.add_argument(f"--{name}", type=int, metavar="NUMBER")
    parser.add_argument("--retry-after", default="0")
    options = vars(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ChatServer(Behaviour(**options)) as server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
