"""A bar that shows a value, its interval and its thresholds, small enough for a table."""

from __future__ import annotations

from collections.abc import Mapping
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


def rate_bar(value: float, interval: Interval, warn: float, critical: float, verdict: str | None) -> Thresholds:
    """Lay out a rate from 0 to 1 that is WARNING or CRITICAL below a threshold."""
    # A scale from 0 would hide the differences near 1.
    lowest = max(0.0, round_down(min(value, *interval, warn, critical) - _MARGIN, 0.1))
    scale = Scale(lowest, 1, _LEFT, _RIGHT)
    worst, fair = scale(critical), scale(warn)
    zones = [("critical", _LEFT, worst), ("warning", worst, fair), ("ok", fair, _RIGHT)]
    limits = [f"warning below {percent(warn)}", f"critical below {percent(critical)}"]
    words = f"{percent(value)} ({percent_range(*interval)})"
    return _bar(value, interval, {"warning": warn, "critical": critical}, verdict, scale, zones, words, limits)


def effect_bar(value: float, warn: float | None, critical: float | None, verdict: str | None) -> Thresholds | None:
    """Lay out an effect that is WARNING or CRITICAL above a threshold; return None if it is not finite.

    A negative effect is drawn at 0.
    """
    if not finite(value):
        return None
    bounds = {name: bound for name, bound in (("warning", warn), ("critical", critical)) if bound is not None}
    largest = min(max(value, *bounds.values(), 0.0), _LARGEST)
    scale = Scale(0, round_up(largest * 1.1) if largest > 0 else 1.0, _LEFT, _RIGHT)
    worst = _RIGHT if critical is None else scale(critical)
    fair = worst if warn is None else scale(warn)
    zones = [("ok", _LEFT, fair), ("warning", fair, worst), ("critical", worst, _RIGHT)]
    limits = [f"{name} above {bound:.2g}" for name, bound in bounds.items()]
    return _bar(value, None, bounds, verdict, scale, zones, f"{value:.2g}", limits)


def _bar(
    value: float,
    interval: Interval | None,
    bounds: Mapping[str, float],
    verdict: str | None,
    scale: Scale,
    zones: list[tuple[str, float, float]],
    words: str,
    limits: list[str],
) -> Thresholds:
    places = {name: rounded(scale(bound)) for name, bound in bounds.items()}
    return Thresholds(
        width=WIDTH,
        height=HEIGHT,
        title=", ".join([words, *([verdict] if verdict else [])]),
        summary=f"{', '.join([words, *limits])}.",
        header=("value", "thresholds"),
        rows=((words, ", ".join(limits) or "–"),),
        zones=tuple((kind, rounded(start), rounded(end)) for kind, start, end in zones if end > start),
        warn=places.get("warning"),
        critical=places.get("critical"),
        value=rounded(scale(value)),
        interval=interval and (rounded(scale(interval[0])), rounded(scale(interval[1]))),
        kind=tone(verdict),
    )
