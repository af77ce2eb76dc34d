"""The calibration curve: stored confidence against agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

from drift_checks.core.text import count, percent, percent_range
from drift_checks.report.page.charts.picture import MOST_ROWS, Box, Plot, Text, finite, legend, path, rounded
from drift_checks.report.page.charts.scales import Scale, round_down, ticks

WIDTH, HEIGHT = 400, 416
_BOX = _LEFT, _RIGHT, _TOP, _BOTTOM = Box(64, 388, 12, 336)
_SMALLEST, _LARGEST = 3.5, 10.0


class Bubble(NamedTuple):
    """A bin of confidence; it is `over` if even the upper end of its interval is below the diagonal."""

    x: float
    y: float
    radius: float
    over: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class CalibrationCurve(Plot):
    """Bins around the diagonal, the largest first, so that none hides another.

    `region` is a path around the half in which confidence exceeds agreement; `names` are those of the halves and axes.
    """

    levels: tuple[Text, ...]
    places: tuple[Text, ...]
    diagonal: str
    region: str
    intervals: str
    bubbles: tuple[Bubble, ...]
    names: tuple[Text, ...]


def calibration_picture(bins: Sequence[Sequence[float]]) -> CalibrationCurve | None:
    """Lay out the bins; return None if there are none.

    Each has a mean confidence, the agreement, the number of records, and the ends of the agreement's interval.
    """
    known = [tuple(float(value) for value in row[:5]) for row in bins if len(row) >= 5 and finite(*row[:5])]
    known = sorted(row for row in known if row[2] > 0)
    if not known:
        return None
    lowest = max(0.0, min(0.8, round_down(min(min(row[0], row[1], row[3]) for row in known), 0.2)))
    across, up = Scale(lowest, 1, _LEFT, _RIGHT), Scale(lowest, 1, _BOTTOM, _TOP)
    marks = ticks(lowest, 1, 5)
    bubbles = _bubbles(known, across, up)
    over = sum(bubble.over for bubble in bubbles)
    entries = [("bubble", "size: records"), ("over", "clearly overconfident")]
    return CalibrationCurve(
        width=WIDTH,
        height=HEIGHT,
        title="Stored confidence against agreement",
        summary=_summary(known, over),
        header=("mean confidence", "agreement", "95 % interval", "records"),
        rows=tuple(
            (f"{x:.2f}", percent(y), percent_range(low, high), f"{n:,.0f}") for x, y, n, low, high in known[:MOST_ROWS]
        ),
        box=_BOX,
        levels=tuple(Text(_LEFT - 8, rounded(up(mark)), percent(mark)) for mark in marks),
        places=tuple(Text(rounded(across(mark)), _BOTTOM, f"{mark:g}") for mark in marks),
        diagonal=path([(_LEFT, _BOTTOM), (_RIGHT, _TOP)]),
        region=path([(_LEFT, _BOTTOM), (_RIGHT, _TOP), (_RIGHT, _BOTTOM)]) + "z",
        intervals="".join(f"M{rounded(across(row[0]))} {rounded(up(row[3]))}V{rounded(up(row[4]))}" for row in known),
        bubbles=bubbles,
        names=(
            Text(_RIGHT - 12, _BOTTOM - 14, "overconfident"),
            Text(_LEFT + 12, _TOP + 20, "underconfident"),
            Text((_LEFT + _RIGHT) / 2, _BOTTOM + 38, "stored confidence"),
            Text(-(_TOP + _BOTTOM) / 2, 13, "agreement"),
        ),
        signs=legend(entries if over else entries[:1], _LEFT + 8, HEIGHT - 14),
    )


def _bubbles(known: Sequence[tuple[float, ...]], across: Scale, up: Scale) -> tuple[Bubble, ...]:
    most = max(row[2] for row in known)
    found = []
    for confidence, agreement, number, low, high in sorted(known, key=lambda row: -row[2]):
        radius = max(_SMALLEST, _LARGEST * sqrt(number / most))
        agree = f"{percent(agreement)} of {count(int(number), 'record')} agree ({percent_range(low, high)})"
        x, y = rounded(across(confidence)), rounded(up(agreement))
        found.append(Bubble(x, y, rounded(radius), high < confidence, f"confidence {confidence:.2f}: {agree}"))
    return tuple(found)


def _summary(known: Sequence[tuple[float, ...]], over: int) -> str:
    total = int(sum(row[2] for row in known))
    mean, agreement = (sum(row[place] * row[2] for row in known) / total for place in (0, 1))
    return (
        f"{count(total, 'record')} in {count(len(known), 'bin')}: mean confidence {mean:.2f},"
        f" agreement {percent(agreement)}; {count(over, 'bin')} clearly overconfident."
    )
