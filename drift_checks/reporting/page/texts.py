"""Texts of a store as the page shows them: all in them can be seen, and no more than there is room for."""

from __future__ import annotations

import unicodedata
from html import escape

# Joiners that emoji and some scripts need, and the layout of a text.
_KEPT = "\n\t\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_HIDDEN = ("Cc", "Cf", "Cs")


def visible(text: str) -> str:
    """Return a text with characters that command a terminal or turn the direction written out, as in `‹U+202E›`."""
    if text.isprintable():
        return text
    return "".join(letter if _is_kept(letter) else f"‹U+{ord(letter):04X}›" for letter in text)


def weight(text: str) -> int:
    """Return how many bytes a text takes in the page, where markup in it takes several times its length."""
    return len(escape(visible(text)).encode("utf-8", errors="replace"))


def shortened(text: str, most: int) -> str:
    """Return the beginning of a text that takes at most so many bytes in the page, marked where it was cut."""
    shown = fitting(text, most)
    return shown if shown == text else f"{shown}…"


def fitting(text: str, most: int) -> str:
    """Return the longest beginning of a text that takes at most so many bytes in the page."""
    # Each letter takes one at the least.
    text = text[: max(0, most)]
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if weight(text[:middle]) <= most:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def _is_kept(letter: str) -> bool:
    return letter in _KEPT or unicodedata.category(letter) not in _HIDDEN
