"""What all charts share: size, title, summary, data table, and how texts fit."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from drift_checks.core.text import printable

MOST_ROWS = 30
WINDOWS = ("earlier", "recent")
FONT_SIZE = 12
_LONGEST_NAME = 80
# The average width in system fonts, relative to the font size, of letters, capitals and East Asian wide characters.
_LETTER, _CAPITAL, _WIDE_LETTER = 0.56, 0.72, 1.0


class Text(NamedTuple):
    """A text at a point of the chart; `full` is the whole text if it was cut."""

    x: float
    y: float
    text: str
    full: str = ""


class Sign(NamedTuple):
    """An entry of the legend: a `kind` of mark that the template knows, and its text."""

    x: float
    y: float
    kind: str
    text: str


class Box(NamedTuple):
    """The edges of a plot."""

    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A chart without its marks.

    The size of its view box is in CSS pixels; `header` and `rows`, at most `MOST_ROWS`, are its data table.
    """

    width: int
    height: float
    title: str
    summary: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Plot(Picture):
    """A chart with axes and a legend."""

    box: Box
    signs: tuple[Sign, ...]


def rounded(value: float) -> float:
    """Return the number with at most one decimal, as an int if it is whole, so that it prints short."""
    value = round(float(value), 1)
    return int(value) if value.is_integer() else value


def path(points: Iterable[tuple[float, float]], *, coarse: bool = False) -> str:
    """Return an SVG path through the points, rounded to whole units if `coarse`."""
    near = round if coarse else rounded
    return "M" + " ".join(f"{near(x)} {near(y)}" for x, y in points)


def finite(*values: float | None) -> bool:
    """Return whether all values are finite numbers."""
    return all(value is not None and isfinite(value) for value in values)


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """Return the approximate width of the text, in the unit of the font size."""
    return size * sum(_letter_width(letter) for letter in text)


def _letter_width(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return _WIDE_LETTER
    return _CAPITAL if letter.isupper() else _LETTER


def named(name: object) -> str:
    """Return a stored name that is safe to show, up to 80 characters."""
    return printable(name, _LONGEST_NAME) or "(none)"


def brief(name: object) -> str:
    """Return a stored name that is safe and short enough for a sentence."""
    return printable(name) or "(none)"


def fitted(name: object, x: float, y: float, width: float, size: float = FONT_SIZE) -> Text:
    """Return the name at a point, cut in the middle if it is too wide: similar names may differ at either end."""
    full = named(name)
    if text_width(full, size) <= width:
        return Text(rounded(x), rounded(y), full)
    kept = len(full) - 1
    while kept > 1 and text_width(_without_middle(full, kept), size) > width:
        kept -= 1
    return Text(rounded(x), rounded(y), _without_middle(full, kept), full)


def _without_middle(text: str, kept: int) -> str:
    head = kept - kept // 3
    return text[:head] + "…" + (text[-(kept // 3) :] if kept // 3 else "")


def legend(entries: Sequence[tuple[str, str]], x: float, y: float) -> tuple[Sign, ...]:
    """Return the entries, each a kind of mark and its text, on one line that starts at the point."""
    signs = []
    for kind, text in entries:
        signs.append(Sign(rounded(x), rounded(y), kind, text))
        x += 16 + text_width(text) + 20
    return tuple(signs)


def tone(verdict: str | None) -> str:
    """Return the kind of mark for a verdict: `ok`, `warning`, `critical`, `inconclusive` or `none`."""
    kind = str(verdict or "none").lower()
    return kind if kind in ("ok", "warning", "critical", "inconclusive") else "none"
