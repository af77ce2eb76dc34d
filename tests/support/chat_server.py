"""A server on 127.0.0.1 that speaks OpenAI's chat completions and misbehaves as it is told.

In a test: `with ChatServer(Behaviour(latency=0.1)) as server: ... server.base_url ...`. As a process of its own, which
ends with SIGTERM or its standard input: `python -m tests.support.chat_server --latency 0.5 --rate-limited 0.05`. It
prints its base URL and answers GET /counts.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import select
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

CHAT_PATH = "/v1/chat/completions"
COUNTS_PATH = "/counts"
FAULTS = ("rate_limited", "server_error", "hanging", "cut", "garbage", "wrong_label", "no_chat")
GARBAGE = "I am sorry, I cannot say."
UNKNOWN_CATEGORY = "of no taxonomy"
_CATEGORY = re.compile(r"\b(financial|regulatory|operational)\b", re.IGNORECASE)
_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def name_category(user_text: str) -> dict[str, object]:
    """Answer with the category that the text names first, or with `financial` where it names none."""
    found = _CATEGORY.search(user_text)
    word = found[0] if found else "financial"
    rationale = f"The text speaks of {word.lower()} matters."
    return {"category": word.lower(), "confidence": 0.9, "rationale": rationale, "evidence": word}


@dataclass(frozen=True)
class Behaviour:
    """How the endpoint answers; what stands first below is decided first.

    Args:
        latency: Seconds before any answer, errors as well.
        api_key: Where set, another bearer token is answered with 401 and quoted.
        always: The status of every request; 200 is an answer like any other.
        statuses: The statuses of the first requests, counted from when the behaviour was set; 200 as in `always`.
        retry_after: The header that goes with each 429; None leaves it out.
        refused_parameters: Keys of a request that are answered with 400, one at a time.
        param_named: Whether that error's `param` is the key, which the message names in any case.
        seed: Of the draws.
        rate_limited: The share, from 0 to 1, of requests answered with 429. The shares add up to at most 1.
        server_error: The share answered with 500.
        hanging: The share never answered: until the client leaves or the server stops.
        cut: The share whose connection ends in the middle of the body.
        garbage: The share answered by a message that is no JSON.
        wrong_label: The share answered with `UNKNOWN_CATEGORY`.
        no_chat: The share answered with 200 and a page in place of a JSON document.
        answer: The answer to the user's messages: a mapping is sent as JSON, a text as it is.
        model: The name that the endpoint gives itself.
        usage: Whether answers count tokens: the words of all messages, and those of the answer.

    Raises:
        ValueError: A share lies outside 0 to 1, or together they exceed 1.
    """

    latency: float = 0.0
    api_key: str | None = None
    always: int | None = None
    statuses: Sequence[int] = ()
    retry_after: str | None = "0"
    refused_parameters: frozenset[str] = frozenset()
    param_named: bool = True
    seed: int = 0
    rate_limited: float = 0.0
    server_error: float = 0.0
    hanging: float = 0.0
    cut: float = 0.0
    garbage: float = 0.0
    wrong_label: float = 0.0
    no_chat: float = 0.0
    answer: Callable[[str], Mapping[str, object] | str] = name_category
    model: str = "test-model-2026-01"
    usage: bool = True

    def __post_init__(self) -> None:
        shares = [share for _, share in self.faults()]
        if min(shares) < 0 or math.fsum(shares) > 1:
            raise ValueError(f"shares lie from 0 to 1 and add up to at most 1: {shares}")

    def faults(self) -> list[tuple[str, float]]:
        """Return each fault and its share."""
        return [(name, getattr(self, name)) for name in FAULTS]


@dataclass(frozen=True)
class Request:
    """A POST that arrived; `started` is in monotonic seconds, `status` None until, and unless, it is answered whole."""

    number: int
    body: dict[str, Any]
    headers: Message
    started: float
    status: int | None = None

    @property
    def user_text(self) -> str:
        """The user's messages."""
        return self.text_of("user")

    @property
    def system_text(self) -> str:
        """The messages of the system, or of the developer as newer models call it."""
        return self.text_of("system", "developer")

    def text_of(self, *roles: str) -> str:
        """Return the messages of these roles, of all where none is given, a line feed between two."""
        messages = self.body.get("messages")
        said = [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []
        return "\n".join(_text(message.get("content")) for message in said if not roles or message.get("role") in roles)


@dataclass(frozen=True)
class Counts:
    """The server's counters; those not answered whole are in no status."""

    requests: int
    statuses: dict[int, int]
    in_flight: int
    most_in_flight: int


@dataclass(frozen=True)
class _Reply:
    """What goes over the wire."""

    status: int
    body: bytes
    content_type: str = "application/json"
    retry_after: str | None = None
    cut: bool = False


class _Journal:
    """What arrived and how it was answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._statuses: Counter[int] = Counter()
        self._in_flight = 0
        self._most_in_flight = 0

    def begin(self, body: dict[str, Any], headers: Message) -> Request:
        with self._lock:
            request = Request(len(self._requests) + 1, body, headers, time.monotonic())
            self._requests.append(request)
            self._in_flight += 1
            self._most_in_flight = max(self._most_in_flight, self._in_flight)
        return request

    def end(self, request: Request, status: int | None) -> None:
        with self._lock:
            self._in_flight -= 1
            if status is not None:
                self._requests[request.number - 1] = replace(request, status=status)
                self._statuses[status] += 1

    def requests(self) -> list[Request]:
        with self._lock:
            return list(self._requests)

    def counts(self) -> Counts:
        with self._lock:
            return Counts(len(self._requests), dict(self._statuses), self._in_flight, self._most_in_flight)


class _Course:
    """A behaviour and how far it has got."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._lock = threading.Lock()
        self._random = random.Random(behaviour.seed)
        self._statuses = iter(behaviour.statuses)

    def reply(self, request: Request) -> _Reply | None:
        """Return the reply, None where there never is one."""
        refusal = self._refusal(request)
        return self._answer(request, self._draw()) if refusal is None else refusal

    def _refusal(self, request: Request) -> _Reply | None:
        behaviour = self.behaviour
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if behaviour.api_key is not None and given != behaviour.api_key:
            return _error(401, f"Incorrect API key provided: {given}.")
        status = self._next_status()
        if status is not None and status != HTTPStatus.OK:
            return self._failure(status)
        missing = next((key for key in ("model", "messages") if not request.body.get(key)), None)
        if missing is not None:
            return _error(400, f"Missing required parameter: '{missing}'.", missing)
        if request.body.get("stream"):
            return _error(400, "Unsupported value: 'stream' must be false.", "stream")
        refused = next((key for key in request.body if key in behaviour.refused_parameters), None)
        if refused is not None:
            message = f"Unsupported parameter: '{refused}' is not supported with this model."
            return _error(400, message, refused if behaviour.param_named else None)
        return None

    def _answer(self, request: Request, fault: str | None) -> _Reply | None:
        match fault:
            case "hanging":
                return None
            case "rate_limited":
                return self._failure(429)
            case "server_error":
                return self._failure(500)
            case "no_chat":
                return _Reply(200, b"<html><body>Welcome to the proxy</body></html>", "text/html")
            case "garbage":
                return self._completion(request, GARBAGE)
        answer = self.behaviour.answer(request.user_text)
        if fault == "wrong_label":
            sound = name_category(request.user_text) if isinstance(answer, str) else answer
            answer = {**sound, "category": UNKNOWN_CATEGORY}
        content = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        return replace(self._completion(request, content), cut=fault == "cut")

    def _next_status(self) -> int | None:
        with self._lock:
            return next(self._statuses, None) if self.behaviour.always is None else self.behaviour.always

    def _draw(self) -> str | None:
        with self._lock:
            left = self._random.random()
        for name, share in self.behaviour.faults():
            if left < share:
                return name
            left -= share
        return None

    def _failure(self, status: int) -> _Reply:
        reply = _error(status, f"The server answers {status} as it was told to.")
        return replace(reply, retry_after=self.behaviour.retry_after if status == 429 else None)

    def _completion(self, request: Request, content: str) -> _Reply:
        message = {"role": "assistant", "content": content, "refusal": None}
        body: dict[str, object] = {
            "id": f"chatcmpl-{request.number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": self.behaviour.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        }
        if self.behaviour.usage:
            asked, said = (max(1, len(text.split())) for text in (request.text_of(), content))
            body["usage"] = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
        return _json(200, body)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # Head and body leave in one packet.
    server: _Listener

    def do_POST(self) -> None:
        journal = self.server.journal
        request = journal.begin(self._read_body(), self.headers)
        reply = None
        try:
            reply = self._prepare(request)
        finally:
            # Before the reply leaves: a client that keeps to a number of requests is never seen above it.
            journal.end(request, None if reply is None or reply.cut else reply.status)
        if reply is None:
            self.close_connection = True
        else:
            self._send(reply)

    def do_GET(self) -> None:
        if self.path == COUNTS_PATH:
            self._send(_json(200, asdict(self.server.journal.counts())))
        else:
            self._send(self._unknown_path())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Stay silent."""

    def _prepare(self, request: Request) -> _Reply | None:
        course = self.server.course
        reply = course.reply(request) if self.path == CHAT_PATH else self._unknown_path()
        return None if self._client_leaves(None if reply is None else course.behaviour.latency) else reply

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

    def _send(self, reply: _Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        if reply.retry_after is not None:
            self.send_header("Retry-After", reply.retry_after)
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)
        self.close_connection |= reply.cut

    def _unknown_path(self) -> _Reply:
        return _error(404, f"Unknown request URL: {self.command} {self.path}.")


class _Listener(ThreadingHTTPServer):
    """The listening socket and the connections it has accepted."""

    request_queue_size = 256
    daemon_threads = True

    def __init__(self, behaviour: Behaviour, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.course = _Course(behaviour)
        self.journal = _Journal()
        self._lock = threading.Lock()
        self._connections: set[Any] = set()

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
    """Serves from construction to `stop()`, or the end of its `with` block.

    Args:
        behaviour: How it answers; sound and at once where left out.
        port: A free one where it is 0.
    """

    def __init__(self, behaviour: Behaviour | None = None, port: int = 0) -> None:
        self._listener = _Listener(behaviour or Behaviour(), port)
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
        self._listener.course = _Course(behaviour)

    @property
    def requests(self) -> list[Request]:
        """The POST requests so far, in the order of their arrival."""
        return self._listener.journal.requests()

    @property
    def counts(self) -> dict[int, int]:
        """The number of whole answers by status."""
        return self._listener.journal.counts().statuses

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answer."""
        return self._listener.journal.counts().in_flight

    @property
    def most_in_flight(self) -> int:
        """The most requests that ever waited at once."""
        return self._listener.journal.counts().most_in_flight

    def stop(self) -> None:
        """Stop listening and end every connection."""
        self._listener.shutdown()
        self._listener.server_close()
        self._listener.close_connections()
        self._thread.join()


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _json(status: int, document: object) -> _Reply:
    return _Reply(status, json.dumps(document, ensure_ascii=False).encode())


def _error(status: int, message: str, param: str | None = None) -> _Reply:
    kind = _ERROR_TYPES.get(status, "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None)
    error = {"message": message, "type": kind or "invalid_request_error", "param": param, "code": None}
    return _json(status, {"error": error})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.support.chat_server", description=__doc__)
    for name in ("latency", *FAULTS):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=0.0, metavar="NUMBER")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--retry-after", default="0")
    parser.add_argument("--statuses", type=int, nargs="+", default=())
    parser.add_argument("--always", type=int)
    parser.add_argument("--refused-parameters", nargs="+", default=())
    parser.add_argument("--param-named", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--usage", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--model", default=Behaviour.model)
    parser.add_argument("--api-key")
    parser.add_argument("--port", type=int, default=0)
    return parser


def main() -> None:
    """Serve until SIGTERM or the end of standard input."""
    options = vars(_parser().parse_args())
    port = options.pop("port")
    options["refused_parameters"] = frozenset(options["refused_parameters"])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    with ChatServer(Behaviour(**options), port) as server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
