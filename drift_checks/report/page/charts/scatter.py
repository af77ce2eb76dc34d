"""A scatter plot of the vectors of two windows, projected on a plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt

from drift_checks.report.page.charts.picture import WINDOWS, Box, Plot, finite, legend, path
from drift_checks.report.page.charts.scales import Scale

WIDTH, HEIGHT = 400, 360
_BOX = _LEFT, _RIGHT, _TOP, _BOTTOM = Box(2, 398, 36, 358)
_INSET = 12

_Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Scatter(Plot):
    """Paths through two clouds of points, on the same scale horizontally and vertically."""

    reference: str
    recent: str


def scatter_picture(points: Sequence[Sequence[float]], reference: int) -> Scatter | None:
    """Lay out the points, of which the first `reference` are in the reference window; return None if there are none."""
    sides = [
        [(float(point[0]), float(point[1])) for point in part if len(point) >= 2 and finite(*point[:2])]
        for part in (points[:reference], points[reference:])
    ]
    if not (sides[0] or sides[1]):
        return None
    across, up = _scales([*sides[0], *sides[1]])
    places = [path((across(x), up(y)) for x, y in side) if side else "" for side in sides]
    return Scatter(
        width=WIDTH,
        height=HEIGHT,
        title="Vectors of earlier and recent records, projected on a plane",
        summary=_summary(sides),
        header=("window", "vectors", "centre x", "centre y"),
        rows=tuple(_row(name, side) for name, side in zip(WINDOWS, sides, strict=True)),
        box=_BOX,
        reference=places[0],
        recent=places[1],
        signs=legend([("ring", f"earlier ({len(sides[0])})"), ("dot", f"recent ({len(sides[1])})")], 8, 14),
    )


def _scales(points: Sequence[_Point]) -> tuple[Scale, Scale]:
    """Return two scales with the same unit that centre all points in the plot."""
    spans = [(min(values), max(values)) for values in zip(*points, strict=True)]
    middles = [low / 2 + high / 2 for low, high in spans]
    lengths = (_RIGHT - _LEFT - 2 * _INSET, _BOTTOM - _TOP - 2 * _INSET)
    measure = max((high - low) / length for (low, high), length in zip(spans, lengths, strict=True))
    halves = [measure * length / 2 for length in lengths]
    return (
        Scale(middles[0] - halves[0], middles[0] + halves[0], _LEFT + _INSET, _RIGHT - _INSET),
        Scale(middles[1] - halves[1], middles[1] + halves[1], _BOTTOM - _INSET, _TOP + _INSET),
    )


def _centre(side: Sequence[_Point]) -> _Point:
    return sum(x for x, _ in side) / len(side), sum(y for _, y in side) / len(side)


def _row(name: str, side: Sequence[_Point]) -> tuple[str, ...]:
    if not side:
        return name, "0", "–", "–"
    x, y = _centre(side)
    return name, f"{len(side):,}", f"{x:.2f}", f"{y:.2f}"


def _summary(sides: Sequence[Sequence[_Point]]) -> str:
    noun = "vector" if len(sides[0]) + len(sides[1]) == 1 else "vectors"
    numbers = f"{len(sides[0])} earlier and {len(sides[1])} recent {noun} on the plane in which they vary most"
    if not (sides[0] and sides[1]):
        return numbers + "."
    (x, y), (other_x, other_y) = _centre(sides[0]), _centre(sides[1])
    spread = sqrt(sum(hypot(a - x, b - y) ** 2 for a, b in sides[0]) / len(sides[0]))
    if not spread:
        return numbers + "."
    apart = hypot(other_x - x, other_y - y) / spread
    return f"{numbers}; their centres are {apart:.1f} times the spread of the earlier ones apart."
