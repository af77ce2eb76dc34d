"""Changes of versions between runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from drift_checks.core.text import printable
from drift_checks.report.page.charts.picture import Text, rounded
from drift_checks.report.page.charts.scales import Scale, day

MOST_CHANGES = 12
_WORDS = {"model_version": "model", "prompt_version": "prompt", "embedding_model": "embedding model"}
_LABEL_Y = 16
_APART = 24
_LONGEST = 40


class Dated(Protocol):
    """A run with a start and versions."""

    @property
    def started(self) -> datetime:
        """When it started."""

    @property
    def versions(self) -> Mapping[str, str]:
        """The versions of what decided."""


class Change(NamedTuple):
    """A change of versions.

    Attributes:
        number: Its number in the chart, from 1.
        moment: The middle between the runs before and after it.
        words: When it was first seen, and what changed.
    """

    number: int
    moment: datetime
    words: str


class ChangeMark(NamedTuple):
    """A vertical line and the number above it; the text is empty if a neighbour's label includes it."""

    x: float
    label: Text


def changes(runs: Sequence[Dated]) -> tuple[tuple[Change, ...], int]:
    """Return the newest changes of versions between runs in chronological order, and the number of earlier ones.

    A version that is not known of a run is taken from the run before.
    """
    found: list[tuple[datetime, str]] = []
    known: dict[str, str] = {}
    for number, run in enumerate(runs):
        new = {key: str(value) for key, value in run.versions.items() if value}
        changed = [key for key in new if key in known and known[key] != new[key]]
        if changed:
            middle = runs[number - 1].started + (run.started - runs[number - 1].started) / 2
            what = "; ".join(f"{_word(key)} {_cut(known[key])} → {_cut(new[key])}" for key in changed)
            found.append((middle, f"{day(run.started)}: {what}"))
        known |= new
    newest = found[-MOST_CHANGES:]
    return tuple(Change(number, *change) for number, change in enumerate(newest, 1)), len(found) - len(newest)


def change_marks(shown: Sequence[Change], across: Scale) -> tuple[ChangeMark, ...]:
    """Return the lines of the changes; labels that would touch are merged, as in `1–3`."""
    groups: list[list[Change]] = []
    for change in shown:
        near = groups and across(change.moment.timestamp()) - across(groups[-1][0].moment.timestamp()) < _APART
        if near:
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
