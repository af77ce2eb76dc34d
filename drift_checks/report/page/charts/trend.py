"""Agreement over past runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from drift_checks.report.page.charts.picture import (
    MOST_ROWS,
    Picture,
    Sign,
    Text,
    counted,
    finite,
    legend,
    named,
    path,
    rounded,
    share,
    share_range,
    tone,
)
from drift_checks.report.page.charts.scales import Scale, day, in_utc, round_down, step_of, ticks, time_ticks
from drift_checks.report.page.charts.versions import Change, ChangeMark, change_marks, changes

WIDTH, HEIGHT = 720, 292
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 630, 34, 232
_FEW = 60
_LINKED, _LINKED_OF_MANY = 30, 5
_MANY, _PARTS = 150, 60
_LINE_APART = 15
_ORDER = ("ok", "warning", "critical", "inconclusive", "none")


@dataclass(frozen=True)
class TrendPoint:
    """A finished run.

    Attributes:
        started: When it began; without a zone it is taken as UTC.
        rate: Of agreement from 0 to 1, None where nothing was measured.
        low: Where its interval begins, None without one.
        high: Where its interval ends.
        verdict: OK, WARNING, CRITICAL or INCONCLUSIVE.
        versions: Of what decided: `model_version`, `prompt_version`, `embedding_model`, as far as they are known.
        run_id: Of the run.
        link: To its report, None without one.
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
    """A run that leads to its report."""

    x: float
    y: float
    kind: str
    words: str
    link: str


class Threshold(NamedTuple):
    """A dashed line with its label, which stands apart from the other's."""

    y: float
    label_y: float
    kind: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Trend(Picture):
    """Runs by time.

    Attributes:
        left, right, top, bottom: The edges of the plot.
        levels: The labels of the rates, each with a line of the grid.
        dates: The labels of the moments.
        thresholds: The lines of warn and critical.
        line: A path through the runs with a rate, empty for fewer than two; of very many through means.
        intervals: A path of upright lines, or, with many runs, of the band round them.
        banded: Whether it is a band.
        marks: The runs that are no links: the kind of mark, and a path through their places.
        links: The runs that are.
        size: Of the marks, 1 where there are few.
        changes: What is numbered above the plot.
        change_marks: Where the versions changed, with the numbers.
        earlier_changes: How many changes are left out.
        signs: The legend.
        remark: A sentence in the place of the line, or empty.
    """

    left: float
    right: float
    top: float
    bottom: float
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
    signs: tuple[Sign, ...]
    remark: str


class _Place(NamedTuple):
    x: float
    y: float
    point: TrendPoint


def trend_picture(points: Sequence[TrendPoint], warn: float | None, critical: float | None) -> Trend | None:
    """Lay out the runs, in any order; None without any.

    Args:
        points: The runs.
        warn: A rate below this is a warning.
        critical: A rate below this is critical.
    """
    runs = sorted((_sound(point) for point in points), key=lambda point: point.started)
    return _laid_out(runs, warn, critical) if runs else None


def _laid_out(runs: Sequence[TrendPoint], warn: float | None, critical: float | None) -> Trend:
    across = Scale(runs[0].started.timestamp(), runs[-1].started.timestamp(), _LEFT + 14, _RIGHT - 14)
    up, levels = _rates(runs, [bound for bound in (warn, critical) if bound is not None])
    places = [
        _Place(across(run.started.timestamp()), _BOTTOM if run.rate is None else up(run.rate), run) for run in runs
    ]
    measured = [place for place in places if place.point.rate is not None]
    linked, plain = _parted(places)
    shown, earlier = changes(runs)
    many = len(runs) > _FEW
    return Trend(
        width=WIDTH,
        height=HEIGHT,
        title="Agreement over past runs",
        summary=_summary(runs),
        header=("began", "verdict", "agreement", "95 % interval", "run"),
        rows=tuple(_row(run) for run in reversed(runs[-MOST_ROWS:])),
        left=_LEFT,
        right=_RIGHT,
        top=_TOP,
        bottom=_BOTTOM,
        levels=tuple(Text(_LEFT - 8, rounded(up(level)), share(level)) for level in levels),
        dates=_dates(runs, across),
        thresholds=_thresholds([("warning", "warn", warn), ("critical", "critical", critical)], up),
        line=_line(measured),
        intervals=_band(measured, up) if many else _uprights(measured, up),
        banded=many,
        marks=_marks(plain, coarse=len(runs) > _MANY),
        links=tuple(_link(place) for place in linked),
        size=1 if not many else 0.7 if len(runs) <= _MANY else 0.5,
        changes=shown,
        change_marks=change_marks(shown, across),
        earlier_changes=earlier,
        signs=_signs(runs, _together(measured), banded=many),
        remark=_remark(len(runs), len(measured)),
    )


def _sound(point: TrendPoint) -> TrendPoint:
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
            lines.append(Threshold(rounded(y), rounded(label), kind, f"{word} {share(bound)}"))
    return tuple(lines)


def _uprights(measured: Sequence[_Place], up: Scale) -> str:
    return "".join(
        f"M{rounded(x)} {rounded(up(run.low))}V{rounded(up(run.high))}"
        for x, _, run in measured
        if run.low is not None and run.high is not None
    )


def _band(measured: Sequence[_Place], up: Scale) -> str:
    """Return the outline of the intervals, of neighbouring runs the mean of theirs."""
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
    """Return how many neighbours the band takes the mean of."""
    return max(1, -(-len(measured) // _PARTS))


def _means(rows: Sequence[tuple[float, ...]], together: int) -> list[list[float]]:
    parts = [rows[start : start + together] for start in range(0, len(rows), together)]
    return [[sum(values) / len(part) for values in zip(*part, strict=True)] for part in parts]


def _parted(places: Sequence[_Place]) -> tuple[list[_Place], list[_Place]]:
    """Return the runs that are links, which are of the newest, and all others."""
    first = max(0, len(places) - (_LINKED if len(places) <= _FEW else _LINKED_OF_MANY))
    newest = places[first:]
    linked = [place for place in newest if place.point.link]
    return linked, [*places[:first], *(place for place in newest if not place.point.link)]


def _link(place: _Place) -> Mark:
    run = place.point
    return Mark(rounded(place.x), rounded(place.y), tone(run.verdict), _words(run), run.link or "")


def _marks(places: Sequence[_Place], *, coarse: bool) -> tuple[tuple[str, str], ...]:
    kinds = {kind: [place for place in places if tone(place.point.verdict) == kind] for kind in _ORDER}
    return tuple((kind, path(((x, y) for x, y, _ in found), coarse=coarse)) for kind, found in kinds.items() if found)


def _signs(runs: Sequence[TrendPoint], together: int, *, banded: bool) -> tuple[Sign, ...]:
    there = {tone(run.verdict) for run in runs}
    entries = [(kind, kind.upper() if kind != "none" else "no verdict") for kind in _ORDER if kind in there]
    if any(run.low is not None for run in runs):
        means = f", means of {together} runs" if banded and together > 1 else ""
        entries.append(("band" if banded else "upright", "95\N{NO-BREAK SPACE}% interval" + means))
    return legend(entries, _LEFT + 6, HEIGHT - 14)


def _remark(runs: int, measured: int) -> str:
    if not measured:
        return "Nothing was measured in these runs yet."
    if measured == 1:
        return "One run so far: a line needs two." if runs == 1 else "One run was measured so far: a line needs two."
    return ""


def _words(run: TrendPoint) -> str:
    return f"{day(run.started)}: {run.verdict}" + ("" if run.rate is None else f", {share(run.rate)}")


def _row(run: TrendPoint) -> tuple[str, ...]:
    interval = "–" if run.low is None or run.high is None else share_range(run.low, run.high)
    began = f"{day(run.started)} {run.started:%H:%M}"
    return began, named(run.verdict), "–" if run.rate is None else share(run.rate), interval, named(run.run_id)


def _summary(runs: Sequence[TrendPoint]) -> str:
    rates = [run.rate for run in runs if run.rate is not None]
    when = day(runs[0].started)
    if day(runs[-1].started) != when:
        when = f"{when} to {day(runs[-1].started)}"
    without = len(runs) - len(rates)
    missing = f"; {counted(without, 'run')} without a rate" if without else ""
    if not rates:
        return f"{counted(len(runs), 'run')}, {when}, none with a rate of agreement."
    spread = f", from {share(min(rates))} to {share(max(rates))}" if len(rates) > 1 else ""
    return f"{counted(len(runs), 'run')}, {when}: agreement of the newest {share(rates[-1])}{spread}{missing}."
