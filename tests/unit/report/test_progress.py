"""The progress of the reviews in words."""

from __future__ import annotations

import pytest

from drift_checks.core.records import Record, RecordId, Review, Stratum, Usage
from drift_checks.report.progress import Intervals, Tally
from drift_checks.reviews.ledger import Ledger
from tests.support.reviews import failed, made

RECORDS: dict[RecordId, Record] = {
    number: Record(number, Stratum.OLD, {"text": "", "category": "financial"}) for number in range(1, 7)
}


def tally_of(*reviews: Review, before: tuple[Review, ...] = ()) -> Tally:
    """Return the tally of these reviews, after others of the part before an interruption."""
    ledger = Ledger()
    for review in before:
        ledger.add(review)
    tally = Tally(RECORDS, ledger)
    for review in reviews:
        tally.add(review)
    return tally


def test_each_review_is_done_and_a_first_one_may_agree() -> None:
    """A failed one, a second one and one of another record do not agree."""
    tally = tally_of(made(1), made(2, "regulatory"), made(3), failed(4), made(1, repeat=True), before=(made(99),))
    assert (tally.done, tally.agreed, tally.failed, tally.cost) == (6, 2, 1, None)


def test_tokens_and_costs_are_added_up() -> None:
    """Input and output tokens, of failures as well."""
    tally = tally_of(made(1, usage=Usage(6, 6, 0.25)), failed(2, usage=Usage(5, 1)), made(3, usage=Usage(12, 0, 0.25)))
    assert (tally.tokens, tally.cost) == (30, 0.5)


def test_reviews_before_an_interruption_are_counted() -> None:
    """They are in the ledger."""
    tally = tally_of(made(2), before=(made(1), failed(3), made(1, repeat=True)))
    assert (tally.done, tally.agreed, tally.failed, tally.tokens) == (4, 2, 1, 36)


@pytest.mark.parametrize(
    ("reviews", "words"),
    [
        ((), "0 agreed"),
        ((Review(1, "financial"),), "1 agreed"),
        ((made(1),), "1 agreed, 12 tokens"),
        ((failed(1), made(2)), "1 agreed, 1 failed, 12 tokens"),
        ((made(1, usage=Usage(1000, 234, 0.0123)),), "1 agreed, 1,234 tokens, cost 0.0123"),
    ],
)
def test_words_say_what_there_is(reviews: tuple[Review, ...], words: str) -> None:
    """And leave out what there is not."""
    assert str(tally_of(*reviews)) == words


def test_progress_is_logged_at_growing_intervals() -> None:
    """After ten seconds first; a long review does not fill the log."""
    now = [0.0]
    said: list[tuple[int, int, str, float]] = []
    progress = Intervals(tally_of(), 10_000, lambda *event: said.append(event), lambda: now[0])
    for second in range(1, 1001):
        now[0] = float(second)
        progress(made(second, usage=Usage()))
    assert said[0] == (10, 10_000, "6 agreed", 9_990.0)
    assert (len(said) < 40, said[-1][0] - said[-2][0] > 50) == (True, True)
