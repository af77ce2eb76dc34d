"""What a run prints on the terminal: its progress and its summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from drift_checks.core.records import Record, RecordId, Review
from drift_checks.core.text import visible
from drift_checks.report.events import log_progress
from drift_checks.report.headline import headline
from drift_checks.report.run import RunReport
from drift_checks.report.summary import summarise
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.ledger import Ledger
from drift_checks.reviews.reviewers.base import OnReview

# The seconds before the progress is logged first, and the share of the time so far before it is logged again.
_FIRST, _GROWTH = 10.0, 0.1
_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.CRITICAL: "red", Verdict.INCONCLUSIVE: "cyan"}


def write_summary(
    terminal: pytest.TerminalReporter, report: RunReport, page: Path | None, alerts: Iterable[str]
) -> None:
    """Write the summary of a run, with the path of its HTML report, and a line on the result of each alert."""
    terminal.ensure_newline()
    terminal.section("drift review")
    shortest = page.relative_to(Path.cwd()) if page and page.is_relative_to(Path.cwd()) else page
    for line in summarise(report, shortest):
        markup = {_COLOURS[report.verdict]: True, "bold": True} if line == headline(report) else {}
        terminal.write_line(visible(line), **markup)
    for number, line in enumerate(alerts):
        terminal.write_line(f"{'alerts' if not number else '':<12}{visible(line)}")


def end_line(config: pytest.Config) -> None:
    """End the line that pytest has begun, such as one of dots."""
    if not config.pluginmanager.has_plugin("terminalreporter"):
        return
    writer = config.get_terminal_writer()
    if writer.width_of_current_line:
        writer.line()
    writer.flush()


@contextmanager
def progress(records: Mapping[RecordId, Record], total: int, ledger: Ledger, *, shown: bool) -> Iterator[OnReview]:
    """Yield a callback for each review: it advances a progress bar on a terminal, and logs the progress elsewhere.

    Reviews that the ledger has from before an interruption count as done.
    """
    if not shown:
        yield lambda review: None
        return
    if not sys.stderr.isatty():
        yield Intervals(Tally(records, ledger), total, log_progress)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    tally = Tally(records, ledger)
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
    """Calls `log_progress` with how far the reviews are, at intervals that grow with the time they take.

    Args:
        tally: The reviews so far.
        total: The number of all reviews.
        log_progress: Takes the number of reviews that are done, the total, the tally in words and the seconds left.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        tally: Tally,
        total: int,
        log_progress: Callable[[int, int, str, float], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tally, self._total, self._log_progress, self._clock = tally, total, log_progress, clock
        self._before, self._began = tally.done, clock()
        self._next = self._began + _FIRST

    def __call__(self, review: Review) -> None:
        """Count a review, and log the progress if that is due."""
        self._tally.add(review)
        now = self._clock()
        if now >= self._next:
            elapsed, done = now - self._began, self._tally.done
            left = elapsed / (done - self._before) * max(0, self._total - done)
            self._log_progress(done, self._total, str(self._tally), left)
            self._next = now + max(_FIRST, elapsed * _GROWTH)


class Tally:
    """The reviews so far, counted; as text, in a few words."""

    def __init__(self, records: Mapping[RecordId, Record], ledger: Ledger) -> None:
        self._records = records
        self.done = self.agreed = self.failed = self.tokens = 0
        self.cost: float | None = None
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
