"""What a run prints on the terminal: its summary."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from drift_checks.core.text import visible
from drift_checks.report.headline import headline
from drift_checks.report.run import RunReport
from drift_checks.report.summary import summarise
from drift_checks.report.verdict import Verdict

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
