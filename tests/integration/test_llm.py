"""Reviews by a model behind a chat endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.chat_behaviour import GARBAGE, UNKNOWN_CATEGORY, Behaviour
from tests.support.chat_server import ChatServer
from tests.support.llm_runs import KEY, asking, named_but
from tests.support.session_runs import SMALL, Review, Run
from tests.support.stores import BuiltStore, records_alone

pytestmark = pytest.mark.usefixtures("llm_key")


def refusal(run: Run, server: ChatServer) -> str:
    """Return the refusal without the endpoint's port."""
    return run.refusal.replace(server.base_url, "<endpoint>")


def test_agreeing_answers_are_ok(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """The report names model and prompt, counts calls and tokens (here words), and nothing holds the key."""
    found = review(*store.options, *SMALL, *asking(server), "--drift-llm-price=2,30")
    assert (found.exit_code, found.drift["verdict"], found.drift["agreement"]["agreed"]) == (0, "OK", 4)
    reviewer = found.drift["reviewer"]
    words = sum(len(request.text_of().split()) for request in server.requests)
    expected = {
        "name": "llm",
        "model": "test-model-2026-01",
        "prompt": "classify-1",
        "input_tokens": words,
        "cost": pytest.approx((2 * words + 30 * reviewer["output_tokens"]) / 1_000_000),
    }
    expected |= {"calls": 5, "reviewed": 5, "failed": 0, "not_asked": 0}
    assert {name: reviewer[name] for name in expected} == expected
    assert reviewer["output_tokens"] >= 5
    assert (len(found.written), KEY in found.text + everything_in(review.folder)) == (1, False)


def test_the_report_says_how_many_calls_were_made_at_once(
    review: Review, store: BuiltStore, server: ChatServer
) -> None:
    """Report, summary and page; an endpoint that refuses the ninth call halves their number."""
    server.behaviour = Behaviour(latency=0.3, most_at_once=8)
    found = review(*store.options, *asking(server), "--drift-sample-size=20")
    used = found.drift["reviewer"]["concurrency"]
    refused = sum(request.status == 429 for request in server.requests)
    assert (used["start"], used["refusals"], used["halved"] >= 1) == (16, {"429": refused}, True)
    assert found.drift["reviewer"]["reviewed"] == found.drift["sample"]["size"]
    words = f"up to {used['most']} calls at once; {refused} answers of 429 halved it"
    assert words in found.text
    assert words in (found.folder / "index.html").read_text(encoding="utf-8")


def test_other_answers_are_critical(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """A model that names other categories disagrees: CRITICAL."""
    server.behaviour = Behaviour(answer=lambda text: {"category": "regulatory", "confidence": 1.0})
    found = review(*store.options, *asking(server), "--drift-records=3,6,9,12,15")
    assert (found.exit_code, found.criterion("agreement")["failed"]) == (1, 5)


@pytest.mark.parametrize("answer", [GARBAGE, {"category": UNKNOWN_CATEGORY, "confidence": 0.9}])
def test_unusable_answer_is_a_failed_review(
    review: Review, store: BuiltStore, server: ChatServer, answer: dict[str, object] | str
) -> None:
    """Garbage and a category of no taxonomy: the record was not measured, and does not disagree."""
    server.behaviour = Behaviour(answer=named_but({3: answer}))
    found = review(*store.options, *asking(server), "--drift-records=1,2,3,4,5,6")
    agreement = found.criterion("agreement")
    assert [agreement[name] for name in ("passed", "failed", "unmeasured")] == [5, 0, 1]


@pytest.mark.parametrize("fault", ["cut"])
def test_nothing_but_unusable_answers_is_inconclusive(
    review: Review, store: BuiltStore, server: ChatServer, fault: str
) -> None:
    """A model that never answers soundly is no drift: 75, and nothing was reviewed."""
    faults: dict[str, float] = {fault: 1.0}
    server.behaviour = Behaviour(**faults)  # type: ignore[arg-type]
    found = review(*store.options, *SMALL, *asking(server), "--drift-timeout=2")
    assert (found.exit_code, found.drift["agreement"]["reviewed"], found.criterion("agreement")["failed"]) == (75, 0, 0)


def test_store_without_vectors_is_reviewed(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """The model needs no Chroma directory; what compares the two stores is not measured."""
    options = records_alone(store)
    found = review(*options, *SMALL, *asking(server))
    verdicts = found.verdicts()
    assert (verdicts["agreement"], verdicts["store_consistency"]) == ("OK", None)


REFUSED = {
    "key": (),
    "model": (),
    "max-cost without price": ("--drift-max-cost=1",),
    "price of one": ("--drift-llm-price=1",),
    "price below 0": ("--drift-llm-price=-1,2",),
    "price in words": ("--drift-llm-price=cheap,2",),
    "address without scheme": ("--drift-llm-base-url=localhost:8000/v1",),
    "address of files": ("--drift-llm-base-url=file:///v1",),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_what_cannot_be_asked_is_refused(
    review: Review,
    store: BuiltStore,
    server: ChatServer,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
) -> None:
    """One sentence and 4, and nothing was asked."""
    options = [option for option in asking(server) if wrong != "model" or "model" not in option]
    if wrong == "key":
        monkeypatch.delenv("OPENAI_API_KEY")
    said = refusal(review(*store.options, *SMALL, *options, *REFUSED[wrong]), server)
    assert said == snapshot
    assert server.requests == []


def test_password_in_the_address_is_refused(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """It would end up in reports: 4 before any call, and the message does not repeat it."""
    wrong = server.base_url.replace("//", "//me:hunter2@")
    refused = review(*store.options, *SMALL, *asking(server), f"--drift-llm-base-url={wrong}")
    assert (refused.exit_code, refused.err.count("ERROR:"), server.requests) == (4, 1, [])
    assert "hunter2" not in refused.text


def test_refused_key_ends_the_run(
    review: Review, store: BuiltStore, server: ChatServer, snapshot: SnapshotAssertion
) -> None:
    """401 is 4, with the remedy, after the first call; the key is shown nowhere, though the endpoint quotes it."""
    server.behaviour = Behaviour(api_key="another")
    found = review(*store.options, *SMALL, *asking(server), "--drift-concurrency=1")
    assert refusal(found, server) == snapshot
    assert len(server.requests) == 1
    assert KEY not in found.text + everything_in(review.folder)


def everything_in(folder: Path) -> str:
    """Return all that was written below a folder."""
    return "".join(file.read_text("utf-8", "replace") for file in folder.rglob("*") if file.is_file())
