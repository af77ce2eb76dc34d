"""An LLM behind an endpoint that speaks chat completions: how it is asked, and what is counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.errors import InternalError
from drift_checks.core.records import Usage
from drift_checks.reviews.reviewers.base import Fault, ParametersRejected, UnusableAnswer
from drift_checks.reviews.reviewers.endpoint import EndpointError
from drift_checks.reviews.reviewers.llm import Price
from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.classifying import (
    CATEGORIES,
    KEY,
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
    """Once that is answered, the parameter is omitted from the next call on, and the answer says so."""
    with ChatServer(Behaviour(refused_parameters=frozenset({refused}), param_named=param_named)) as server:
        classifier = chat(server)
        answer = ask(classifier)
        again = ask(classifier)
        sent = [refused in request.body for request in server.requests]
    omitted = () if refused == "max_completion_tokens" else (refused,)
    assert (answer.omitted_parameters, again.omitted_parameters, sent) == (omitted, omitted, [True, False, False])


def test_keeps_a_parameter_if_the_call_fails_without_it_too() -> None:
    """The complaint was about something else."""
    said = error_body("'seed' is not supported")
    with ScriptedServer((400, said), (400, error_body("no"))) as server:
        classifier = chat(server)
        with pytest.raises(EndpointError):
            ask(classifier)
        assert ask(classifier).omitted_parameters == ()
        assert set(PARAMETERS) <= asked_of(server).keys()


@pytest.mark.parametrize(
    "said",
    [
        error_body("'seed' is not supported", "seed"),
        error_body("Request contains an invalid argument."),
        error_body("Grammar error: failed to convert the JSON schema to a grammar"),
    ],
)
def test_keeps_a_parameter_that_was_accepted_before(said: bytes) -> None:
    """An error about one record changes no other call."""
    with ScriptedServer((200, completion(SOUND)), (400, said)) as server:
        seen = outcomes(chat(server), question(), question(), question())
        assert set(PARAMETERS) <= asked_of(server).keys()
    assert isinstance(seen[1], EndpointError)


def test_takes_a_parameter_up_again_that_another_call_was_answered_with() -> None:
    """Of two calls at once, one is refused the seed and asked again without it, and the other is answered with it."""
    with ScriptedServer((400, error_body("'seed' is not supported", "seed"))) as server:
        classifier = chat(server)
        ask(classifier)
        # The call was sent before that answer.
        classifier._parameters.answered({"seed": 7}, question())
        assert ask(classifier).omitted_parameters == ()


@pytest.mark.parametrize(
    "message",
    [
        "Request contains an invalid argument.",
        "The specified schema produces a constraint that has too many states for serving.",
        "Grammar error: failed to convert the JSON schema to a grammar",
        "Invalid schema: expected at most 1000 enum values in total",
    ],
)
def test_asks_without_a_schema_that_is_refused_in_other_words(message: str) -> None:
    """Gemini and vLLM do not name the parameter."""
    with ScriptedServer((400, error_body(message))) as server:
        assert ask(chat(server)).omitted_parameters == ("response_format",)


@pytest.mark.parametrize("code", ["json_validate_failed", "output_parse_failed"])
def test_an_answer_that_the_endpoint_refuses_is_unusable(code: str) -> None:
    """It is the model's answer that quotes the parameters' names, so it is asked for once more, in the same form."""
    error = {"message": "Failed to generate JSON.", "code": code, "failed_generation": "the temperature of the seed"}
    with ScriptedServer((400, json.dumps({"error": error}).encode())) as server:
        seen = outcomes(chat(server), question(), question())
        assert set(PARAMETERS) <= asked_of(server).keys()
    assert isinstance(seen[0], UnusableAnswer)


def test_keeps_the_parameters_if_an_error_quotes_a_part_of_the_text() -> None:
    """A word that is in the text too must be in quotes to be a parameter's name."""
    said = error_body("prompt flagged near 'the temperature is high, my seed ord...'")
    with ScriptedServer((400, said), (400, error_body("Unsupported parameter: 'seed'"))) as server:
        text = "the temperature is high, my seed order is late"
        seen = outcomes(chat(server), question(text), question(text))
    assert [type(outcome) for outcome in seen] == [EndpointError, ParametersRejected]


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


@pytest.mark.parametrize("status", [400, 429, 500])
def test_an_error_keeps_its_status_and_headers(status: int) -> None:
    """The pool decides by them, so a call is not repeated here."""
    with ChatServer(Behaviour(always=status, retry_after="17")) as server:
        with pytest.raises(EndpointError) as caught:
            ask(chat(server))
        assert len(server.requests) == 1
    assert caught.value.status_code == status
    assert caught.value.headers.get("retry-after") == ("17" if status == 429 else None)


FAULTS: dict[str, tuple[int, dict[str, Any]]] = {
    "key": (401, {"message": "Incorrect API key provided: sk-test-0123456789abcdef."}),
    "moderation": (403, {"message": "Your input was flagged"}),
    "quota": (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}),
    "credit": (402, {"message": "Insufficient Balance"}),
    "balance": (400, {"message": "Your credit balance is too low to access the API."}),
    "model": (404, {"message": "The model `a-model` does not exist.", "code": "model_not_found"}),
    "model name": (400, {"message": "Invalid model name passed in model=a-model"}),
    "path": (404, {"message": "Not Found"}),
    "bound": (
        400,
        {
            "message": "max_completion_tokens is too large: 2048. This model supports at most 1024 completion tokens.",
            "param": "max_completion_tokens",
        },
    ),
    "context": (
        400,
        {"message": "max_tokens is too large: 2048. This model's maximum context length is 2000 tokens, 300 are used."},
    ),
    "other": (400, {"message": "The plain HTTP request was sent to HTTPS port"}),
}


def fault_of(status: int, error: dict[str, Any], **options: Any) -> tuple[Fault | None, str]:
    """Return what every call fails with if the endpoint answers so, and its sentence without the endpoint's port."""
    with ScriptedServer((status, json.dumps({"error": error}).encode())) as server:
        classifier = chat(server, **options)
        (failure,) = outcomes(classifier, question())
        assert isinstance(failure, Exception)
        fault = classifier.fault(failure)
        return fault, str(fault.error if fault else failure).replace(server.base_url, "URL")


@pytest.mark.parametrize("name", FAULTS)
def test_a_permanent_fault_says_what_to_do(name: str, snapshot: SnapshotAssertion) -> None:
    """Each names the setting or the account that is at fault, what the endpoint said, and not the key."""
    fault, said = fault_of(*FAULTS[name])
    assert fault is not None
    assert (fault.records, said) == snapshot
    assert KEY not in said


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, {"message": "You exceeded your current quota. Please retry in 27.4s.", "status": "RESOURCE_EXHAUSTED"}),
        (429, {"message": "Rate limit reached"}),
        (503, {"message": "The model is overloaded"}),
    ],
)
def test_what_may_pass_is_no_fault(status: int, error: dict[str, Any]) -> None:
    """It is retried."""
    assert fault_of(status, error)[0] is None


@pytest.mark.parametrize(
    "message",
    [
        "'max_tokens' is too large: 2048. This model's maximum context length is 4096 tokens and your request has 3000"
        " input tokens (2048 > 4096 - 3000).",
        "This model's maximum context length is 8192 tokens. However, you requested 9300 tokens (7252 in the messages,"
        " 2048 in the completion).",
    ],
)
def test_a_text_that_leaves_too_little_of_the_context_is_one_record_s(message: str) -> None:
    """It takes as many failures as any error to be everybody's, and the bound is kept."""
    fault, said = fault_of(400, {"message": message})
    assert fault is not None
    assert fault.records > 1
    assert "llm-max-tokens" not in said


def test_a_defect_of_its_own_ends_the_run() -> None:
    """Without the exception's message, which may quote a record; it is no failed review."""
    with ChatServer() as server:
        classifier = chat(server)
    with pytest.raises(InternalError) as caught:
        classifier.fault(AttributeError("a secret text"))
    assert (caught.value.exit_code, "AttributeError" in str(caught.value), "secret" in str(caught.value)) == (
        3,
        True,
        False,
    )


def test_an_error_in_place_of_an_answer_keeps_its_status() -> None:
    """Some gateways answer 200 with an error inside, which may pass."""
    body = json.dumps({"error": {"message": "Provider returned error", "code": 502}}).encode()
    with ScriptedServer((200, body)) as server, pytest.raises(EndpointError) as caught:
        ask(chat(server))
    assert caught.value.status_code == 502


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
        {"prompt_tokens": -5, "completion_tokens": 3},
        {"prompt_tokens": 5, "completion_tokens": 3.5},
        {"prompt_tokens": 5, "completion_tokens": 3.0},
        {"prompt_tokens": True, "completion_tokens": 3},
        {"prompt_tokens": "5", "completion_tokens": "3"},
        {"prompt_tokens": 10**30, "completion_tokens": 3},
        {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 10**30},
        {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": -8},
        [5, 3],
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
