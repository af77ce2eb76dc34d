"""The class mix: how the share of each category changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from drift_checks.core.text import count, tenths
from drift_checks.report.page.charts.picture import (
    WINDOWS,
    Box,
    Plot,
    Text,
    brief,
    finite,
    fitted,
    legend,
    named,
    rounded,
)
from drift_checks.report.page.charts.scales import Scale, round_up, ticks

WIDTH = 720
MOST_CATEGORIES = 25
_LEFT, _RIGHT, _TOP = 188, 560, 40
_WORDS, _ROW = 578, 22


class Dumbbell(NamedTuple):
    """A category's shares: a ring for the reference, a dot for the recent window."""

    reference: float
    recent: float
    y: float


@dataclass(frozen=True, kw_only=True)
class ClassMix(Plot):
    """Rows of categories, the largest change first; a last row that sums up the others has no dumbbell."""

    places: tuple[Text, ...]
    labels: tuple[Text, ...]
    dumbbells: tuple[Dumbbell, ...]
    words: tuple[Text, ...]
    column_words: float


class _Shares(NamedTuple):
    name: str
    reference: float
    recent: float


def class_mix_picture(categories: Sequence[tuple[str, float, float]]) -> ClassMix | None:
    """Lay out each category's shares, from its numbers of records in two windows; return None if one has no records."""
    counts = _summed(categories)
    then, now = (sum(pair[side] for pair in counts.values()) for side in (0, 1))
    if then <= 0 or now <= 0:
        return None
    shares = [_Shares(named(name), before / then, after / now) for name, (before, after) in counts.items()]
    shares.sort(key=lambda item: (-abs(item.recent - item.reference), -item.reference, item.name))
    rows = _with_rest(shares)
    top = round_up(max(max(item.reference, item.recent) for item in shares[:MOST_CATEGORIES]))
    across, bottom = Scale(0, top, _LEFT, _RIGHT), _TOP + 8 + _ROW * len(rows)
    placed = [(_TOP + 4 + _ROW * (number + 0.5), row) for number, row in enumerate(rows)]
    return ClassMix(
        width=WIDTH,
        height=bottom + 30,
        title="Category shares, earlier and recent",
        summary=_summary(shares),
        header=("category", *WINDOWS, "change"),
        rows=tuple((row.name, tenths(row.reference), tenths(row.recent), _change(row)) for row in rows),
        box=Box(_LEFT, _RIGHT, _TOP, bottom),
        places=tuple(Text(rounded(across(mark)), bottom, f"{mark * 100:.3g} %") for mark in ticks(0, top)),
        labels=tuple(fitted(row.name, _LEFT - 14, rounded(y), _LEFT - 22) for y, row in placed),
        dumbbells=tuple(
            Dumbbell(rounded(across(row.reference)), rounded(across(row.recent)), rounded(y))
            for y, row in placed[:MOST_CATEGORIES]
        ),
        words=tuple(Text(_WORDS, rounded(y), f"{tenths(row.reference)} → {tenths(row.recent)}") for y, row in placed),
        column_words=_WORDS,
        signs=legend([("ring", f"earlier ({then:,.0f})"), ("dot", f"recent ({now:,.0f})")], _LEFT, 16),
    )


def _summed(categories: Sequence[tuple[str, float, float]]) -> dict[str, list[float]]:
    counts: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for name, before, after in categories:
        if finite(before, after):
            counts[str(name)][0] += max(0, before)
            counts[str(name)][1] += max(0, after)
    return counts


def _with_rest(shares: Sequence[_Shares]) -> list[_Shares]:
    shown, rest = list(shares[:MOST_CATEGORIES]), shares[MOST_CATEGORIES:]
    if rest:
        name = f"others ({count(len(rest), 'category')})"
        shown.append(_Shares(name, sum(item.reference for item in rest), sum(item.recent for item in rest)))
    return shown


def _change(row: _Shares) -> str:
    return f"{(row.recent - row.reference) * 100:+.1f} points".replace("-", "−")


def _summary(shares: Sequence[_Shares]) -> str:
    first = shares[0]
    if first.reference == first.recent:
        return f"Shares of {count(len(shares), 'category')}: the same in earlier and recent records."
    change = f"{brief(first.name)} changed most, from {tenths(first.reference)} to {tenths(first.recent)}"
    return f"Shares of {count(len(shares), 'category')}, earlier and recent: {change}."
