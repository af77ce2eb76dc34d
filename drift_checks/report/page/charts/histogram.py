"""A histogram of two distributions over the same bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drift_checks.core.text import percent, tenths
from drift_checks.report.page.charts.picture import MOST_ROWS, Box, Plot, Text, legend, path, rounded
from drift_checks.report.page.charts.scales import Scale, round_up, ticks

WIDTH, HEIGHT = 400, 248
_BOX = _LEFT, _RIGHT, _TOP, _BOTTOM = Box(46, 388, 38, 200)


@dataclass(frozen=True, kw_only=True)
class Histogram(Plot):
    """The reference as a filled area, the recent distribution as a step line over it."""

    levels: tuple[Text, ...]
    places: tuple[Text, ...]
    reference: str
    recent: str


def histogram_picture(
    edges: Sequence[float], reference: Sequence[float], recent: Sequence[float], names: tuple[str, str]
) -> Histogram | None:
    """Lay out two counts of confidences by bin as shares; return None if either has none.

    The `edges` are ascending, one more than there are counts.
    """
    total, recent_total = sum(reference), sum(recent)
    if total <= 0 or recent_total <= 0:
        return None
    first, second = names
    parts = [(before / total, after / recent_total) for before, after in zip(reference, recent, strict=True)]
    top = round_up(max(max(pair) for pair in parts), 4)
    across, up = Scale(edges[0], edges[-1], _LEFT, _RIGHT), Scale(0, top, _BOTTOM, _TOP)
    medians = [
        f"{sum(counts):,.0f} {name}, median in {_median_bin(edges, counts)}"
        for name, counts in ((first, reference), (second, recent))
    ]
    return Histogram(
        width=WIDTH,
        height=HEIGHT,
        title=f"Distribution of confidence: {first} and {second}",
        summary=f"Shares by confidence: {'; '.join(medians)}.",
        header=("confidence", first, second),
        rows=tuple(
            (_bounds(edges[number], edges[number + 1]), tenths(before), tenths(after))
            for number, (before, after) in _rows(parts)
        ),
        box=_BOX,
        levels=tuple(Text(_LEFT - 8, rounded(up(level)), percent(level)) for level in ticks(0, top, 4)),
        places=tuple(Text(rounded(across(value)), _BOTTOM, f"{value:g}") for value in ticks(edges[0], edges[-1])),
        reference=_steps(edges, [before for before, _ in parts], across, up) + "z",
        recent=_steps(edges, [after for _, after in parts], across, up),
        signs=legend([("area", f"{first} ({total:,.0f})"), ("step", f"{second} ({recent_total:,.0f})")], _LEFT, 14),
    )


def _steps(edges: Sequence[float], heights: Sequence[float], across: Scale, up: Scale) -> str:
    points = [(across(edges[0]), up(0))]
    for number, height in enumerate(heights):
        points += [(across(edges[number]), up(height)), (across(edges[number + 1]), up(height))]
    return path([*points, (across(edges[-1]), up(0))])


def _bounds(lower: float, upper: float) -> str:
    return f"{lower:.4g}–{upper:.4g}"


def _rows(parts: Sequence[tuple[float, float]]) -> list[tuple[int, tuple[float, float]]]:
    """Return the bins that are not empty; if there are too many for a table, those that differ most."""
    held = [(number, pair) for number, pair in enumerate(parts) if max(pair) > 0]
    return sorted(sorted(held, key=lambda item: -abs(item[1][1] - item[1][0]))[:MOST_ROWS])


def _median_bin(edges: Sequence[float], counts: Sequence[float]) -> str:
    seen, half = 0.0, sum(counts) / 2
    for number, count in enumerate(counts):
        seen += count
        if seen >= half and count:
            return _bounds(edges[number], edges[number + 1])
    return _bounds(edges[-2], edges[-1])
