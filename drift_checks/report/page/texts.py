"""Texts of a store as the page shows them: all in them can be seen, and no more than there is room for."""

from __future__ import annotations

import unicodedata
from html import escape

# Joiners that emoji and some scripts need, and the layout of a text.
_KEPT = "\n\t\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_HIDDEN = ("Cc", "Cf", "Cs")


class _Shown(dict[int, str]):
    """What stands for each letter, looked up once."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        is_shown = letter in _KEPT or unicodedata.category(letter) not in _HIDDEN
        self[code] = letter if is_shown else f"‹U+{code:04X}›"
        return self[code]


_SHOWN = _Shown()


def visible(text: str) -> str:
    """Return a text with characters that command a terminal or turn the direction written out, as in `‹U+202E›`."""
    return text if text.isprintable() else text.translate(_SHOWN)


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
