"""The progress of the reviews in words."""

from __future__ import annotations

import pytest

from drift_checks.core.records import Record, RecordId, Review, Stratum, Usage
from drift_checks.plugin.terminal import Tally
from drift_checks.review.ledger import Ledger
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


def test_reviews_are_done() -> None:
    """Made, failed and repeated alike: each moves the bar."""
    assert tally_of(made(1), failed(2), made(1, repeat=True)).done == 3


def test_reviews_that_agree_are_counted() -> None:
    """With the stored category."""
    assert tally_of(made(1), made(2, "regulatory"), made(3)).agreed == 2


def test_failed_review_neither_agrees_nor_disagrees() -> None:
    """It is counted by itself."""
    tally = tally_of(failed(1), failed(2), made(3))
    assert (tally.failed, tally.agreed) == (2, 1)


def test_second_review_agrees_with_nobody() -> None:
    """Agreement is that of the first."""
    assert tally_of(made(1), made(1, repeat=True)).agreed == 1


def test_tokens_are_added_up() -> None:
    """Those in and those out, of failures as well."""
    assert tally_of(made(1), failed(2, usage=Usage(5, 1)), made(3)).tokens == 30


def test_cost_is_added_up() -> None:
    """Where a price is known."""
    assert tally_of(*(made(number, usage=Usage(1, 1, 0.25)) for number in (1, 2))).cost == 0.5


def test_cost_is_none_without_a_price() -> None:
    """Nothing is said of it."""
    assert tally_of(made(1)).cost is None


def test_the_part_before_an_interruption_is_done() -> None:
    """With all that came of it."""
    tally = tally_of(made(2), before=(made(1), failed(3), made(1, repeat=True)))
    assert (tally.done, tally.agreed, tally.failed, tally.tokens) == (4, 2, 1, 36)


def test_review_of_another_record_does_not_agree() -> None:
    """The ledger may hold reviews of records that nobody asks about now."""
    assert tally_of(before=(made(99),)).agreed == 0


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
