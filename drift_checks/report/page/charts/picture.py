"""What every picture has: its size, its words, and the same in a table."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from drift_checks.core.text import count, percent, percent_range, printable, tenths

MOST_ROWS = 30
FONT_SIZE = 12
_LONGEST_NAME = 80
# Of the font size: what letters of system fonts take on average, capitals, and the wide ones of East Asia.
_LETTER, _CAPITAL, _WIDE_LETTER = 0.56, 0.72, 1.0


class Text(NamedTuple):
    """A piece of text at a point, in the picture's units; `full` is the whole of it where it was cut."""

    x: float
    y: float
    text: str
    full: str = ""


class Sign(NamedTuple):
    """An entry of the legend: a `kind` of mark that the template knows, and the text beside it."""

    x: float
    y: float
    kind: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture without its marks.

    Attributes:
        width: Of the view box; in CSS pixels where there is room.
        height: Of the view box.
        title: What it is, in a few words.
        summary: What it shows, in a sentence or two.
        header: Of the table that says the same.
        rows: Of that table, at most `MOST_ROWS`, each as long as the header.
    """

    width: int
    height: float
    title: str
    summary: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def rounded(value: float) -> float:
    """Return the number with at most one place, as an int where it is whole, so that it prints short."""
    value = round(float(value), 1)
    return int(value) if value.is_integer() else value


def path(points: Iterable[tuple[float, float]], *, coarse: bool = False) -> str:
    """Return an SVG path through the points; a coarse one goes by whole units."""
    near = round if coarse else rounded
    return "M" + " ".join(f"{near(x)} {near(y)}" for x, y in points)


def finite(*values: float | None) -> bool:
    """Return whether all of them are there, and numbers that can be drawn."""
    return all(value is not None and isfinite(value) for value in values)


def unbroken(text: str) -> str:
    """Return the text with each percent sign held to its number."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def share(rate: float) -> str:
    """Return a rate from 0 to 1 as a percentage that does not break."""
    return unbroken(percent(rate))


def share_range(low: float, high: float) -> str:
    """Return an interval of rates as percentages that do not break."""
    return unbroken(percent_range(low, high))


def fine_share(rate: float) -> str:
    """Return a rate from 0 to 1 as a percentage with one place that does not break."""
    return unbroken(tenths(rate))


def counted(number: int, noun: str) -> str:
    """Return the number with its noun; of a noun in y with its plural."""
    if number != 1 and noun.endswith("y"):
        return f"{number:,} {noun[:-1]}ies"
    return count(number, noun)


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """Return about how wide the text is drawn, in the unit of the font size."""
    return size * sum(_letter_width(letter) for letter in text)


def _letter_width(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return _WIDE_LETTER
    return _CAPITAL if letter.isupper() else _LETTER


def named(name: object) -> str:
    """Return a stored name fit to be shown, whole up to 80 letters."""
    return printable(name, _LONGEST_NAME) or "(none)"


def brief(name: object) -> str:
    """Return a stored name fit for a sentence, cut where it is long."""
    return printable(name) or "(none)"


def fitted(name: object, x: float, y: float, width: float, size: float = FONT_SIZE) -> Text:
    """Return the name at a point, cut in its middle where it is wider than that.

    Names of one family differ at their ends as often as at their beginnings.
    """
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
    """Return the entries, each a kind of mark and its words, in one line from the point on."""
    signs = []
    for kind, text in entries:
        signs.append(Sign(rounded(x), rounded(y), kind, text))
        x += 16 + text_width(text) + 20
    return tuple(signs)


def tone(verdict: str | None) -> str:
    """Return the kind of mark of a verdict: `ok`, `warning`, `critical`, `inconclusive`, or `none`."""
    kind = str(verdict or "none").lower()
    return kind if kind in ("ok", "warning", "critical", "inconclusive") else "none"
