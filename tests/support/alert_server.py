"""A server in place of Slack and PagerDuty that checks their rules, and misbehaves on demand."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from tests.support.alert_rules import check_event, check_slack

SLACK_PATH = "/services/T00000000/B00000000/sEcReTsEcReTsEcReT"
PAGERDUTY_PATH = "/v2/enqueue"
_TAKEN = {
    SLACK_PATH: (200, "ok"),
    PAGERDUTY_PATH: (202, json.dumps({"status": "success", "message": "Event processed"})),
}
HANG, CUT, DRIP, CUT_BODY = "hang", "cut", "drip", "cut body"
# A status with its body, a status with a Retry-After, or one of the words above.
Step = tuple[int, str] | tuple[int, str, str] | str


class AlertServer:
    """Accepts posts, and keeps them in order: those on other paths come from Apprise.

    `violations` are their faults, `attempts` counts posts by path, `authorizations` are their Authorization headers.
    """

    def __init__(self, port: int = 0) -> None:
        self.slack: list[dict[str, Any]] = []
        self.pagerduty: list[dict[str, Any]] = []
        self.apprise: list[dict[str, Any]] = []
        self.violations: list[str] = []
        self.attempts: dict[str, int] = {}
        self.authorizations: list[str | None] = []
        self._steps: dict[str, deque[Step]] = {}
        self._lock = Lock()
        self._http = _Server(port, self)

    @property
    def address(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def webhook(self) -> str:
        """The address of the webhook."""
        return self.address + SLACK_PATH

    @property
    def events(self) -> str:
        """The address for events."""
        return self.address + PAGERDUTY_PATH

    def then(self, path: str, *steps: Step) -> None:
        """Answer the next posts to the path with these steps, and accept the later ones."""
        with self._lock:
            self._steps[path] = deque(steps)

    def always(self, path: str, step: Step) -> None:
        """Answer all posts to the path with this step."""
        self.then(path, *[step] * 1000)

    def next_step(self, path: str) -> Step:
        """Return the answer to a post to the path, and count it."""
        with self._lock:
            self.attempts[path] = self.attempts.get(path, 0) + 1
            steps = self._steps.get(path)
            return steps.popleft() if steps else _TAKEN.get(path, (404, "no_service"))

    def take(self, path: str, document: dict[str, Any]) -> None:
        """Keep a document, and its faults."""
        with self._lock:
            if path == SLACK_PATH:
                self.violations += check_slack(document)
                self.slack.append(document)
            elif path == PAGERDUTY_PATH:
                self.violations += check_event(document)
                self.pagerduty.append(document)
            else:
                self.apprise.append(document)

    @contextmanager
    def running(self) -> Iterator[AlertServer]:
        """Serve in the background."""
        Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, taker: AlertServer) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.taker = taker


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.taker.authorizations.append(self.headers.get("Authorization"))
        step = self.server.taker.next_step(self.path)
        if isinstance(step, tuple):
            self._take(step[0], body)
            self._answer(*step)
        elif step == HANG:
            time.sleep(60)
        elif step == DRIP:
            self._drip()
        elif step == CUT_BODY:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok")
            self.close_connection = True
        else:
            self.wfile.write(b"HTTP/1.1 2")
            self.close_connection = True

    def _take(self, status: int, body: bytes) -> None:
        if status // 100 == 2:
            if self.headers.get("Content-Type") != "application/json":
                self.server.taker.violations.append("the type of the content is not application/json")
            self.server.taker.take(self.path, json.loads(body))

    def _answer(self, status: int, text: str, retry_after: str | None = None) -> None:
        self.send_response(status)
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        if status // 100 == 3:
            self.send_header("Location", self.server.taker.webhook)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _drip(self) -> None:
        for letter in b"HTTP/1.1 200 OK\r\n" * 20:
            self.wfile.write(bytes([letter]))
            self.wfile.flush()
            time.sleep(0.5)

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output clean."""

    def handle(self) -> None:
        """Answer, unless the client has gone."""
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
