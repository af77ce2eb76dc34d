"""A forest plot: the agreement of each slice with its interval, and the overall rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from drift_checks.core.text import count, percent, percent_range
from drift_checks.report.page.charts.picture import Box, Plot, Sign, Text, brief, fitted, legend, named, rounded, tone
from drift_checks.report.page.charts.scales import Scale, round_down, step_of, ticks

WIDTH = 720
MOST_SLICES = 25
_LEFT, _RIGHT, _TOP = 218, 530, 30
_WORDS, _NUMBERS = 546, 712
_ROW, _GROUP = 21, 28
_ORDER = ("critical", "warning", "inconclusive", "ok", "none")


class Slice(NamedTuple):
    """The agreement in a part of the sample: a dimension's name and value, the rate with its interval, and the verdict.

    It has no verdict if it was not judged. `joined` is between the dimension and the value where both are on one line.
    """

    group: str
    label: str
    rate: float
    low: float
    high: float
    number: int
    verdict: str | None
    joined: str = ": "

    @property
    def kind(self) -> str:
        """The kind of its mark."""
        return tone(self.verdict)


class ForestMark(NamedTuple):
    """A slice's rate."""

    x: float
    y: float
    kind: str


@dataclass(frozen=True, kw_only=True)
class Forest(Plot):
    """Rows of slices, grouped by dimension; `column_words` are the x of the words and of the end of the numbers."""

    places: tuple[Text, ...]
    overall: float | None
    overall_label: Text | None
    groups: tuple[Text, ...]
    labels: tuple[Text, ...]
    intervals: str
    marks: tuple[ForestMark, ...]
    words: tuple[Text, ...]
    numbers: tuple[Text, ...]
    column_words: tuple[float, float]
    remark: str


def forest_picture(slices: Sequence[Slice], overall: float | None) -> Forest | None:
    """Lay out the worst slices, at most `MOST_SLICES`, with the overall rate; return None without slices."""
    if not slices:
        return None
    known = sorted(slices, key=lambda row: (_ORDER.index(row.kind), row.rate, row.high, row.group, row.label))
    shown, rest = known[:MOST_SLICES], known[MOST_SLICES:]
    rows, groups, bottom = _placed(shown)
    across, marks = _rates(shown, overall)
    return Forest(
        width=WIDTH,
        height=rounded(bottom + (76 if rest else 56)),
        title="Agreement by slice",
        summary=_summary(known, overall),
        header=("slice", "agreement", "95 % interval", "records", "verdict"),
        rows=tuple(_table_row(row) for row in shown),
        box=Box(_LEFT, _RIGHT, _TOP, bottom),
        places=tuple(Text(rounded(across(mark)), bottom, percent(mark)) for mark in marks),
        overall=None if overall is None else rounded(across(overall)),
        overall_label=None
        if overall is None
        else Text(rounded(min(across(overall), _RIGHT - 22)), _TOP - 12, f"all {percent(overall)}"),
        groups=groups,
        labels=tuple(fitted(row.label, _LEFT - 14, y, _LEFT - 30) for y, row in rows),
        intervals="".join(f"M{rounded(across(row.low))} {rounded(y)}H{rounded(across(row.high))}" for y, row in rows),
        marks=tuple(ForestMark(rounded(across(row.rate)), y, row.kind) for y, row in rows),
        words=tuple(Text(_WORDS, y, f"{percent(row.rate)} ({percent_range(row.low, row.high)})") for y, row in rows),
        numbers=tuple(Text(_NUMBERS, y, f"{row.number:,}") for y, row in rows),
        column_words=(_WORDS, _NUMBERS),
        signs=_signs(shown, bottom),
        remark=_remark(rest),
    )


def _placed(shown: Sequence[Slice]) -> tuple[list[tuple[float, Slice]], tuple[Text, ...], float]:
    """Return the rows with their y, the names of their groups, and the y of the end; the worst group comes first."""
    rows: list[tuple[float, Slice]] = []
    groups: list[Text] = []
    y = float(_TOP)
    for group in dict.fromkeys(row.group for row in shown):
        # Nothing else is on this line.
        groups.append(fitted(group, 8, y + _GROUP / 2 + 3, _RIGHT - 40))
        y += _GROUP
        for row in (row for row in shown if row.group == group):
            rows.append((rounded(y + _ROW / 2), row))
            y += _ROW
    return rows, tuple(groups), rounded(y + 4)


def _rates(shown: Sequence[Slice], overall: float | None) -> tuple[Scale, list[float]]:
    lowest = min([row.low for row in shown] + ([] if overall is None else [overall]))
    lowest = max(0.0, min(lowest, 0.9))
    lowest = round_down(lowest, step_of(1 - lowest, 5))
    return Scale(lowest, 1, _LEFT, _RIGHT), ticks(lowest, 1, 5)


def _signs(shown: Sequence[Slice], bottom: float) -> tuple[Sign, ...]:
    kinds = [kind for kind in reversed(_ORDER) if any(row.kind == kind for row in shown)]
    entries = [(kind, "not judged" if kind == "none" else kind.upper()) for kind in kinds]
    return legend([*entries, ("level", "95 % interval")], _LEFT - 6, bottom + 42)


def _remark(rest: Sequence[Slice]) -> str:
    if not rest:
        return ""
    rates = [row.rate for row in rest]
    low, high = percent(min(rates)), percent(max(rates))
    return f"{count(len(rest), 'more slice')}, {low if low == high else f'{low} to {high}'}, not shown."


def _table_row(row: Slice) -> tuple[str, ...]:
    verdict = "not judged" if row.kind == "none" else row.kind.upper()
    what = f"{named(row.group)}{row.joined}{named(row.label)}"
    return what, percent(row.rate), percent_range(row.low, row.high), f"{row.number:,}", verdict


def _summary(known: Sequence[Slice], overall: float | None) -> str:
    worst = min(known, key=lambda row: row.rate)
    total = "" if overall is None else f"; overall {percent(overall)}"
    return (
        f"Agreement of {count(len(known), 'slice')}: lowest in {brief(worst.group)} {brief(worst.label)},"
        f" {percent(worst.rate)} of {count(worst.number, 'record')}{total}."
    )
