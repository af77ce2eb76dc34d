"""An LLM behind an endpoint that speaks chat completions: how it is asked, and what is counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.records import Usage
from drift_checks.review.reviewers.base import Classification, ParametersRejected
from drift_checks.review.reviewers.llm import EndpointError, Price
from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.classifying import (
    CATEGORIES,
    SOUND,
    ScriptedServer,
    ask,
    chat,
    completion,
    outcomes,
    question,
)
from tests.support.thorough import repetitions

PARAMETERS = ("temperature", "seed", "max_completion_tokens", "response_format")
PRICE = Price(0.5, 2.0)


def error_body(message: str, param: str | None = None) -> bytes:
    """Return an error as OpenAI words it."""
    return json.dumps(
        {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}
    ).encode()


def asked_of(server: ChatServer) -> dict[str, Any]:
    """Return the newest request's body."""
    return server.requests[-1].body


def test_requests_the_steadiest_answer_of_the_taxonomy() -> None:
    """Each request names the model, temperature 0, the seed and the categories."""
    with ChatServer() as server:
        ask(chat(server))
        body = asked_of(server)
    assert (body["model"], body["temperature"], body["seed"]) == ("a-model", 0, 7)
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["category"]["enum"] == list(CATEGORIES)


def test_returns_what_the_model_decides() -> None:
    """Category, confidence, rationale and evidence are those of the answer."""
    with ChatServer(Behaviour(answer=lambda _: SOUND)) as server:
        answer = ask(chat(server))
    assert (answer.category, answer.confidence, answer.rationale, answer.evidence) == tuple(
        SOUND[key] for key in ("category", "confidence", "rationale", "evidence")
    )


@pytest.mark.parametrize("param_named", [True, False], ids=["param", "message"])
@pytest.mark.parametrize("refused", PARAMETERS)
def test_asks_again_without_a_parameter_that_is_refused(refused: str, param_named: bool) -> None:
    """A refusal means asking differently, and the parameter is omitted from the next call on."""
    with ChatServer(Behaviour(refused_parameters=frozenset({refused}), param_named=param_named)) as server:
        first, *others = outcomes(chat(server), question(), question(), question())
        sent = [refused in request.body for request in server.requests]
    assert (type(first), [type(other) for other in others], sent) == (
        ParametersRejected,
        [Classification, Classification],
        [True, False, False],
    )


@pytest.mark.parametrize("status", [400, 422])
def test_understands_a_refusal_as_google_words_it(status: int) -> None:
    """The parameter named only in the message of a list with one error is omitted."""
    said = [{"error": {"code": status, "message": 'Invalid JSON payload received. Unknown name "seed": Cannot find.'}}]
    with ScriptedServer((status, json.dumps(said).encode())) as server:
        ask(chat(server))
        assert set(PARAMETERS) - asked_of(server).keys() == {"seed"}


def test_calls_the_bound_on_tokens_by_its_older_name_where_that_is_known() -> None:
    """Where max_completion_tokens is refused, max_tokens takes its place, with the same number."""
    with ChatServer(Behaviour(refused_parameters=frozenset({"max_completion_tokens"}))) as server:
        ask(chat(server, max_output_tokens=99))
        assert asked_of(server)["max_tokens"] == 99


def test_asks_an_endpoint_that_takes_no_parameter_at_all() -> None:
    """Every parameter can be omitted, where nobody counts the cost."""
    with ChatServer(Behaviour(refused_parameters=frozenset({*PARAMETERS, "max_tokens"}))) as server:
        ask(chat(server))
        assert asked_of(server).keys() == {"model", "messages"}


def test_keeps_a_bound_on_tokens_where_costs_are_counted() -> None:
    """With a price, an endpoint that takes no bound is an error: the bound is never omitted."""
    with ChatServer(Behaviour(refused_parameters=frozenset({"max_completion_tokens", "max_tokens"}))) as server:
        with pytest.raises(EndpointError):
            ask(chat(server, price=PRICE))
        assert all({"max_completion_tokens", "max_tokens"} & request.body.keys() for request in server.requests)


def test_keeps_a_bound_on_tokens_whatever_calls_in_flight_learn() -> None:
    """Calls that are refused the newer name at once still leave the older one in place."""
    refused = frozenset({"max_completion_tokens"})
    with ChatServer(Behaviour(latency=0.1, refused_parameters=refused)) as server:
        classifier = chat(server, price=PRICE, max_output_tokens=99)
        outcomes(classifier, *[question()] * 3, at_once=True)
        ask(classifier)
        assert asked_of(server)["max_tokens"] == 99


def test_asks_every_call_in_flight_again() -> None:
    """Calls that were under way in the refused form are all asked differently, not failed."""
    with ChatServer(Behaviour(latency=0.1, refused_parameters=frozenset({"seed"}))) as server:
        seen = outcomes(chat(server), *[question()] * 3, at_once=True)
    assert [type(outcome) for outcome in seen] == [ParametersRejected] * 3


def test_keeps_a_parameter_that_a_refusal_of_another_mentions() -> None:
    """Where `param` names what is refused, the message's other words refuse nothing."""
    message = "'seed' can't be used here; 'temperature' and 'response_format' can."
    with ScriptedServer((400, error_body(message, "seed"))) as server:
        ask(chat(server))
        assert set(PARAMETERS) - asked_of(server).keys() == {"seed"}


def test_keeps_the_parameters_where_an_error_quotes_the_text() -> None:
    """A record's text that names parameters, quoted by an error about it, changes no other record's call."""
    text = "seed and temperature"
    with ScriptedServer((400, error_body(f"The content {text!r} was filtered.", "messages"))) as server:
        outcomes(chat(server), question(text), question())
        assert set(PARAMETERS) <= asked_of(server).keys()


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_an_error_keeps_its_status_and_headers(status: int) -> None:
    """The pool decides by them, so a call is not repeated here."""
    with ChatServer(Behaviour(always=status, retry_after="17")) as server:
        with pytest.raises(EndpointError) as caught:
            ask(chat(server))
        assert len(server.requests) == 1
    assert caught.value.status_code == status
    assert caught.value.headers.get("retry-after") == ("17" if status == 429 else None)


def test_an_endpoint_that_is_not_there_is_a_broken_connection() -> None:
    """The error says so in the type that every client's user knows."""
    with ChatServer() as server:
        classifier = chat(server)
    with pytest.raises(ConnectionError):
        ask(classifier)


def test_counts_tokens_and_cost() -> None:
    """A million tokens in and a quarter out cost the price of each."""
    used = {"prompt_tokens": 1_000_000, "completion_tokens": 250_000, "total_tokens": 1_250_000}
    with ScriptedServer((200, completion(SOUND, usage=used))) as server:
        assert ask(chat(server, price=PRICE)).usage == Usage(1_000_000, 250_000, 1.0)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {"prompt_tokens": None, "completion_tokens": None},
        "12",
    ],
)
def test_does_not_guess_a_usage_that_the_endpoint_does_not_report(usage: object) -> None:
    """Neither tokens nor a cost of 0 are made up."""
    with ScriptedServer((200, completion(SOUND, usage=usage))) as server:
        assert ask(chat(server, price=PRICE)).usage == Usage()


def test_names_the_model_as_the_endpoint_does() -> None:
    """The answer's model is what answered, not what was asked for."""
    with ChatServer(Behaviour(model="a-model-2026-01-31")) as server:
        assert ask(chat(server)).model == "a-model-2026-01-31"


def test_never_costs_more_than_was_set_aside() -> None:
    """A token for each byte of the messages and the schema, and all tokens that may be answered, cost at most that."""
    with ChatServer() as server:

        @settings(max_examples=repetitions(6, 40))
        @given(text=st.text(max_size=300), retry=st.booleans(), most=st.integers(1, 5000))
        def costs_no_more(text: str, retry: bool, most: int) -> None:
            classifier = chat(server, price=PRICE, max_output_tokens=most)
            asked = question(text, retry=retry)
            ask(classifier, asked)
            body = asked_of(server)
            said = "".join(message["content"] for message in body["messages"])
            read = len(said.encode()) + len(json.dumps(body["response_format"], ensure_ascii=False).encode())
            real = (read * PRICE.input + body["max_completion_tokens"] * PRICE.output) / 1_000_000
            assert classifier.max_cost(asked) >= real

        costs_no_more()


def test_tells_what_to_do_about_a_refused_key(snapshot: SnapshotAssertion) -> None:
    """The sentence names the endpoint, what it said, and the variables."""
    with ChatServer() as server:
        said = str(chat(server).refusal_error("401: Incorrect API key provided: ….")).replace(server.base_url, "URL")
    assert said == snapshot
