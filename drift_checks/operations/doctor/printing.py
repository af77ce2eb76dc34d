"""The checklist as people and as programs read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from drift_checks.operations.doctor.finding import Finding, Status, counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

SCHEMA = 1
# With less than this left for the sentences, the names stand above them.
_NARROW = 45
_INDENT = 2
# A file's name may be of any length.
_LONGEST_NAME = 22


class Marks(NamedTuple):
    """What stands before a line, by its status, and before a remedy."""

    ok: str
    warning: str
    error: str
    skipped: str
    remedy: str

    def of(self, status: Status) -> str:
        """Return the mark of a status."""
        return str(getattr(self, status.value))


UNICODE = Marks("✓", "!", "✗", "–", "→")
ASCII = Marks("+", "!", "x", "-", ">")
_COLOURS = {Status.OK: "green", Status.WARNING: "bold yellow", Status.ERROR: "bold red", Status.SKIPPED: "dim"}

# What needs somebody is found at a glance.
_NAME_STYLES = {Status.WARNING: "bold", Status.ERROR: "bold", Status.SKIPPED: "dim"}


def marks_for(encoding: str | None) -> Marks:
    """Return the marks that an encoding has."""
    try:
        "".join(UNICODE).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def as_json(findings: Sequence[Finding]) -> str:
    """Return the checklist as JSON, in ASCII."""
    checked = [
        {
            "group": finding.group,
            "name": finding.name,
            "status": str(finding.status),
            "message": finding.message,
            "remedy": finding.remedy or None,
        }
        for finding in findings
    ]
    return json.dumps({"schema": SCHEMA, "checked": checked, "counts": counted(findings)}, indent=1) + "\n"


def as_text(findings: Sequence[Finding], width: int, marks: Marks, *, colour: bool) -> str:
    """Return the checklist in groups, a line a check, the remedy on a line of its own.

    Args:
        findings: What was found.
        width: Of the terminal, in columns.
        marks: That its encoding has.
        colour: Whether there are eyes to see it.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console(width=width, force_terminal=colour, highlight=False, markup=False, emoji=False)
    names = min(_LONGEST_NAME, max((len(finding.name) for finding in findings), default=0))
    with console.capture() as captured:
        for group, lines in groupby(findings, key=lambda finding: finding.group):
            console.print(Text(group, style="bold"))
            _print_lines(console, list(lines), names, width, marks)
            console.print()
        console.print(Text(_summary(findings), style=_worst_colour(findings)), soft_wrap=True)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _print_lines(console: Console, lines: Sequence[Finding], names: int, width: int, marks: Marks) -> None:
    left = width - names - _INDENT - 5
    for finding in lines:
        console.print(_beneath(finding, marks) if left < _NARROW else _beside(finding, names, marks))


def _beside(finding: Finding, names: int, marks: Marks) -> Table:
    """Return a line with the name in a column of its own."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True, width=_INDENT + 1)
    table.add_column(overflow="fold", width=names)
    table.add_column(overflow="fold")
    colour = _COLOURS[finding.status]
    mark = Text(" " * _INDENT + marks.of(finding.status), style=colour)
    table.add_row(mark, _name(finding), _message(finding))
    if finding.remedy:
        table.add_row("", "", _remedy(finding, marks))
    return table


def _beneath(finding: Finding, marks: Marks) -> Table:
    """Return the name on a line, and beneath it what was found."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True, width=1)
    table.add_column(overflow="fold")
    table.add_row(Text(marks.of(finding.status), style=_COLOURS[finding.status]), _name(finding))
    table.add_row("", _message(finding))
    if finding.remedy:
        table.add_row("", _remedy(finding, marks))
    return table


def _name(finding: Finding) -> Text:
    from rich.text import Text

    return Text(finding.name, style=_NAME_STYLES.get(finding.status, ""))


def _message(finding: Finding) -> Text:
    from rich.text import Text

    return Text(finding.message, style="dim" if finding.status is Status.SKIPPED else "")


def _remedy(finding: Finding, marks: Marks) -> Table:
    """Return the remedy behind its mark, so that its further lines stand below the first."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True, width=1)
    table.add_column(overflow="fold")
    quiet = finding.status in (Status.OK, Status.SKIPPED)
    style = "dim" if quiet else "cyan"
    table.add_row(Text(marks.remedy, style=style), Text(finding.remedy, style=style))
    return table


def _summary(findings: Sequence[Finding]) -> str:
    counts = counted(findings)
    warnings = "1 warning" if counts["warning"] == 1 else f"{counts['warning']} warnings"
    left_out = f"; {counts['skipped']} not looked at" if counts["skipped"] else ""
    return f"{counts['checked']} checked: {counts['ok']} right, {warnings}, {counts['error']} wrong{left_out}"


def _worst_colour(findings: Sequence[Finding]) -> str:
    there = {finding.status for finding in findings}
    worst = next((status for status in (Status.ERROR, Status.WARNING) if status in there), Status.OK)
    return f"bold {_COLOURS[worst].removeprefix('bold ')}"
