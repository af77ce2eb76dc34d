"""What reviewers decided, and what it used."""

from __future__ import annotations

from pathlib import Path

from drift_checks.core.records import Review, Usage
from drift_checks.reviews.journal import JOURNAL_FILE, Journal, JournalContents, read_journal
from drift_checks.reviews.ledger import Ledger
from tests.support.reviews import failed, made


def ledger_of(*reviews: Review) -> Ledger:
    """Return a ledger that kept these."""
    ledger = Ledger()
    for review in reviews:
        ledger.add(review)
    return ledger


def test_reviews_and_repeats_are_kept_by_record() -> None:
    """Failures too."""
    first, again = made(1), made(1, "regulatory", repeat=True)
    ledger = ledger_of(first, failed("two"), again)
    assert (ledger.reviews, ledger.repeats) == ({1: first, "two": failed("two")}, {1: again})


def test_totals_distinguish_failed_from_not_asked() -> None:
    """A record without a budget did not fail."""
    totals = ledger_of(made(1), failed(2), failed(3, asked=False), made(4)).totals()
    assert [totals[name] for name in ("reviews", "failed", "not_asked")] == [2, 1, 1]


def test_totals_add_up_the_usage_of_all_reviews() -> None:
    """Failures and repeats too; each model is named once."""
    totals = ledger_of(
        made(1, usage=Usage(10, 2, 0.5, 3), model="b"),
        failed(2, usage=Usage(20, 3, 0.25, 8), model="a"),
        made(1, repeat=True, usage=Usage(30, 4, 0.125, 1), model="b"),
    ).totals()
    assert [totals[name] for name in ("input_tokens", "output_tokens", "cost")] == [60, 9, 0.875]
    assert (totals["median_seconds"], totals["slowest_seconds"], totals["models"]) == (3, 8, ["a", "b"])


def test_totals_that_no_review_reports_are_null() -> None:
    """They are not 0."""
    totals = ledger_of(Review(1, "financial")).totals()
    names = ("input_tokens", "output_tokens", "cost", "median_seconds", "slowest_seconds")
    assert [totals[name] for name in names] == [None] * 5


def test_reviewer_differs_where_both_answers_are_there() -> None:
    """A failed second review is no other decision."""
    twice = [made(1), made(1, repeat=True), made(2), made(2, "regulatory", repeat=True), made(3)]
    totals = ledger_of(*twice, failed(3, repeat=True), failed(4), made(4, repeat=True)).totals()
    assert (totals["repeated"], totals["differed"]) == (2, 1)


def test_calls_and_reviews_are_written_to_the_journal(tmp_path: Path) -> None:
    """Each at once."""
    ledger, journal = Ledger(), Journal(tmp_path / JOURNAL_FILE)
    ledger.use_journal(journal, JournalContents())
    ledger.add_call(1)
    ledger.add_call(1)
    ledger.add(made(1))
    found = read_journal(journal.path)
    assert (ledger.calls, found.calls, found.reviews) == (2, 2, [made(1)])


def resumed(tmp_path: Path, *before: Review, calls: int = 0, spent: float = 0.0) -> Ledger:
    """Return a ledger that continues after these reviews."""
    ledger = Ledger()
    contents = JournalContents(reviews=list(before), calls=calls, spent=spent)
    ledger.use_journal(Journal(tmp_path / JOURNAL_FILE), contents)
    return ledger


def test_a_resumed_run_keeps_its_reviews(tmp_path: Path) -> None:
    """Of a record that failed first and was reviewed later, the later review counts."""
    again = made(1, "regulatory", repeat=True)
    ledger = resumed(tmp_path, failed(1), made(1), again)
    assert (ledger.reviews, ledger.repeats) == ({1: made(1)}, {1: again})


def test_spending_of_before_counts(tmp_path: Path) -> None:
    """A budget is one for the whole run."""
    ledger = resumed(tmp_path, calls=3, spent=0.5)
    ledger.add_call(2)
    ledger.add_cost(1.0)
    ledger.add_cost(-0.75)
    assert (ledger.spent().calls, ledger.spent().cost) == (4, 0.75)
