"""The trend: agreement over past runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from drift_checks.core.text import count, percent, percent_range
from drift_checks.report.change_points import change_in_words
from drift_checks.report.history.agreement_change import AgreementChange
from drift_checks.report.page.charts.picture import (
    MOST_ROWS,
    Box,
    Plot,
    Sign,
    Text,
    finite,
    legend,
    named,
    path,
    rounded,
    tone,
)
from drift_checks.report.page.charts.scales import Scale, day, in_utc, round_down, step_of, ticks, time_ticks
from drift_checks.report.page.charts.versions import Change, ChangeMark, change_marks, changes

WIDTH, HEIGHT = 720, 292
_BOX = _LEFT, _RIGHT, _TOP, _BOTTOM = Box(48, 630, 34, 232)
_FEW = 60
_LINKED, _LINKED_OF_MANY = 30, 5
_MANY, _PARTS = 150, 60
_LINE_APART = 15
_ORDER = ("ok", "warning", "critical", "inconclusive", "none")


@dataclass(frozen=True)
class TrendPoint:
    """A finished run: its agreement from 0 to 1 with its interval, and the address of its report; None if unknown.

    A start without a zone is read as UTC; `versions` are those of what decided, as far as they are known.
    """

    started: datetime
    rate: float | None
    low: float | None
    high: float | None
    verdict: str
    versions: Mapping[str, str]
    run_id: str
    link: str | None = None


class Mark(NamedTuple):
    """A run that links to its report."""

    x: float
    y: float
    kind: str
    words: str
    link: str


class Shift(NamedTuple):
    """A night since which agreement is different: its place, the ends of its interval, and a sentence."""

    x: float
    left: float
    right: float
    words: str


class Threshold(NamedTuple):
    """A dashed line with its label, which never overlaps the other's."""

    y: float
    label_y: float
    kind: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Trend(Plot):
    """Runs over time.

    Attributes:
        line: A path through the runs with a rate; through means if there are very many.
        intervals: A path of vertical lines, or of a band around the runs if there are many.
        marks: The runs without a link: the kind of mark, and a path through their positions.
        shifts: The nights since which agreement is different.
        remark: A sentence in place of the line, or empty.
    """

    levels: tuple[Text, ...]
    dates: tuple[Text, ...]
    thresholds: tuple[Threshold, ...]
    line: str
    intervals: str
    banded: bool
    marks: tuple[tuple[str, str], ...]
    links: tuple[Mark, ...]
    size: float
    changes: tuple[Change, ...]
    change_marks: tuple[ChangeMark, ...]
    earlier_changes: int
    shifts: tuple[Shift, ...]
    remark: str


class _Place(NamedTuple):
    x: float
    y: float
    point: TrendPoint


def trend_picture(
    points: Sequence[TrendPoint],
    warn: float | None,
    critical: float | None,
    agreement_changes: Sequence[AgreementChange] = (),
) -> Trend | None:
    """Lay out the runs, which may be in any order, with the thresholds; return None if there are none."""
    if not points:
        return None
    runs = sorted((_normalised(point) for point in points), key=lambda point: point.started)
    across = Scale(runs[0].started.timestamp(), runs[-1].started.timestamp(), _LEFT + 14, _RIGHT - 14)
    up, levels = _rates(runs, [bound for bound in (warn, critical) if bound is not None])
    places = [
        _Place(across(run.started.timestamp()), _BOTTOM if run.rate is None else up(run.rate), run) for run in runs
    ]
    measured = [place for place in places if place.point.rate is not None]
    linked, plain = _parted(places)
    shown, earlier = changes([(run.started, run.versions) for run in runs])
    shifts = tuple(_shift(change, runs, across) for change in agreement_changes)
    many = len(runs) > _FEW
    return Trend(
        width=WIDTH,
        height=HEIGHT,
        title="Agreement over past runs",
        summary=_summary(runs),
        header=("started", "verdict", "agreement", "95 % interval", "run"),
        rows=tuple(_row(run) for run in reversed(runs[-MOST_ROWS:])),
        box=_BOX,
        levels=tuple(Text(_LEFT - 8, rounded(up(level)), percent(level)) for level in levels),
        dates=_dates(runs, across),
        thresholds=_thresholds([("warning", "warn", warn), ("critical", "critical", critical)], up),
        line=_line(measured),
        intervals=_band(measured, up) if many else _uprights(measured, up),
        banded=many,
        marks=_marks(plain, coarse=len(runs) > _MANY),
        links=tuple(
            Mark(rounded(x), rounded(y), tone(run.verdict), _words(run), run.link or "") for x, y, run in linked
        ),
        size=1 if not many else 0.7 if len(runs) <= _MANY else 0.5,
        changes=shown,
        change_marks=change_marks(shown, across),
        earlier_changes=earlier,
        shifts=shifts,
        signs=_signs(runs, _together(measured), banded=many, shifted=bool(shifts)),
        remark=_remark(len(runs), len(measured)),
    )


def _normalised(point: TrendPoint) -> TrendPoint:
    rate = point.rate if finite(point.rate) else None
    low, high = (point.low, point.high) if rate is not None and finite(point.low, point.high) else (None, None)
    return replace(point, started=in_utc(point.started), rate=rate, low=low, high=high)


def _rates(runs: Sequence[TrendPoint], bounds: Sequence[float]) -> tuple[Scale, list[float]]:
    seen = [value for run in runs for value in (run.rate, run.low) if value is not None]
    lowest = max(0.0, min([*seen, *bounds, 0.9]) - 0.02)
    lowest = round_down(lowest, step_of(1 - lowest, 6))
    return Scale(lowest, 1, _BOTTOM, _TOP), ticks(lowest, 1, 6)


def _dates(runs: Sequence[TrendPoint], across: Scale) -> tuple[Text, ...]:
    first, last = runs[0].started, runs[-1].started
    named_moments = time_ticks(first, last)
    if len(named_moments) < 2:
        named_moments = [(first, day(first))] + ([(last, day(last))] if day(first) != day(last) else [])
    return tuple(Text(rounded(across(moment.timestamp())), _BOTTOM, words) for moment, words in named_moments)


def _thresholds(bounds: Sequence[tuple[str, str, float | None]], up: Scale) -> tuple[Threshold, ...]:
    lines: list[Threshold] = []
    for kind, word, bound in bounds:
        if bound is not None:
            y = up(bound)
            label = max(y, lines[-1].label_y + _LINE_APART) if lines else y
            lines.append(Threshold(rounded(y), rounded(label), kind, f"{word} {percent(bound)}"))
    return tuple(lines)


def _uprights(measured: Sequence[_Place], up: Scale) -> str:
    return "".join(
        f"M{rounded(x)} {rounded(up(run.low))}V{rounded(up(run.high))}"
        for x, _, run in measured
        if run.low is not None and run.high is not None
    )


def _band(measured: Sequence[_Place], up: Scale) -> str:
    """Return the outline of the intervals, averaged over neighbouring runs if there are many."""
    known = [(x, run.low, run.high) for x, _, run in measured if run.low is not None and run.high is not None]
    means = _means(known, _together(measured))
    if not means:
        return ""
    return path([(x, up(high)) for x, _, high in means] + [(x, up(low)) for x, low, _ in reversed(means)]) + "z"


def _line(measured: Sequence[_Place]) -> str:
    if len(measured) < 2:
        return ""
    together = _together(measured) if len(measured) > _MANY else 1
    return path((x, y) for x, y in _means([(place.x, place.y) for place in measured], together))


def _together(measured: Sequence[_Place]) -> int:
    """Return the number of neighbouring runs that the band averages."""
    return max(1, -(-len(measured) // _PARTS))


def _means(rows: Sequence[tuple[float, ...]], together: int) -> list[list[float]]:
    parts = [rows[start : start + together] for start in range(0, len(rows), together)]
    return [[sum(values) / len(part) for values in zip(*part, strict=True)] for part in parts]


def _parted(places: Sequence[_Place]) -> tuple[list[_Place], list[_Place]]:
    """Return the newest runs, if they have a link, and all others."""
    first = max(0, len(places) - (_LINKED if len(places) <= _FEW else _LINKED_OF_MANY))
    newest = places[first:]
    linked = [place for place in newest if place.point.link]
    return linked, [*places[:first], *(place for place in newest if not place.point.link)]


def _marks(places: Sequence[_Place], *, coarse: bool) -> tuple[tuple[str, str], ...]:
    kinds = {kind: [place for place in places if tone(place.point.verdict) == kind] for kind in _ORDER}
    return tuple((kind, path(((x, y) for x, y, _ in found), coarse=coarse)) for kind, found in kinds.items() if found)


def _signs(runs: Sequence[TrendPoint], together: int, *, banded: bool, shifted: bool) -> tuple[Sign, ...]:
    there = {tone(run.verdict) for run in runs}
    entries = [(kind, kind.upper() if kind != "none" else "no verdict") for kind in _ORDER if kind in there]
    if any(run.low is not None for run in runs):
        means = f", mean of {together} runs" if banded and together > 1 else ""
        entries.append(("band" if banded else "upright", "95 % interval" + means))
    if shifted:
        entries.append(("shift", "agreement changed"))
    return legend(entries, _LEFT + 6, HEIGHT - 14)


def _shift(change: AgreementChange, runs: Sequence[TrendPoint], across: Scale) -> Shift:
    """Return the place of a change, which lies between two runs, as a change of versions does."""

    def place(first_run: datetime) -> float:
        before = max((run.started for run in runs if run.started < first_run), default=first_run)
        return rounded((across(before.timestamp()) + across(first_run.timestamp())) / 2)

    return Shift(place(change.started), place(change.earliest), place(change.latest), change_in_words(change))


def _remark(runs: int, measured: int) -> str:
    if not measured:
        return "No run has measured agreement yet."
    if measured == 1:
        return "One run so far; a line needs two." if runs == 1 else "One measured run so far; a line needs two."
    return ""


def _words(run: TrendPoint) -> str:
    return f"{day(run.started)}: {run.verdict}" + ("" if run.rate is None else f", {percent(run.rate)}")


def _row(run: TrendPoint) -> tuple[str, ...]:
    interval = "–" if run.low is None or run.high is None else percent_range(run.low, run.high)
    began = f"{day(run.started)} {run.started:%H:%M}"
    return began, named(run.verdict), "–" if run.rate is None else percent(run.rate), interval, named(run.run_id)


def _summary(runs: Sequence[TrendPoint]) -> str:
    rates = [run.rate for run in runs if run.rate is not None]
    when = day(runs[0].started)
    if day(runs[-1].started) != when:
        when = f"{when} to {day(runs[-1].started)}"
    without = len(runs) - len(rates)
    missing = f"; {count(without, 'run')} without a rate" if without else ""
    if not rates:
        return f"{count(len(runs), 'run')}, {when}, none with a measured agreement."
    spread = f", range {percent(min(rates))} to {percent(max(rates))}" if len(rates) > 1 else ""
    return f"{count(len(runs), 'run')}, {when}: latest agreement {percent(rates[-1])}{spread}{missing}."
