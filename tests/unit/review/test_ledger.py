"""What reviewers decided, and what it used."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.core.records import Review, Usage
from drift_checks.review.journal import JOURNAL_FILE, Journal, JournalContents, read_journal
from drift_checks.review.ledger import Ledger
from tests.support.reviews import failed, made


def ledger_of(*reviews: Review) -> Ledger:
    """Return a ledger that kept these."""
    ledger = Ledger()
    for review in reviews:
        ledger.add(review)
    return ledger


def test_reviews_are_kept_by_record() -> None:
    """Failures included."""
    assert ledger_of(made(1), failed("two")).reviews == {1: made(1), "two": failed("two")}


def test_second_review_takes_the_place_of_none() -> None:
    """A repeat is kept beside the first."""
    first, again = made(1), made(1, "regulatory", repeat=True)
    ledger = ledger_of(first, again)
    assert (ledger.reviews, ledger.repeats) == ({1: first}, {1: again})


def test_totals_tell_failed_from_not_asked() -> None:
    """A record for which there was no budget did not fail."""
    totals = ledger_of(made(1), failed(2), failed(3, asked=False), made(4)).totals()
    assert [totals[name] for name in ("reviews", "failed", "not_asked")] == [2, 1, 1]


def test_totals_add_up_usage_of_all() -> None:
    """Of failures and repeats as well."""
    ledger = ledger_of(
        made(1, usage=Usage(10, 2, 0.5)),
        failed(2, usage=Usage(20, 3, 0.25)),
        made(1, repeat=True, usage=Usage(30, 4, 0.125)),
    )
    totals = ledger.totals()
    assert [totals[name] for name in ("input_tokens", "output_tokens", "cost")] == [60, 9, 0.875]


@pytest.mark.parametrize("name", ["input_tokens", "output_tokens", "cost", "median_seconds", "slowest_seconds"])
def test_totals_of_what_nobody_says_are_null(name: str) -> None:
    """And not 0."""
    assert ledger_of(Review(1, "financial")).totals()[name] is None


def test_totals_name_each_model_once() -> None:
    """An alias may change its model in the middle of a run."""
    reviews = [made(1, model="b"), made(2, model="a"), made(3, model="b"), made(4)]
    assert ledger_of(*reviews).totals()["models"] == ["a", "b"]


def test_totals_tell_how_long_calls_took() -> None:
    """In the middle and at worst."""
    totals = ledger_of(*(made(number, usage=Usage(seconds=number)) for number in (3, 1, 8))).totals()
    assert (totals["median_seconds"], totals["slowest_seconds"]) == (3, 8)


def test_reviewer_differs_where_both_answers_are_there() -> None:
    """A failed second review is no other decision."""
    twice = [made(1), made(1, repeat=True), made(2), made(2, "regulatory", repeat=True), made(3)]
    totals = ledger_of(*twice, failed(3, repeat=True), failed(4), made(4, repeat=True)).totals()
    assert (totals["repeated"], totals["differed"]) == (2, 1)


def test_calls_are_counted_and_written(tmp_path: Path) -> None:
    """Before it is known what comes of them."""
    ledger, journal = Ledger(), Journal(tmp_path / JOURNAL_FILE)
    ledger.use_journal(journal, JournalContents())
    ledger.add_call(1)
    ledger.add_call(1)
    assert (ledger.calls, read_journal(journal.path).calls) == (2, 2)


def test_reviews_are_written(tmp_path: Path) -> None:
    """Each as it is made."""
    ledger, journal = Ledger(), Journal(tmp_path / JOURNAL_FILE)
    ledger.use_journal(journal, JournalContents())
    ledger.add(made(1))
    assert read_journal(journal.path).reviews == [made(1)]


def resumed(tmp_path: Path, *before: Review, calls: int = 0, spent: float = 0.0) -> Ledger:
    """Return a ledger that continues after these reviews."""
    ledger = Ledger()
    contents = JournalContents(reviews=list(before), calls=calls, spent=spent)
    ledger.use_journal(Journal(tmp_path / JOURNAL_FILE), contents)
    return ledger


def test_reviews_of_before_are_kept(tmp_path: Path) -> None:
    """So that nobody asks again."""
    ledger = resumed(tmp_path, made(1), made(1, "regulatory", repeat=True))
    assert (ledger.reviews, ledger.repeats) == ({1: made(1)}, {1: made(1, "regulatory", repeat=True)})


def test_later_review_of_a_record_counts(tmp_path: Path) -> None:
    """One that failed before the interruption and was made after it."""
    assert resumed(tmp_path, failed(1), made(1)).reviews == {1: made(1)}


def test_spending_of_before_counts(tmp_path: Path) -> None:
    """A budget is one for the whole run."""
    ledger = resumed(tmp_path, calls=3, spent=0.5)
    ledger.add_call(2)
    ledger.add_cost(1.0)
    ledger.add_cost(-0.75)
    assert (ledger.spent().calls, ledger.spent().cost) == (4, 0.75)
