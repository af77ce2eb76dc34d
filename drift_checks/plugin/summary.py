"""The summary of a run on pytest's terminal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from drift_checks.report.headline import headline
from drift_checks.report.run import RunReport
from drift_checks.report.summary import summarise
from drift_checks.report.verdict import Verdict

_COLOURS = {
    Verdict.OK: "green",
    Verdict.WARNING: "yellow",
    Verdict.CRITICAL: "red",
    Verdict.INCONCLUSIVE: "cyan",
}


def write_summary(
    terminal: pytest.TerminalReporter, report: RunReport, page: Path | None, alerts: Iterable[str]
) -> None:
    """Write the summary.

    Args:
        terminal: Where to.
        report: The run.
        page: The HTML report, where one was written.
        alerts: What became of the alerts, a line each.
    """
    terminal.ensure_newline()
    terminal.section("drift review")
    for line in summarise(report, page and _shortest(page)):
        markup = {_COLOURS[report.verdict]: True, "bold": True} if line == headline(report) else {}
        terminal.write_line(line, **markup)
    for number, line in enumerate(alerts):
        terminal.write_line(f"{'alerts' if not number else '':<12}{line}")


def _shortest(page: Path) -> Path:
    return page.relative_to(Path.cwd()) if page.is_relative_to(Path.cwd()) else page
