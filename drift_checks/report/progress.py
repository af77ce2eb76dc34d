"""How far the reviews are, on a terminal or in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from drift_checks.core.records import Record, RecordId, Review
from drift_checks.reviews.ledger import Ledger
from drift_checks.reviews.reviewers.base import OnReview

Log = Callable[[int, int, str, float], object]
# The seconds before the progress is logged first, and the share of the time so far before it is logged again.
_FIRST, _GROWTH = 10.0, 0.1


@contextmanager
def progress(tally: Tally, total: int, log: Log, *, shown: bool) -> Iterator[OnReview]:
    """Yield a callback for each review: it advances a progress bar on a terminal, and logs the progress elsewhere.

    Args:
        tally: The reviews from before an interruption, which count as done.
        total: The number of all reviews.
        log: Takes the number of reviews that are done, the total, the tally in words and the seconds left.
        shown: Whether to show anything.
    """
    if not shown:
        yield lambda review: None
        return
    if not sys.stderr.isatty():
        yield Intervals(tally, total, log)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        *(TextColumn("reviewing"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[so_far]}", markup=False), TimeRemainingColumn()),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reviewing", total=total, completed=tally.done, so_far=str(tally))

        def advance(review: Review) -> None:
            tally.add(review)
            bar.update(task, advance=1, so_far=str(tally))

        yield advance


class Intervals:
    """Logs how far the reviews are, at intervals that grow with the time they take.

    Args:
        tally: The reviews so far.
        total: The number of all reviews.
        log: As for `progress`.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        tally: Tally,
        total: int,
        log: Log,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tally, self._total, self._log, self._clock = tally, total, log, clock
        self._before, self._began = tally.done, clock()
        self._next = self._began + _FIRST

    def __call__(self, review: Review) -> None:
        """Count a review, and log the progress if that is due."""
        self._tally.add(review)
        now = self._clock()
        if now >= self._next:
            elapsed, done = now - self._began, self._tally.done
            left = elapsed / (done - self._before) * max(0, self._total - done)
            self._log(done, self._total, str(self._tally), left)
            self._next = now + max(_FIRST, elapsed * _GROWTH)


class Tally:
    """The reviews so far, counted; as text, in a few words.

    Args:
        records: The records under review.
        ledgers: The reviews from before an interruption.
    """

    def __init__(self, records: Mapping[RecordId, Record], *ledgers: Ledger) -> None:
        self._records = records
        self.done = self.agreed = self.failed = self.tokens = 0
        self.cost: float | None = None
        for ledger in ledgers:
            for review in (*ledger.reviews.values(), *ledger.repeats.values()):
                self.add(review)

    def add(self, review: Review) -> None:
        """Count a review."""
        self.done += 1
        if not review.made:
            self.failed += 1
        elif not review.repeat and review.record_id in self._records:
            self.agreed += review.category == self._records[review.record_id].category
        self.tokens += (review.usage.input_tokens or 0) + (review.usage.output_tokens or 0)
        if review.usage.cost is not None:
            self.cost = (self.cost or 0.0) + review.usage.cost

    def __str__(self) -> str:
        parts = [f"{self.agreed:,} agreed"]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.tokens:
            parts.append(f"{self.tokens:,} tokens")
        if self.cost is not None:
            parts.append(f"cost {self.cost:.4f}")
        return ", ".join(parts)
