"""Reviews by a model behind a chat endpoint: outages, budgets, repeats, and when nothing is asked."""

from __future__ import annotations

from collections import Counter

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.llm_runs import asked, asking
from tests.support.session_runs import SMALL, Review, Run
from tests.support.stores import BuiltStore, records_alone

pytestmark = pytest.mark.usefixtures("llm_key")

TWENTY = ("--drift-sample-size=20", "--drift-baseline=0")
MANY = ("--drift-sample-size=60", "--drift-baseline=0", "--drift-concurrency=4")
OUTAGES = {"500": Behaviour(always=500), "silence": Behaviour(hanging=1)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("outage", "why"), [("500", "answers 500"), ("silence", "no answer within 1 s"), ("nobody", "127.0.0.1")]
)
def test_outage_is_inconclusive(review: Review, store: BuiltStore, server: ChatServer, outage: str, why: str) -> None:
    """It is detected early, ends with 75, and the summary explains it."""
    found = during(outage, review, store, server)
    assert (found.exit_code, found.drift["verdict"], found.drift["agreement"]["rate"]) == (75, "INCONCLUSIVE", None)
    assert len(server.requests) < 30
    assert why in found.summary


def during(outage: str, review: Review, store: BuiltStore, server: ChatServer) -> Run:
    """Return a review of sixty records during an outage."""
    if outage == "nobody":
        server.stop()
    else:
        server.behaviour = OUTAGES[outage]
    return review(*store.options, *MANY, *asking(server), "--drift-timeout=1")


def test_calls_are_bounded(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """`max-calls` bounds retries as well."""
    server.behaviour = Behaviour(server_error=0.3, garbage=0.3)
    review(*store.options, *TWENTY, *asking(server), "--drift-max-calls=7")
    assert len(server.requests) == 7


def test_records_beyond_the_calls_are_unmeasured(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """A record that was not asked about does not agree."""
    found = review(*store.options, *TWENTY, *asking(server), "--drift-max-calls=7")
    reviewer, unmeasured = found.drift["reviewer"], found.criterion("agreement")["unmeasured"]
    assert (reviewer["reviewed"], reviewer["not_asked"], unmeasured, found.exit_code) == (7, 13, 13, 75)


def test_cost_is_bounded(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """`max-cost` is never exceeded, and what it omitted is unmeasured."""
    bounds = ("--drift-llm-price=1,1", "--drift-max-cost=0.006")
    found = review(*store.options, *TWENTY, *asking(server), *bounds)
    reviewer, agreement = found.drift["reviewer"], found.criterion("agreement")
    assert 0 < reviewer["cost"] <= 0.006
    assert agreement["passed"] + agreement["unmeasured"] == 20
    assert agreement["unmeasured"] == reviewer["not_asked"] > 0


def test_steady_model_does_not_differ(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """`repeat` reviews that many records twice; this model answers the same."""
    found = review(*store.options, *TWENTY, *asking(server), "--drift-repeat=3")
    assert sorted(Counter(asked(server.requests)).values()) == [1] * 17 + [2] * 3
    said = found.drift["reviewer"]["self_disagreement"]
    assert (said["repeated"], said["differed"], said["rate"]) == (3, 0, 0.0)


def test_noisy_model_differs(
    review: Review, store: BuiltStore, server: ChatServer, snapshot: SnapshotAssertion
) -> None:
    """A model that changes its mind is reported beside the agreement, which counts the first answers."""
    heard: Counter[str] = Counter()

    def alternating(text: str) -> dict[str, object]:
        heard[text] += 1
        category = next(word for word in ("financial", "regulatory", "operational") if word in text)
        return {"category": category if heard[text] % 2 else "of the second thought", "confidence": 0.9}

    taxonomy = review.folder / "taxonomy.yaml"
    taxonomy.write_text("financial: ''\nregulatory: ''\noperational: ''\nof the second thought: ''\n", encoding="utf-8")
    server.behaviour = Behaviour(answer=alternating)
    # One at a time, so that the model hears the first question first.
    options = (*TWENTY, *asking(server), "--drift-repeat=3", "--drift-concurrency=1", f"--drift-taxonomy={taxonomy}")
    found = review(*store.options, *options)
    (line,) = (line for line in found.summary.splitlines() if line.startswith("noise"))
    said = (found.drift["agreement"]["rate"], found.drift["reviewer"]["self_disagreement"], line)
    assert said == snapshot


@pytest.mark.parametrize("looking", [("--collect-only",), ("-k", "record_integrity")])
def test_nothing_is_asked_without_need(
    review: Review, store: BuiltStore, server: ChatServer, looking: tuple[str, ...]
) -> None:
    """Neither to list the checks, nor for a criterion that compares nothing with the model."""
    found = review(*store.options, *SMALL, *asking(server), *looking)
    assert (found.exit_code, server.requests) == (0, [])


@pytest.mark.slow
def test_each_record_is_asked_about_once_by_two_workers(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """With pytest-xdist one worker asks for both."""
    found = review(*records_alone(store), *TWENTY, *asking(server), "-n", "2", process=True)
    assert (found.exit_code, sorted(asked(server.requests))) == (0, sorted(found.record_ids))


SLOW_IMPORTS = """
import importlib.abc, sys, time

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.startswith("httpx."):
            time.sleep(0.02)

sys.meta_path.insert(0, Slow())
"""


@pytest.mark.slow
def test_slow_imports_do_no_harm(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """The vectors' library and the model's client load in one process, however long it takes."""
    review.pytester.makeconftest(SLOW_IMPORTS)
    found = review(*store.options, *TWENTY, *asking(server), process=True)
    assert (found.drift["reviewer"]["reviewed"], found.exit_code) == (20, 0)
