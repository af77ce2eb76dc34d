"""Text and numbers for people: all formatting, shortening, cleaning and quoting."""

from __future__ import annotations

import re
import unicodedata
from html import escape

_LONGEST = 60
# Long enough for a SHA-256 digest.
_LONGEST_WORD = 100
# Layout, and joiners that emoji and some scripts need.
_KEPT = "\n\t\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_HIDDEN = ("Cc", "Cf", "Cs")
# What spreadsheets take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def percent(rate: float) -> str:
    """Return a rate from 0 to 1 as a whole percentage; only 0 and 1 become 0 % and 100 %."""
    if 0 < rate <= 0.005 or 0.995 <= rate < 1:
        return f"{min(max(rate * 100, 0.1), 99.9):.1f} %"
    return f"{rate * 100:.0f} %"


def tenths(rate: float) -> str:
    """Return a rate from 0 to 1 as a percentage with one decimal, for small changes."""
    return f"{rate * 100:.1f} %"


def percent_range(lower: float, upper: float) -> str:
    """Return an interval of rates, as in `69–90 %`."""
    return f"{percent(lower).removesuffix(' %')}–{percent(upper)}"


def count(number: int, noun: str) -> str:
    """Return the number with its noun, as in `1 record`, `13,083 records` and `3 categories`."""
    if number != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"
    return f"{number:,} {noun}"


def readable_size(size: int) -> str:
    """Return a number of bytes in a readable unit, as in `1.4 MB` or `12 GB`."""
    for unit, value in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= value:
            return f"{size / value:.1f} {unit}" if size < 10 * value else f"{size / value:,.0f} {unit}"
    return f"{size} bytes"


def confidence(value: float | None) -> str:
    """Return a confidence with two decimals, or a dash."""
    return "–" if value is None else f"{value:.2f}"


def safe_word(value: object, longest: int = _LONGEST_WORD) -> str:
    """Return a value as a word that needs no quotes on a command line."""
    return re.sub(r"[^\w.-]+", "_", str(value))[:longest]


def shorten(text: str, longest: int) -> str:
    """Return at most `longest` characters of the text, ending in an ellipsis if it was cut."""
    if len(text) <= longest:
        return text
    return f"{text[: longest - 1]}…" if longest > 0 else ""


def visible(text: str) -> str:
    """Return the text with control and direction characters replaced, and its spaces as they are."""
    if text.isprintable():
        return text
    return "".join(letter if unicodedata.category(letter)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def unicode(text: str) -> str:
    """Return the text with lone surrogates, as in names of files that are not Unicode, written out."""
    return text.encode("utf-8", "backslashreplace").decode()


def printable(value: object, longest: int = _LONGEST) -> str:
    """Return any value for a terminal or a log: one line, no control characters, at most `longest` characters."""
    # Cut first: a text may be a hundred megabytes, of which the beginning is shown.
    return shorten(visible(" ".join(str(value)[: 100 * longest].split())), longest)


def quoted(value: object, longest: int = 80) -> str:
    """Return the value as Python writes it, on one line, in at most `longest` characters; quotes are closed."""
    if isinstance(value, str):
        # Cut first, as in `printable`.
        value = " ".join(value[: 100 * longest].split())
    shown = repr(value[:longest] if isinstance(value, bytes) else value)
    if len(shown) <= longest:
        return shown
    quote = shown[0] if isinstance(value, str) else ""
    return shorten(shown, longest - len(quote)) + quote


class _SpelledOut(dict[int, str]):
    """What each character is replaced with, computed once."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        is_shown = letter in _KEPT or unicodedata.category(letter) not in _HIDDEN
        self[code] = letter if is_shown else f"‹U+{code:04X}›"
        return self[code]


_SPELLED_OUT = _SpelledOut()


def spelled_out(text: str) -> str:
    """Return the text with invisible characters written out, as in `‹U+202E›`; line breaks and tabs stay."""
    return text if text.isprintable() else text.translate(_SPELLED_OUT)


def html_size(text: str) -> int:
    """Return how many bytes the text takes in an HTML page, where markup is escaped."""
    return len(escape(spelled_out(text)).encode("utf-8", errors="replace"))


def shorten_html(text: str, longest: int) -> str:
    """Return at most `longest` bytes of the text in an HTML page, plus an ellipsis if it was cut."""
    fitting = cut_html(text, longest)
    return fitting if fitting == text else f"{fitting}…"


def cut_html(text: str, longest: int) -> str:
    """Return the longest prefix of the text that takes at most `longest` bytes in an HTML page."""
    # Each character takes at least one byte.
    text = text[: max(0, longest)]
    if html_size(text) <= longest:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if html_size(text[:middle]) <= longest:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def spreadsheet_cell(value: object) -> object:
    """Return a value as a cell of a table that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
