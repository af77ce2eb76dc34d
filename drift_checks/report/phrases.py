"""Numbers and stored values as people read them."""

from __future__ import annotations

import unicodedata

_LONGEST = 60
# What decides, or gives the vectors, and what it is called in a sentence.
VERSION_WORDS = {
    "model_version": "model of the store",
    "prompt_version": "prompt of the store",
    "embedding_model": "embedding model of the store",
    "reviewer": "reviewer",
    "reviewer_model": "model of the reviewer",
    "reviewer_prompt": "prompt of the reviewer",
}


def percent(rate: float) -> str:
    """Return a rate from 0 to 1 as a percentage; whole, but never rounded to none or all."""
    if 0 < rate <= 0.005 or 0.995 <= rate < 1:
        return f"{min(max(rate * 100, 0.1), 99.9):.1f} %"
    return f"{rate * 100:.0f} %"


def tenths(rate: float) -> str:
    """Return a rate from 0 to 1 as a percentage with one place, for small changes."""
    return f"{rate * 100:.1f} %"


def percent_range(lower: float, upper: float) -> str:
    """Return an interval of rates, as in `69–90 %`."""
    return f"{percent(lower).removesuffix(' %')}–{percent(upper)}"


def count(number: int, noun: str) -> str:
    """Return the number with its noun, as in `1 record` and `13,083 records`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def readable_size(size: int) -> str:
    """Return a number of bytes as people read it, as in `1.4 MB` and `12 GB`."""
    for unit, value in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= value:
            return f"{size / value:.1f} {unit}" if size < 10 * value else f"{size / value:,.0f} {unit}"
    return f"{size} bytes"


def confidence(value: float | None) -> str:
    """Return a confidence with two places, or a dash."""
    return "–" if value is None else f"{value:.2f}"


def visible(text: str) -> str:
    """Return a text fit for a terminal, with its blanks as they are: a command stays what it does."""
    return "".join(letter if unicodedata.category(letter)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def printable(value: object, longest: int = _LONGEST) -> str:
    """Return a stored value fit for a terminal: on one line, no control or direction characters, not long."""
    text = visible(" ".join(str(value).split()))
    return text if len(text) <= longest else text[: longest - 1] + "…"
