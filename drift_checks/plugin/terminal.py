"""What a run prints on the terminal: its progress and its summary."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from drift_checks.core.records import Record, RecordId, Review
from drift_checks.core.text import visible
from drift_checks.report.headline import headline
from drift_checks.report.run import RunReport
from drift_checks.report.summary import summarise
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.ledger import Ledger
from drift_checks.reviews.reviewers.base import OnReview

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
    """Yield a callback for each review: it advances a progress bar on a terminal, and does nothing elsewhere.

    Reviews that the ledger has from before an interruption count as done.
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
        task = bar.add_task("reviewing", total=total, completed=tally.done, so_far=str(tally))

        def advance(review: Review) -> None:
            tally.add(review)
            bar.update(task, advance=1, so_far=str(tally))

        yield advance


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
