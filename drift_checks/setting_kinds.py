"""What a setting's text may be: each kind parses it, or raises ValueError, and says what is allowed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from drift_checks.records import COLUMNS

Value = TypeVar("Value")


class UnknownWord(ValueError):
    """A part of a setting's text is none of the words that are allowed; it is the first argument."""


@dataclass(frozen=True)
class Kind(Generic[Value]):
    """A parser of a setting's text; the second argument is the folder that relative paths start from.

    `known` gives the allowed words where they can be listed, so that the nearest can be named.
    """

    parse: Callable[[str, Path], Value]
    allowed: str
    known: Callable[[], tuple[str, ...]] = tuple


def whole(minimum: int) -> Kind[int]:
    """Return the kind of whole numbers from `minimum`."""

    def parse(text: str, _: Path) -> int:
        number = int(text)
        if number < minimum:
            raise ValueError
        return number

    return Kind(parse, f"a whole number from {minimum}")


def share() -> Kind[float]:
    """Return the kind of numbers from 0 to 1."""

    def parse(text: str, _: Path) -> float:
        number = float(text)
        if not 0 <= number <= 1:
            raise ValueError
        return number

    return Kind(parse, "a number from 0 to 1")


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


def column_pairs() -> Kind[tuple[tuple[str, str], ...]]:
    """Return the kind of `ours=theirs` pairs of column names, separated by commas."""

    def parse(text: str, _: Path) -> tuple[tuple[str, str], ...]:
        pairs: dict[str, str] = {}
        for pair in text.split(","):
            ours, separator, theirs = (part.strip() for part in pair.partition("="))
            if not separator or not theirs or ours in pairs:
                # What is wrong is not the name, so no other is near.
                raise UnknownWord("")
            if ours not in COLUMNS:
                raise UnknownWord(ours)
            pairs[ours] = theirs
        return tuple(pairs.items())

    return Kind(
        parse,
        f"ours=theirs pairs separated by commas, ours each once and one of {', '.join(COLUMNS)}",
        known=lambda: COLUMNS,
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
