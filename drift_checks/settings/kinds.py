"""What a setting's text may be: each kind parses it, or raises ValueError, and says what is allowed."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

Value = TypeVar("Value")

AUTO = "auto"
_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_ADDRESS = re.compile(f"{_NAME}:{_NAME}")


class UnknownWord(ValueError):
    """A part of a setting's text is none of the words that are allowed; it is the first argument."""


@dataclass(frozen=True)
class Kind(Generic[Value]):
    """A parser of a setting's text; the second argument is the folder that relative paths start from.

    `known` gives the allowed words where they can be listed, so that the nearest can be named; `shown` leaves out what
    must not be repeated.
    """

    parse: Callable[[str, Path], Value]
    allowed: str
    known: Callable[[], tuple[str, ...]] = tuple
    shown: Callable[[str], str] = str


def whole(minimum: int) -> Kind[int]:
    """Return the kind of whole numbers from `minimum`."""

    def parse(text: str, _: Path) -> int:
        number = int(text)
        if number < minimum:
            raise ValueError
        return number

    return Kind(parse, f"a whole number from {minimum}")


def whole_or_auto(minimum: int) -> Kind[int | None]:
    """Return the kind of whole numbers from `minimum`, or `auto`, which is None."""
    number = whole(minimum)

    def parse(text: str, folder: Path) -> int | None:
        return None if text == AUTO else number.parse(text, folder)

    return Kind(parse, f"{number.allowed}, or {AUTO}", known=lambda: (AUTO,))


def share() -> Kind[float]:
    """Return the kind of numbers from 0 to 1."""

    def parse(text: str, _: Path) -> float:
        number = float(text)
        if not 0 <= number <= 1:
            raise ValueError
        return number

    return Kind(parse, "a number from 0 to 1")


def positive(unit: str, most: float = 1e9) -> Kind[float]:
    """Return the kind of numbers above 0 and not above `most`, in this unit."""

    def parse(text: str, _: Path) -> float:
        number = float(text)
        if not 0 < number <= most:
            raise ValueError
        return number

    return Kind(parse, f"a number above 0, to {most:,.0f}, in {unit}")


def any_whole() -> Kind[int]:
    """Return the kind of whole numbers."""
    return Kind(lambda text, _: int(text), "a whole number")


def path(what: str) -> Kind[Path]:
    """Return the kind of paths to `what`: made absolute, links not followed."""

    def parse(text: str, folder: Path) -> Path:
        if not text or "://" in text:
            raise ValueError
        try:
            return Path(os.path.normpath(folder / Path(text).expanduser()))
        except RuntimeError as error:
            raise ValueError from error

    return Kind(parse, f"the path of {what} (addresses such as postgresql:// or http:// are not supported yet)")


def word(what: str) -> Kind[str]:
    """Return the kind of plain, non-empty text."""

    def parse(text: str, _: Path) -> str:
        if not text:
            raise ValueError
        return text

    return Kind(parse, what)


def choice(*words: str) -> Kind[str]:
    """Return the kind of one of a few words."""

    def parse(text: str, _: Path) -> str:
        if text not in words:
            raise ValueError
        return text

    return Kind(parse, " or ".join(words), known=lambda: words)


def reviewer(*words: str) -> Kind[str]:
    """Return the kind of reviewers: one of a few words, or where a classifier of the user's own is."""

    def parse(text: str, _: Path) -> str:
        if text not in words and not _ADDRESS.fullmatch(text):
            raise ValueError
        return text

    return Kind(parse, f"{', '.join(words)}, or package.module:name of a classifier of your own", known=lambda: words)


def address() -> Kind[str]:
    """Return the kind of addresses of an HTTP endpoint; whoever may read the settings may read them."""

    def parse(text: str, _: Path) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError
        if parts.query or parts.fragment or parts.port == 0:
            raise ValueError
        return text.rstrip("/")

    def without_secrets(text: str) -> str:
        return re.sub(r"[?#].*", "…", re.sub(r".*@", "…@", text))

    return Kind(parse, "an address as https://host/v1, without user, password or query", shown=without_secrets)


def price() -> Kind[tuple[float, float]]:
    """Return the kind of prices: two numbers from 0, for what goes in and what comes out."""

    def parse(text: str, _: Path) -> tuple[float, float]:
        paid_in, paid_out = (float(part) for part in text.split(","))
        if not (0 <= paid_in < math.inf and 0 <= paid_out < math.inf):
            raise ValueError
        return paid_in, paid_out

    return Kind(parse, "two numbers from 0, IN,OUT for a million tokens each, as in 0.15,0.60")


def flag() -> Kind[bool]:
    """Return the kind of switches that are on or off."""
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }

    def parse(text: str, _: Path) -> bool:
        if text.lower() not in words:
            raise ValueError
        return words[text.lower()]

    return Kind(parse, "true or false", known=lambda: tuple(words))


def instant() -> Kind[datetime]:
    """Return the kind of ISO 8601 instants; a zone must be given, so that it names one instant everywhere."""

    def parse(text: str, _: Path) -> datetime:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)

    return Kind(parse, "an ISO 8601 instant with its zone, as in 2026-01-15T02:00:00Z")


def zone() -> Kind[ZoneInfo]:
    """Return the kind of names of time zones."""

    def parse(text: str, _: Path) -> ZoneInfo:
        try:
            return ZoneInfo(text)
        except (KeyError, OSError) as error:
            raise ValueError from error

    return Kind(
        parse,
        "a time zone's name, as in Europe/Berlin or UTC",
        known=lambda: tuple(sorted(available_timezones())),
    )


def record_ids() -> Kind[tuple[str, ...]]:
    """Return the kind of record ids, separated by commas."""

    def parse(text: str, _: Path) -> tuple[str, ...]:
        ids = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
        if not all(ids):
            raise ValueError
        return ids

    return Kind(parse, "record ids separated by commas")


AnyKind = Kind[Any]
