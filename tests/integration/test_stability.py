"""Whether the reviewer answers the same where the meaning is the same."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from drift_checks.reviews.journal import JOURNAL_FILE, read_journal
from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.deciding import outcomes_of, own, texts_asked, times_made, write_classifiers
from tests.support.llm_runs import Started, asking
from tests.support.session_runs import SMALL, Review, Run
from tests.support.stores import BuiltStore

TWENTY = ("--drift-sample-size=20", "--drift-baseline=0")
ONLY = ("-k", "agreement or stability")
VARIANTS = 2
BY_DEFAULT = 10 * VARIANTS


def by_own(review: Review, store: BuiltStore, name: str, *more: str) -> Run:
    """Return a review of twenty records by a classifier of the user's own."""
    write_classifiers(review)
    return review(*store.options, own(name), *TWENTY, *ONLY, *more)


def test_classifier_that_minds_white_space_is_found(review: Review, store: BuiltStore) -> None:
    """It is WARNING, exit code 0, and its check failed; agreement is that of the texts themselves."""
    found = by_own(review, store, "spaced", "--drift-stability=20")
    assert (found.exit_code, found.criterion("stability")["verdict"]) == (0, "WARNING")
    assert list(outcomes_of(found, "stability").values()) == ["failed"]
    agreement = found.criterion("agreement")
    assert (agreement["passed"], agreement["failed"], found.drift["disagreements"]) == (20, 0, [])


@pytest.mark.parametrize(("number", "verdict"), [(0, None), (3, None), (20, "OK")])
def test_so_many_records_are_varied_as_is_set(
    review: Review, store: BuiltStore, number: int, verdict: str | None
) -> None:
    """With 0, none is; five are needed for a verdict. White space, case and footers all occur."""
    stability = by_own(review, store, "agreeing", f"--drift-stability={number}").criterion("stability")
    texts = texts_asked(review)
    assert (stability["verdict"], len(texts)) == (verdict, 20 + VARIANTS * number)
    assert ("needs 5 " in stability["message"]) is (number == 3)
    if number == 20:
        assert any("  concerns  " in text or "\nconcerns\n" in text for text in texts)
        assert any("Page" in text or "Table of Contents" in text for text in texts)
        assert any("CONCERNS" in text or text.startswith("risk") for text in texts)


def test_steady_classifier_that_disagrees_is_steady(review: Review, store: BuiltStore) -> None:
    """Stability is compared with the reviewer's own answers, not against the store."""
    found = by_own(review, store, "disagreeing")
    assert (found.criterion("agreement")["verdict"], found.criterion("stability")["verdict"]) == ("CRITICAL", "OK")


def test_ten_records_are_varied_by_default(review: Review, store: BuiltStore) -> None:
    """Twice each, the same for the same seed, no text twice; a class is instantiated once; calls are not reviews."""
    found = by_own(review, store, "Counted")
    assert times_made(review) == 1
    reviewer = found.drift["reviewer"]
    assert (reviewer["calls"], reviewer["reviewed"], reviewer["failed"]) == (20 + BY_DEFAULT, 20, 0)
    stability = found.criterion("stability")
    (statistic,) = stability["statistics"]
    assert (stability["verdict"], stability["value"], statistic["number"]) == ("OK", 0.0, 10)
    assert list(outcomes_of(found, "stability").values()) == ["passed"]
    texts = texts_asked(review)
    assert (len(texts), set(Counter(texts).values())) == (20 + BY_DEFAULT, {1})
    by_own(review, store, "agreeing")
    assert sorted(texts_asked(review)[len(texts) :]) == sorted(texts)


def test_it_is_off_for_neighbours(review: Review, store: BuiltStore) -> None:
    """They read no text, whatever is set."""
    stability = review(*store.options, *SMALL, *ONLY, "--drift-stability=5").criterion("stability")
    assert stability["verdict"] is None
    assert "your own classifier only" in stability["message"]


@pytest.mark.usefixtures("llm_key")
def test_it_is_off_for_a_model_by_default(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """Calls cost: the reason names the setting."""
    stability = review(*store.options, *TWENTY, *ONLY, *asking(server)).criterion("stability")
    assert (stability["verdict"], len(server.requests)) == (None, 20)
    assert "--drift-stability" in stability["message"]


@pytest.mark.usefixtures("llm_key")
def test_model_is_asked_where_it_is_set(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """Each record twice more."""
    found = review(*store.options, *TWENTY, *ONLY, *asking(server), "--drift-stability=7")
    assert (found.criterion("stability")["verdict"], len(server.requests)) == ("OK", 20 + 7 * VARIANTS)


@pytest.mark.parametrize("most", [20, 27])
def test_calls_are_bounded(review: Review, store: BuiltStore, most: int) -> None:
    """`max-calls` bounds all calls; the reviews come first."""
    found = by_own(review, store, "agreeing", f"--drift-max-calls={most}")
    assert (len(texts_asked(review)), found.drift["reviewer"]["calls"]) == (most, most)
    assert found.criterion("agreement")["passed"] == 20


def test_it_is_not_asked_for_where_its_check_is_not_selected(review: Review, store: BuiltStore) -> None:
    """`-k agreement` costs what agreement costs."""
    by_own(review, store, "agreeing", "-k", "test_agreement.py")
    assert len(texts_asked(review)) == 20


def test_it_can_be_asked_for_alone(review: Review, store: BuiltStore) -> None:
    """`-k stability` reviews what it compares with."""
    found = by_own(review, store, "spaced", "--drift-stability=20", "-k", "stability")
    assert found.verdicts() == {"stability": "WARNING"}


@pytest.mark.slow
@pytest.mark.usefixtures("llm_key")
def test_resumed_review_asks_about_no_form_twice(review: Review, store: BuiltStore) -> None:
    """A review that was killed among its variants continues with those that are missing."""
    with ChatServer(Behaviour(latency=0.2)) as server:
        options = (*store.options, *asking(server), *TWENTY, "--drift-concurrency=2", *ONLY, "--drift-stability=10")
        with Started(review.folder, *options) as started:
            started.until(lambda: len(server.requests) >= 30)
            started.tell(signal.SIGKILL)
        (path,) = started.reports.glob(f".*/{JOURNAL_FILE}")
        answered, before = read_journal(path).reviews, len(server.requests)
        server.behaviour = Behaviour()
        resumed = review(*options, "--drift-resume")
        again = len(server.requests) - before
    assert (len(answered) >= 26, again) == (True, 40 - len(answered))
    assert resumed.criterion("stability")["statistics"][0]["number"] == 10
