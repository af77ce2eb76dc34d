"""What other tests rely on in the chat server of the tests."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, IncompleteRead
from urllib.parse import urlsplit

import pytest

from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import CHAT_PATH, ChatServer
from tests.support.waiting import PATIENCE

TEXT = "A regulatory and financial matter"
BODY = {"model": "test-model", "messages": [{"role": "user", "content": TEXT}]}
Answer = tuple[int, str | None, str]


def ask(server: ChatServer, times: int = 1, timeout: float = 10) -> list[Answer]:
    """Ask over one connection; return each status, Retry-After and body."""
    answers = []
    with closing(HTTPConnection(urlsplit(server.base_url).netloc, timeout=timeout)) as connection:
        for _ in range(times):
            connection.request("POST", CHAT_PATH, json.dumps(BODY), {"Authorization": "Bearer key-1"})
            response = connection.getresponse()
            answers.append((response.status, response.headers["Retry-After"], response.read().decode()))
    return answers


def test_an_answer_names_the_first_category_of_the_text() -> None:
    """It counts words as tokens; the server records the request with its status."""
    with ChatServer() as server:
        document = json.loads(ask(server)[0][2])
        (request,) = server.requests
    content = document["choices"][0]["message"]["content"]
    assert json.loads(content)["category"] == "regulatory"
    assert (document["usage"]["prompt_tokens"], document["usage"]["completion_tokens"]) == (5, len(content.split()))
    assert (request.body, request.user_text, request.status) == (BODY, TEXT, 200)


def test_statuses_are_answered_in_order() -> None:
    """Only a 429 has the header Retry-After; a new behaviour starts its own statuses."""
    with ChatServer(Behaviour(statuses=[500, 200, 429], retry_after="7")) as server:
        assert [answer[:2] for answer in ask(server, times=4)] == [(500, None), (200, None), (429, "7"), (200, None)]
        server.behaviour = Behaviour(statuses=[503], api_key="key-2")
        assert [status for status, _, _ in ask(server)] == [401]


def test_a_cut_answer_ends_in_the_middle() -> None:
    """It has no status."""
    with ChatServer(Behaviour(cut=1)) as server, pytest.raises(IncompleteRead):
        ask(server)
    assert server.requests[0].status is None


def test_a_hanging_request_does_not_keep_the_server_from_stopping() -> None:
    """The client sees no answer."""
    with ChatServer(Behaviour(hanging=1)) as server:
        with pytest.raises(TimeoutError):
            ask(server, timeout=0.1)
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE


def test_two_hundred_requests_are_answered_at_once() -> None:
    """None is answered before the last has arrived."""
    everyone = threading.Barrier(200)
    behaviour = Behaviour(answer=lambda text: str(everyone.wait(10)))
    with ChatServer(behaviour) as server, ThreadPoolExecutor(200) as pool:
        assert {answers[0][0] for answers in pool.map(lambda _: ask(server), range(200))} == {200}
