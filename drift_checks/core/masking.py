"""Secrets hidden in texts, in any form that another program may have given them."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape
from itertools import groupby

# Shorter parts of base64 occur in any text.
_SHORTEST_BASE64 = 5
_CONTROLS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
# As they are, in base64 for URLs, and escaped in a URL or in JSON.
_BASE64 = {"+": r"(?:[+-]|%2[Bb]|\\u002[Bb])", "/": r"(?:\\?/|_|%2[Ff]|\\u002[Ff])"}
_HIDDEN = "…"
_SCHEME = re.compile(r"\s*[\w+.-]+")
# What follows a host: a port, a path, a query or nothing. After any other colon there may be a password.
_AFTER_HOST = re.compile(r":(?!\d{1,5}(?:[/?#]|\Z)).*", re.DOTALL)
_QUERY = re.compile(r"[?#].*", re.DOTALL)


def mask_url(text: str) -> str:
    """Return a URL without user, password, query and fragment, however badly it is written.

    What is before the last `@`, or after a colon that no port follows, may be a password.
    """
    start, separator, rest = text.partition("://")
    if not separator:
        start, rest = "", text
    elif not _SCHEME.fullmatch(start):
        start = _HIDDEN
    _, user, host = rest.rpartition("@")
    host = _QUERY.sub(_HIDDEN, _AFTER_HOST.sub(f":{_HIDDEN}", host))
    return f"{start}{separator}{_HIDDEN if user else ''}{user}{host}"


def mask_password(text: str) -> str:
    """Return any value of a setting as it may be shown: masked if it looks like a URL."""
    return mask_url(text) if may_hold_password(text) else text


def may_hold_password(text: str) -> bool:
    """Return whether a text looks like a URL, or like one without its slashes: `user:password@host`."""
    return "://" in text or re.search(r":.*@", text, re.DOTALL) is not None


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return the text with an ellipsis in place of each secret.

    A secret is found as it is, URL-encoded, escaped for JSON or HTML, and in base64, also of a longer text around it.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            text = _pattern(secret).sub(_HIDDEN, text)
    return text


@lru_cache(maxsize=64)
def _pattern(secret: str) -> re.Pattern[str]:
    """Return a pattern of the secret in each of its forms."""
    forms = ["".join(_letters(letter, len(list(run))) for letter, run in groupby(secret))]
    return re.compile("|".join([*forms, *_base64_forms(secret)]))


def _letters(letter: str, number: int) -> str:
    """Return a pattern of so many of the same letter, each as it is or escaped."""
    if letter == "\\":
        # Escaping doubles them, perhaps more than once.
        return rf"(?:\\{{{number},{4 * number}}}|{_escaped(letter)}{{{number}}})"
    if letter.isascii() and letter.isalnum():
        return f"{letter}{{{number}}}"
    # No two of them match the same, or a search would take time without end.
    forms = [re.escape(letter), rf"\\{{1,3}}{re.escape(letter)}", _escaped(letter)]
    forms += [re.escape(escape(letter))] if escape(letter) != letter else []
    forms += [rf"\\{{1,3}}{_CONTROLS[letter]}"] if letter in _CONTROLS else []
    forms += ["[+]"] if letter == " " else []
    return f"(?:{'|'.join(forms)}){{{number}}}"


def _escaped(letter: str) -> str:
    """Return a pattern of the letter by its number, in a URL, in JSON or in HTML; a URL may be encoded repeatedly."""
    octets = "".join(f"%(?:25)*{octet:02x}" for octet in letter.encode("utf-8", "surrogatepass"))
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    unicode = "".join(rf"\\{{1,3}}u{units[start : start + 4]}" for start in range(0, len(units), 4))
    return rf"(?i:{octets}|{unicode}|&\#0*{ord(letter)};|&\#x0*{ord(letter):x};)"


def _base64_forms(secret: str) -> Iterator[str]:
    """Yield a pattern of what base64 makes of the secret, for each of the three places at which it may begin."""
    octets = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        text = b64encode(bytes(before) + octets).decode("ascii")
        # The letters at the ends also depend on what stands beside the secret.
        whole = text[-(-before * 8 // 6) : (before + len(octets)) * 8 // 6]
        if len(whole) >= _SHORTEST_BASE64:
            yield "".join(_BASE64.get(letter, letter) for letter in whole)
