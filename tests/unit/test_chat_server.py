"""The chat server of the tests behaves as it is reported."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.chat_behaviour import UNKNOWN_CATEGORY, Behaviour
from tests.support.chat_server import CHAT_PATH, COUNTS_PATH, ChatServer

TEXT = "A regulatory and financial matter"
MESSAGES = [{"role": "system", "content": "Judge."}, {"role": "user", "content": TEXT}]
BODY = {"model": "test-model", "messages": MESSAGES, "seed": 1}
Answer = tuple[int, str | None, str]


def connect(base_url: str, timeout: float = 10) -> HTTPConnection:
    """Return a connection to the server."""
    return HTTPConnection(urlsplit(base_url).netloc, timeout=timeout)


def post(connection: HTTPConnection, key: str = "key-1", path: str = CHAT_PATH) -> Answer:
    """Ask over the connection; return the status, Retry-After and the body."""
    connection.request("POST", path, json.dumps(BODY), {"Authorization": f"Bearer {key}"})
    response = connection.getresponse()
    return response.status, response.headers["Retry-After"], response.read().decode()


def ask(server: ChatServer, times: int = 1, key: str = "key-1", path: str = CHAT_PATH) -> list[Answer]:
    """Ask that many times over one connection."""
    with closing(connect(server.base_url)) as connection:
        return [post(connection, key, path) for _ in range(times)]


def told(behaviour: Behaviour) -> str:
    """Return the content of the message that a server with this behaviour answers with."""
    with ChatServer(behaviour) as server:
        content: str = json.loads(ask(server)[0][2])["choices"][0]["message"]["content"]
    return content


def error(answer: Answer) -> dict[str, Any]:
    """Return the error of an answer."""
    found: dict[str, Any] = json.loads(answer[2])["error"]
    assert set(found) == {"message", "type", "param", "code"}
    return found


def test_a_sound_answer_names_the_first_category_of_the_text() -> None:
    """With the model's name and the words counted."""
    with ChatServer() as server:
        document = json.loads(ask(server)[0][2])
    assert document["model"] == "test-model-2026-01"
    content = document["choices"][0]["message"]["content"]
    assert json.loads(content)["category"] == "regulatory"
    words = len(content.split())
    assert document["usage"] == {"prompt_tokens": 6, "completion_tokens": words, "total_tokens": 6 + words}


def test_answers_are_the_callers() -> None:
    """A mapping as JSON, a text as it is, without a usage where there is to be none."""
    assert json.loads(told(Behaviour(answer=lambda text: {"label": text}))) == {"label": TEXT}
    assert told(Behaviour(answer=str.upper)) == TEXT.upper()
    with ChatServer(Behaviour(usage=False)) as server:
        assert '"usage"' not in ask(server)[0][2]


def test_requests_are_recorded() -> None:
    """In order, with what was asked and answered, here after a latency."""
    with ChatServer(Behaviour(latency=0.1)) as server:
        ask(server, times=2)
        first, second = server.requests
        assert (first.number, second.number, first.status, server.counts) == (1, 2, 200, {200: 2})
    assert (first.body, first.user_text, first.system_text) == (BODY, TEXT, "Judge.")
    assert first.headers["authorization"] == "Bearer key-1"
    assert second.started - first.started >= 0.1


def test_the_first_statuses_are_as_told() -> None:
    """Only a 429 says when to come back."""
    with ChatServer(Behaviour(statuses=[500, 200, 429], retry_after="7")) as server:
        assert [answer[:2] for answer in ask(server, times=4)] == [(500, None), (200, None), (429, "7"), (200, None)]


def test_a_new_behaviour_starts_anew() -> None:
    """While the server runs."""
    with ChatServer(Behaviour(always=401)) as server:
        assert error(ask(server)[0])["type"] == "authentication_error"
        server.behaviour = Behaviour(statuses=[503])
        assert [answer[0] for answer in ask(server, times=2)] == [503, 200]


def test_faults_that_answer() -> None:
    """Each at a share of one."""
    with ChatServer() as server:
        for behaviour in (Behaviour(rate_limited=1), Behaviour(server_error=1), Behaviour(no_chat=1)):
            server.behaviour = behaviour
            ((_, _, body),) = ask(server)
        assert server.counts == {429: 1, 500: 1, 200: 1}
    for no_document in (body, told(Behaviour(garbage=1))):
        with pytest.raises(json.JSONDecodeError):
            json.loads(no_document)
    assert json.loads(told(Behaviour(wrong_label=1)))["category"] == UNKNOWN_CATEGORY


def test_a_cut_answer_ends_in_its_middle() -> None:
    """It is in no count."""
    with ChatServer(Behaviour(cut=1)) as server, pytest.raises(IncompleteRead):
        ask(server)
    assert (server.requests[0].status, server.counts) == (None, {})


def test_a_hanging_request_ends_with_the_server() -> None:
    """Which it does not keep from stopping."""
    with ChatServer(Behaviour(hanging=1)) as server, closing(connect(server.base_url, timeout=0.1)) as connection:
        with pytest.raises(TimeoutError):
            post(connection)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 0.5


def test_shares_are_drawn_by_the_seed() -> None:
    """The same ones again, near their size."""
    drawn = []
    for seed in (1, 1, 2):
        with ChatServer(Behaviour(rate_limited=0.2, server_error=0.3, seed=seed)) as server:
            drawn.append([status for status, _, _ in ask(server, times=200)])
    assert drawn[0] == drawn[1] != drawn[2]
    assert (drawn[0].count(429), drawn[0].count(500)) == pytest.approx((40, 60), abs=20)


@pytest.mark.parametrize("named", [True, False])
def test_a_parameter_is_refused(named: bool) -> None:
    """By name; in the message alone where the endpoint is one of those."""
    with ChatServer(Behaviour(refused_parameters=frozenset({"seed"}), param_named=named)) as server:
        refusal = error(ask(server)[0])
        assert server.counts == {400: 1}
    assert "'seed'" in refusal["message"]
    assert refusal["param"] == ("seed" if named else None)


def test_another_key_and_another_path_are_refused() -> None:
    """The key is quoted, the path is not known."""
    with ChatServer(Behaviour(api_key="key-1")) as server:
        (wrong_key,), (wrong_path,) = ask(server, key="key-2"), ask(server, path="/v2/chat/completions")
        assert (wrong_key[0], wrong_path[0], ask(server)[0][0]) == (401, 404, 200)
    assert "key-2" in error(wrong_key)["message"]


def test_two_hundred_requests_are_in_flight() -> None:
    """None is answered before the last has arrived."""
    everyone = threading.Barrier(200)
    behaviour = Behaviour(answer=lambda text: str(everyone.wait(10)))
    with ChatServer(behaviour) as server, ThreadPoolExecutor(200) as pool:
        list(pool.map(lambda _: ask(server), range(200)))
        assert (server.counts, server.in_flight, server.most_in_flight) == ({200: 200}, 0, 200)


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server as a process of its own, and its base URL."""
    command = [sys.executable, "-m", "tests.support.chat_server", *arguments]
    pipe, root = subprocess.PIPE, Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()


def test_a_process_of_its_own_tells_its_counts() -> None:
    """It ends with its standard input."""
    with running("--statuses", "503", "--model", "m") as (process, url), closing(connect(url)) as connection:
        assert [post(connection)[0], json.loads(post(connection)[2])["model"]] == [503, "m"]
        connection.request("GET", COUNTS_PATH)
        counts = json.loads(connection.getresponse().read())
        process.communicate(timeout=5)
    assert counts == {"requests": 2, "statuses": {"200": 1, "503": 1}, "in_flight": 0, "most_in_flight": 1}
    assert process.returncode == 0


def test_a_process_of_its_own_ends_with_sigterm() -> None:
    """Also while a request hangs."""
    with running("--hanging", "1") as (process, url), closing(connect(url, timeout=0.1)) as connection:
        with pytest.raises(TimeoutError):
            post(connection)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
