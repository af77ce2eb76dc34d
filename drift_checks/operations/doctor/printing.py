"""The checklist as text for people, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

from drift_checks.core.text import count
from drift_checks.operations.doctor.check import Finding, Status, count_statuses

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = 1
# If fewer columns are left for the messages, the names go above them.
_NARROW = 45
_INDENT = 2
# A name may be as long as a file's.
_LONGEST_NAME = 22
# The marks of each status, in order, and of a remedy.
UNICODE, ASCII = "✓!✗–→", "+!x->"
_COLOURS = {Status.OK: "green", Status.WARNING: "bold yellow", Status.ERROR: "bold red", Status.SKIPPED: "dim"}
_NAME_STYLES = {Status.WARNING: "bold", Status.ERROR: "bold", Status.SKIPPED: "dim"}


def marks_for(encoding: str | None) -> str:
    """Return the marks that an encoding can represent."""
    try:
        UNICODE.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def as_json(findings: Sequence[Finding]) -> str:
    """Return the checklist as JSON, in ASCII."""
    checked = [asdict(finding) | {"remedy": finding.remedy or None} for finding in findings]
    return json.dumps({"schema": SCHEMA, "checked": checked, "counts": count_statuses(findings)}, indent=1) + "\n"


def as_text(findings: Sequence[Finding], width: int, marks: str, *, colour: bool) -> str:
    """Return the checklist in groups for this width, one line a check, each remedy on a line of its own."""
    from rich.console import Console
    from rich.text import Text

    console = Console(width=width, force_terminal=colour, highlight=False, markup=False, emoji=False)
    names = min(_LONGEST_NAME, max((len(finding.name) for finding in findings), default=0))
    is_narrow = width - names - _INDENT - 5 < _NARROW
    with console.capture() as captured:
        for group, lines in groupby(findings, key=lambda finding: finding.group):
            console.print(Text(group, style="bold"))
            for finding in lines:
                console.print(_line(finding, marks, None if is_narrow else names))
            console.print()
        console.print(Text(_summary(findings), style=_worst_colour(findings)), soft_wrap=True)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _line(finding: Finding, marks: str, names: int | None) -> Table:
    """Return the message beside the name in a column of this width, or beneath the name if there is no width."""
    from rich.text import Text

    mark, style = marks[list(Status).index(finding.status)], _COLOURS[finding.status]
    name = Text(finding.name, style=_NAME_STYLES.get(finding.status, ""))
    if names is None:
        table = _table(1, 1)
        table.add_row(Text(mark, style=style), name)
        table.add_row("", _message(finding, marks))
    else:
        table = _table(2, _INDENT + 1, names)
        table.add_row(Text(" " * _INDENT + mark, style=style), name, _message(finding, marks))
    return table


def _message(finding: Finding, marks: str) -> Table:
    """Return the message, and beneath it the remedy, indented behind its mark."""
    from rich.text import Text

    message = _table(0)
    message.add_row(Text(finding.message, style="dim" if finding.status is Status.SKIPPED else ""))
    if finding.remedy:
        remedy = _table(1, 1)
        style = "dim" if finding.status in (Status.OK, Status.SKIPPED) else "cyan"
        remedy.add_row(Text(marks[-1], style=style), Text(finding.remedy, style=style))
        message.add_row(remedy)
    return message


def _table(padding: int, mark: int | None = None, name: int | None = None) -> Table:
    """Return a table with columns for mark and name of these widths, if any, and one for the rest."""
    from rich.table import Table

    table = Table.grid(padding=(0, padding, 0, 0), pad_edge=False)
    if mark is not None:
        table.add_column(no_wrap=True, width=mark)
    if name is not None:
        table.add_column(overflow="fold", width=name)
    table.add_column(overflow="fold")
    return table


def _summary(findings: Sequence[Finding]) -> str:
    counts = count_statuses(findings)
    checks, warnings = count(counts["checked"], "check"), count(counts["warning"], "warning")
    skipped = f"; {counts['skipped']} skipped" if counts["skipped"] else ""
    return f"{checks}: {counts['ok']} passed, {warnings}, {counts['error']} failed{skipped}"


def _worst_colour(findings: Sequence[Finding]) -> str:
    found = {finding.status for finding in findings}
    worst = next((status for status in (Status.ERROR, Status.WARNING) if status in found), Status.OK)
    return f"bold {_COLOURS[worst].removeprefix('bold ')}"
