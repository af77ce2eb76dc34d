"""A histogram of two distributions over the same bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drift_checks.core.text import percent, tenths
from drift_checks.report.page.charts.picture import MOST_ROWS, Plot, Sign, Text, brief, finite, legend, path, rounded
from drift_checks.report.page.charts.scales import Scale, round_up, ticks

WIDTH, HEIGHT = 400, 248
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 388, 38, 200


@dataclass(frozen=True, kw_only=True)
class Histogram(Plot):
    """The reference as a filled area, the recent distribution as a step line over it.

    Attributes:
        levels: The labels of the shares, each with a grid line.
        places: The labels of the values.
        reference: A path around the area.
        recent: A path of the line.
        axis: The label of the axis of values.
    """

    levels: tuple[Text, ...]
    places: tuple[Text, ...]
    reference: str
    recent: str
    axis: Text


def histogram_picture(
    edges: Sequence[float],
    reference: Sequence[float],
    recent: Sequence[float],
    *,
    what: str = "confidence",
    names: tuple[str, str] = ("reference", "recent"),
) -> Histogram | None:
    """Lay out both as shares of their totals; return None if either is empty or the bins do not fit the counts.

    Args:
        edges: The edges of the bins, ascending, one more than there are counts.
        reference: Counts by bin.
        recent: Counts by bin.
        what: The measured quantity, in a word.
        names: The names of the two distributions.
    """
    if len(edges) != len(reference) + 1 or len(reference) != len(recent) or not finite(*edges, *reference, *recent):
        return None
    what, names = brief(what), (brief(names[0]), brief(names[1]))
    then, now = sum(reference), sum(recent)
    if len(edges) < 2 or then <= 0 or now <= 0:
        return None
    totals = (f"{names[0]} ({then:,.0f})", f"{names[1]} ({now:,.0f})")
    parts = [(before / then, after / now) for before, after in zip(reference, recent, strict=True)]
    summary = _summary(edges, (reference, recent), what, names)
    return _laid_out(
        edges, parts, (what, *names), summary, legend([("area", totals[0]), ("step", totals[1])], _LEFT, 14)
    )


def _laid_out(
    edges: Sequence[float],
    parts: Sequence[tuple[float, float]],
    header: tuple[str, str, str],
    summary: str,
    signs: tuple[Sign, ...],
) -> Histogram:
    what, then, now = header
    top = round_up(max(max(pair) for pair in parts), 4)
    across, up = Scale(edges[0], edges[-1], _LEFT, _RIGHT), Scale(0, top, _BOTTOM, _TOP)
    return Histogram(
        width=WIDTH,
        height=HEIGHT,
        title=f"Distribution of {what}: {then} and {now}",
        summary=summary,
        header=header,
        rows=tuple(
            (_bounds(edges[number], edges[number + 1]), tenths(before), tenths(after))
            for number, (before, after) in _rows(parts)
        ),
        left=_LEFT,
        right=_RIGHT,
        top=_TOP,
        bottom=_BOTTOM,
        levels=tuple(Text(_LEFT - 8, rounded(up(level)), percent(level)) for level in ticks(0, top, 4)),
        places=tuple(Text(rounded(across(value)), _BOTTOM, f"{value:g}") for value in ticks(edges[0], edges[-1])),
        reference=_steps(edges, [before for before, _ in parts], across, up) + "z",
        recent=_steps(edges, [after for _, after in parts], across, up),
        signs=signs,
        axis=Text((_LEFT + _RIGHT) / 2, HEIGHT - 8, what),
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


def _summary(
    edges: Sequence[float], counts: tuple[Sequence[float], Sequence[float]], what: str, names: tuple[str, str]
) -> str:
    middles = [_median_bin(edges, side) for side in counts]
    said = [
        f"{number:,.0f} {name}, median in {middle}"
        for number, name, middle in zip(map(sum, counts), names, middles, strict=True)
    ]
    return f"Shares by {what}: {said[0]}; {said[1]}."


def _median_bin(edges: Sequence[float], counts: Sequence[float]) -> str:
    seen, half = 0.0, sum(counts) / 2
    for number, count in enumerate(counts):
        seen += count
        if seen >= half and count:
            return _bounds(edges[number], edges[number + 1])
    return _bounds(edges[-2], edges[-1])
