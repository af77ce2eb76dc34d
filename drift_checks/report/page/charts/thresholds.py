"""A bar that shows a value, its interval and its thresholds, small enough for a table."""

from __future__ import annotations

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
    """A bar of zones with marks at the thresholds and the value; all positions are x.

    Attributes:
        zones: Each with its tone, its start and its end.
        warn: The WARNING threshold, None without one.
        critical: The CRITICAL threshold, None without one.
        value: The value.
        interval: Its interval, None without one.
        kind: The mark of its verdict.
    """

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
    """Lay out a rate from 0 to 1, where lower is worse; return None without a value.

    Args:
        value: The rate.
        interval: Its interval.
        warn: A rate below this is WARNING.
        critical: A rate below this is CRITICAL.
        verdict: The verdict that the value's mark shows.
    """
    if not finite(value):
        return None
    assert value is not None
    bounds = [("critical", critical), ("warning", warn)]
    words = percent(value) + _between(interval, percent_range)
    limits = "".join(f", {name} below {percent(bound)}" for name, bound in reversed(bounds) if bound is not None)
    seen = [value, *(interval or ()), *(bound for bound in (warn, critical) if bound is not None)]
    # A scale from 0 would hide the differences near 1.
    bottom = max(0.0, round_down(min(number for number in seen if finite(number)) - _MARGIN, 0.1))
    scale = Scale(bottom, 1, _LEFT, _RIGHT)
    return _laid_out(value, interval, (warn, critical), scale, (words, limits, verdict), rising=False)


def effect_bar(
    value: float | None,
    interval: Interval | None,
    warn: float | None,
    critical: float | None = None,
    verdict: str | None = None,
) -> Thresholds | None:
    """Lay out an effect, where larger is worse; return None without a value.

    Args:
        value: The effect; a negative one is drawn at 0.
        interval: Its interval.
        warn: An effect above this is WARNING.
        critical: An effect above this is CRITICAL; None if none is.
        verdict: The verdict that the value's mark shows.
    """
    if not finite(value):
        return None
    assert value is not None
    seen = [value, *(interval or ()), *(bound for bound in (warn, critical) if bound is not None)]
    largest = max(min(number, _LARGEST) for number in seen if finite(number))
    words = f"{value:.2g}" + _between(interval, lambda low, high: f"{low:.2g}–{high:.2g}")
    bounds = [("warning", warn), ("critical", critical)]
    limits = "".join(f", {name} above {bound:.2g}" for name, bound in bounds if bound is not None)
    scale = Scale(0, round_up(largest * 1.1) if largest > 0 else 1.0, _LEFT, _RIGHT)
    return _laid_out(value, interval, (warn, critical), scale, (words, limits, verdict), rising=True)


def _between(interval: Interval | None, words: object) -> str:
    return f" ({words(*interval)})" if interval is not None and finite(*interval) and callable(words) else ""


def _laid_out(
    value: float,
    interval: Interval | None,
    bounds: tuple[float | None, float | None],
    scale: Scale,
    said: tuple[str, str, str | None],
    *,
    rising: bool,
) -> Thresholds:
    warn, critical = (None if bound is None else rounded(scale(bound)) for bound in bounds)
    words, limits, verdict = said
    known = interval is not None and finite(*interval)
    return Thresholds(
        width=WIDTH,
        height=HEIGHT,
        title=words + (f", {verdict}" if verdict else ""),
        summary=f"{words}{limits}.",
        header=("value", "thresholds"),
        rows=((words, limits.removeprefix(", ") or "–"),),
        zones=_rising_zones(warn, critical) if rising else _falling_zones(warn, critical),
        warn=warn,
        critical=critical,
        value=rounded(scale(value)),
        interval=(rounded(scale(interval[0])), rounded(scale(interval[1]))) if known and interval else None,
        kind=tone(verdict),
    )


def _falling_zones(warn: float | None, critical: float | None) -> tuple[tuple[str, float, float], ...]:
    bad = _LEFT if critical is None else critical
    fair = bad if warn is None else warn
    return _wide(("critical", _LEFT, bad), ("warning", bad, fair), ("ok", fair, _RIGHT))


def _rising_zones(warn: float | None, critical: float | None) -> tuple[tuple[str, float, float], ...]:
    bad = _RIGHT if critical is None else critical
    fair = bad if warn is None else warn
    return _wide(("ok", _LEFT, fair), ("warning", fair, bad), ("critical", bad, _RIGHT))


def _wide(*zones: tuple[str, float, float]) -> tuple[tuple[str, float, float], ...]:
    return tuple(zone for zone in zones if zone[2] > zone[1])
