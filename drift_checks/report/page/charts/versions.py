"""Changes of versions between runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from drift_checks.core.text import printable
from drift_checks.report.page.charts.picture import Text, rounded
from drift_checks.report.page.charts.scales import Scale, day

MOST_CHANGES = 12
_WORDS = {"model_version": "model", "prompt_version": "prompt", "embedding_model": "embedding model"}
_LABEL_Y = 16
_APART = 24
_LONGEST = 40


class Change(NamedTuple):
    """A change of versions, numbered from 1; its moment is the middle between the runs before and after it."""

    number: int
    moment: datetime
    words: str


class ChangeMark(NamedTuple):
    """A vertical line and the number above it; the text is empty if a neighbour's label includes it."""

    x: float
    label: Text


def changes(runs: Sequence[tuple[datetime, Mapping[str, str]]]) -> tuple[tuple[Change, ...], int]:
    """Return the newest changes of versions between runs, from the start and the versions of each, oldest first.

    The number is that of the earlier changes, which are left out.

    A version that is not known of a run is taken from the run before.
    """
    found: list[tuple[datetime, str]] = []
    known: dict[str, str] = {}
    before = runs[0][0]
    for started, versions in runs:
        new = {key: str(value) for key, value in versions.items() if value}
        changed = [key for key in new if key in known and known[key] != new[key]]
        if changed:
            what = "; ".join(f"{_word(key)} {_cut(known[key])} → {_cut(new[key])}" for key in changed)
            found.append((before + (started - before) / 2, f"{day(started)}: {what}"))
        known |= new
        before = started
    newest = found[-MOST_CHANGES:]
    return tuple(Change(number, *change) for number, change in enumerate(newest, 1)), len(found) - len(newest)


def change_marks(shown: Sequence[Change], across: Scale) -> tuple[ChangeMark, ...]:
    """Return the lines of the changes; labels that would touch are merged, as in `1–3`."""
    groups: list[list[Change]] = []
    for change in shown:
        if groups and across(change.moment.timestamp()) - across(groups[-1][0].moment.timestamp()) < _APART:
            groups[-1].append(change)
        else:
            groups.append([change])
    marks = []
    for group in groups:
        for change in group:
            x = rounded(across(change.moment.timestamp()))
            numbers = str(group[0].number) if len(group) == 1 else f"{group[0].number}–{group[-1].number}"
            marks.append(ChangeMark(x, Text(x, _LABEL_Y, numbers if change is group[0] else "")))
    return tuple(marks)


def _word(key: str) -> str:
    return _WORDS.get(key, printable(key, _LONGEST))


def _cut(version: str) -> str:
    return printable(version, _LONGEST) or "(none)"
