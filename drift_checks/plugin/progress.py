"""The progress of the reviews on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from drift_checks.core.records import Record, RecordId, Review
from drift_checks.review.ledger import Ledger
from drift_checks.review.reviewers.base import OnReview


@contextmanager
def progress(records: Mapping[RecordId, Record], total: int, ledger: Ledger, *, shown: bool) -> Iterator[OnReview]:
    """Yield what is called after each review: it moves a bar on a terminal, and does nothing elsewhere.

    Args:
        records: What is reviewed, by id.
        total: How many reviews there will be.
        ledger: Of the run; what came of the part before an interruption counts as done.
        shown: Whether anything is to be shown at all.
    """
    if not (shown and sys.stderr.isatty()):
        yield lambda review: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    tally = Tally(records, ledger)
    columns = (
        *(TextColumn("reviewing"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[so_far]}", markup=False), TimeRemainingColumn()),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reviewing", total=total, completed=tally.done, so_far=tally.words())

        def advance(review: Review) -> None:
            tally.take(review)
            bar.update(task, advance=1, so_far=tally.words())

        yield advance


class Tally:
    """What came of the reviews so far, in a few words.

    Args:
        records: What is reviewed, by id.
        ledger: Of the run.
    """

    def __init__(self, records: Mapping[RecordId, Record], ledger: Ledger) -> None:
        self._records = records
        self.done = self.agreed = self.failed = self.tokens = 0
        self.cost: float | None = None
        for review in (*ledger.reviews.values(), *ledger.repeats.values()):
            self.take(review)

    def take(self, review: Review) -> None:
        """Count a review."""
        self.done += 1
        if not review.made:
            self.failed += 1
        elif not review.repeat and review.record_id in self._records:
            self.agreed += review.category == self._records[review.record_id].category
        self.tokens += (review.usage.input_tokens or 0) + (review.usage.output_tokens or 0)
        if review.usage.cost is not None:
            self.cost = (self.cost or 0.0) + review.usage.cost

    def words(self) -> str:
        """Return the counts, those alone that there are."""
        parts = [f"{self.agreed:,} agreed"]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.tokens:
            parts.append(f"{self.tokens:,} tokens")
        if self.cost is not None:
            parts.append(f"cost {self.cost:.4f}")
        return ", ".join(parts)
