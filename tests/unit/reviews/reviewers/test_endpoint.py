"""One call to an endpoint: what is sent where, and how much is read."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from drift_checks.core.errors import DriftError
from drift_checks.core.secrets import Secret
from drift_checks.reviews.reviewers.base import NotSent, UnusableAnswer
from drift_checks.reviews.reviewers.endpoint import Endpoint, EndpointError, Redirected, TooLarge, error_message
from tests.support.chat_server import ChatServer
from tests.support.waiting import PATIENCE

KEY = "sk-test-0123456789abcdef"
Reply = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A server on 127.0.0.1 that replies as told, and the requests that it got."""

    def __init__(self, reply: Reply) -> None:
        self.paths: list[str] = []
        self.headers: list[Any] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.paths.append(self.path)
                server.headers.append(self.headers)
                self.rfile.read(int(self.headers["Content-Length"]))
                reply(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                """Stay silent."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Stay silent: clients that leave are what some tests are about."""

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@contextmanager
def serving(reply: Reply) -> Iterator[Server]:
    """Serve until the end of the block."""
    server = Server(reply)
    try:
        yield server
    finally:
        server.server.shutdown()
        server.server.server_close()


def answering(status: int, body: bytes = b"{}", **headers: str) -> Reply:
    """Return a reply with a status, a body and headers."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def post(url: str, timeout: float = 20.0) -> Any:
    """Return the answer to one call."""

    async def call() -> Any:
        endpoint = Endpoint(url, Secret(KEY))
        endpoint.open()
        try:
            async with asyncio.timeout(timeout):
                return await endpoint.post({"text": "ü\ud800"})
        finally:
            await endpoint.close()

    return asyncio.run(call())


def test_sends_the_key_to_the_endpoint_s_path() -> None:
    """A slash at the end of the base URL makes no difference."""
    with serving(answering(200, b'{"a": 1}')) as server:
        assert post(f"{server.url}/") == {"a": 1}
        assert server.paths == ["/v1/chat/completions"]
        assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes), ("", bytes)],
)
def test_reads_a_compressed_answer(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    """As it was asked for, or a little differently."""
    body = json.dumps({"a": "x" * 100_000}).encode()
    with serving(answering(200, compress(body), content_encoding=encoding)) as server:
        assert post(server.url) == {"a": "x" * 100_000}


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip"])
def test_an_answer_in_another_encoding_is_unusable(encoding: str) -> None:
    """Nothing that was not asked for is decoded."""
    with (
        serving(answering(200, b"{}", content_encoding=encoding)) as server,
        pytest.raises(UnusableAnswer, match=encoding),
    ):
        post(server.url)


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
def test_reads_no_more_than_an_answer_takes(status: int, encoding: str) -> None:
    """A body of 200 MB, compressed or not, takes neither memory nor time."""
    compressor = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
    part = b" " * 2**20

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Encoding", encoding)
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(part if encoding == "identity" else compressor.compress(part))

    with serving(reply) as server:
        tracemalloc.start()
        with pytest.raises(TooLarge, match="4 MiB"):
            post(server.url)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 40 * 2**20


def test_an_endless_answer_ends_at_the_timeout() -> None:
    """However slowly it drips."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.01)

    with serving(reply) as server:
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            post(server.url, timeout=0.3)
    assert time.monotonic() - started < PATIENCE


@pytest.mark.parametrize("status", [307, 308])
def test_follows_a_redirect_to_the_same_origin(status: int) -> None:
    """With the same request."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        is_there = handler.path == "/v2/chat/completions"
        answering(200 if is_there else status, b'{"a": 1}', location="/v2/chat/completions")(handler)

    with serving(reply) as server:
        assert post(server.url) == {"a": 1}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_sends_nothing_to_another_origin(status: int) -> None:
    """Neither the key nor the text: the error says where it points."""
    with serving(answering(200)) as other:
        target = f"{other.url}/chat/completions?token=secret"
        with serving(answering(status, location=target)) as server, pytest.raises(Redirected) as caught:
            post(server.url)
        assert other.paths == []
    assert caught.value.target == f"{other.url}/chat/completions"


@pytest.mark.parametrize("location", ["/v1/chat/completions", "http://[bad", "", "javascript:1"])
def test_a_redirect_that_leads_nowhere_ends(location: str) -> None:
    """A loop, and what is no address."""
    with serving(answering(308, location=location)) as server, pytest.raises(Redirected):
        post(server.url)


def test_an_endpoint_that_cannot_be_reached_was_not_sent_to() -> None:
    """So the call cost nothing."""
    with ChatServer() as server:
        url = server.base_url
    with pytest.raises(NotSent, match=url):
        post(url)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"])
def test_what_is_not_json_is_unusable(body: bytes) -> None:
    """Whatever it is."""
    with serving(answering(200, body)) as server, pytest.raises(UnusableAnswer):
        post(server.url)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"error": {"message": "no"}}, "no"),
        ([{"error": {"message": "no"}}], "no"),
        ({"error": "no"}, "no"),
        ({"message": "no"}, "no"),
        ({"detail": "no"}, "no"),
        ({"detail": [{"msg": "no"}]}, None),
        ("no", None),
        (5, None),
        (None, None),
    ],
)
def test_finds_the_message_of_an_error(document: object, message: str | None) -> None:
    """In the forms that endpoints use."""
    assert error_message(document) == message


def test_an_error_hides_the_key() -> None:
    """Also in the document, which says what was wrong."""
    reply = answering(401, json.dumps({"error": {"message": f"bad {KEY}"}}).encode())
    with serving(reply) as server, pytest.raises(EndpointError) as caught:
        post(server.url)
    assert (str(caught.value), caught.value.document) == ("bad …", {"error": {"message": "bad …"}})


def test_refuses_an_unusable_proxy_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that cannot be created is no outage."""
    monkeypatch.setenv("HTTP_PROXY", "socks4://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(DriftError, match="HTTP_PROXY"):
        Endpoint("http://host/v1", Secret(KEY))


def test_goes_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy gets the whole URL."""
    with serving(answering(200, b'{"a": 1}')) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert post("http://host.invalid/v1") == {"a": 1}
        assert proxy.paths == ["http://host.invalid/v1/chat/completions"]


IMPORTS = """
import asyncio, sys
from drift_checks.core.secrets import Secret
from drift_checks.reviews.reviewers.llm import ChatClassifier
from drift_checks.reviews.reviewers.limits import Limits, Spent
from drift_checks.reviews.reviewers.pool import PooledReviewer
from drift_checks.reviews.reviewers.prompt import Prompt
from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.classifiers import make_records

faults = {"server_error": 0.2, "rate_limited": 0.1, "garbage": 0.1, "cut": 0.2}
with ChatServer(Behaviour(**faults, refused_parameters=frozenset({"seed"}))) as server:
    url = server.base_url.replace("127.0.0.1", "localhost")
    reviewer = PooledReviewer(ChatClassifier("m", Secret("k"), Prompt("1", "x"), ("a",), url), Limits(), Spent())
    before = set(sys.modules)
    reviews = list(reviewer.review(make_records(30)))
    reviewer.finish()
    print(sorted(set(sys.modules) - before))
"""


def test_no_call_imports_a_library() -> None:
    """Another thread may be importing the same one, and its half is then all that the call finds."""
    root = Path(__file__).parents[4]
    done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
