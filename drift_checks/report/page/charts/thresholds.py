"""A bar that shows a value, its interval and its thresholds, small enough for a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drift_checks.core.text import percent, percent_range
from drift_checks.report.page.charts.picture import Picture, finite, rounded, tone
from drift_checks.report.page.charts.scales import Scale, round_down, round_up

WIDTH, HEIGHT = 180, 26
# The largest value that an axis is made for.
_LARGEST = 1e300
_MARGIN = 0.05
_LEFT, _RIGHT = 6, WIDTH - 6

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Thresholds(Picture):
    """The x of a value, its interval and its thresholds; `zones` are tones with start and end, `kind` is the mark."""

    zones: tuple[tuple[str, float, float], ...]
    warn: float | None
    critical: float | None
    value: float
    interval: Interval | None
    kind: str


def rate_bar(
    value: float | None,
    interval: Interval | None,
    warn: float | None,
    critical: float | None,
    verdict: str | None = None,
) -> Thresholds | None:
    """Lay out a rate from 0 to 1 that is WARNING or CRITICAL below a threshold; return None without a value."""
    if value is None or not finite(value):
        return None
    words = percent(value) + _in_brackets(interval, percent_range)
    limits = [f"{name} below {percent(bound)}" for name, bound in _known(warn, critical)]
    # A scale from 0 would hide the differences near 1.
    bottom = max(0.0, round_down(min(_shown(value, interval, warn, critical)) - _MARGIN, 0.1))
    scale = Scale(bottom, 1, _LEFT, _RIGHT)
    worst = _LEFT if critical is None else scale(critical)
    fair = worst if warn is None else scale(warn)
    zones = [("critical", _LEFT, worst), ("warning", worst, fair), ("ok", fair, _RIGHT)]
    return _bar(value, interval, warn, critical, verdict, scale, zones, words, limits)


def effect_bar(
    value: float | None,
    interval: Interval | None,
    warn: float | None,
    critical: float | None = None,
    verdict: str | None = None,
) -> Thresholds | None:
    """Lay out an effect that is WARNING or CRITICAL above a threshold; return None without a value.

    A negative effect is drawn at 0.
    """
    if value is None or not finite(value):
        return None
    words = f"{value:.2g}" + _in_brackets(interval, lambda low, high: f"{low:.2g}–{high:.2g}")
    limits = [f"{name} above {bound:.2g}" for name, bound in _known(warn, critical)]
    largest = min(max(_shown(value, interval, warn, critical)), _LARGEST)
    scale = Scale(0, round_up(largest * 1.1) if largest > 0 else 1.0, _LEFT, _RIGHT)
    worst = _RIGHT if critical is None else scale(critical)
    fair = worst if warn is None else scale(warn)
    zones = [("ok", _LEFT, fair), ("warning", fair, worst), ("critical", worst, _RIGHT)]
    return _bar(value, interval, warn, critical, verdict, scale, zones, words, limits)


def _in_brackets(interval: Interval | None, words: Callable[[float, float], str]) -> str:
    return f" ({words(*interval)})" if interval is not None and finite(*interval) else ""


def _known(warn: float | None, critical: float | None) -> list[tuple[str, float]]:
    return [(name, bound) for name, bound in (("warning", warn), ("critical", critical)) if bound is not None]


def _shown(value: float, interval: Interval | None, *bounds: float | None) -> list[float]:
    return [number for number in (value, *(interval or ()), *bounds) if number is not None and finite(number)]


def _bar(
    value: float,
    interval: Interval | None,
    warn: float | None,
    critical: float | None,
    verdict: str | None,
    scale: Scale,
    zones: list[tuple[str, float, float]],
    words: str,
    limits: list[str],
) -> Thresholds:
    ends = (rounded(scale(interval[0])), rounded(scale(interval[1]))) if interval and finite(*interval) else None
    return Thresholds(
        width=WIDTH,
        height=HEIGHT,
        title=", ".join([words, *([verdict] if verdict else [])]),
        summary=f"{', '.join([words, *limits])}.",
        header=("value", "thresholds"),
        rows=((words, ", ".join(limits) or "–"),),
        zones=tuple((kind, rounded(start), rounded(end)) for kind, start, end in zones if end > start),
        warn=None if warn is None else rounded(scale(warn)),
        critical=None if critical is None else rounded(scale(critical)),
        value=rounded(scale(value)),
        interval=ends,
        kind=tone(verdict),
    )
