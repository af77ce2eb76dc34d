"""The kinds of settings: each parses a text or raises ValueError, and describes what the text must be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from drift_checks.core.masking import mask_password

Value = TypeVar("Value")

AUTO = "auto"
ALL: Final = "all"
NONE = "none"
_FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class UnknownWord(ValueError):
    """A part of the text, given as the first argument, is not one of the allowed words."""


class Mistaken(ValueError):
    """The first argument is what to do about the text, such as a question whether something else was meant."""


@dataclass(frozen=True)
class Kind(Generic[Value]):
    """A parser of a setting's text.

    Attributes:
        parse: Takes the text and the folder that relative paths start from; raises ValueError.
        allowed: What the text must be: it completes "it must be …".
        known: Returns the allowed words, if they can be listed, so that the nearest can be suggested.
        shown: Removes what must not be repeated in messages, such as a password.
    """

    parse: Callable[[str, Path], Value]
    allowed: str
    known: Callable[[], tuple[str, ...]] = tuple
    shown: Callable[[str], str] = mask_password


def simple(
    convert: Callable[[str], Value],
    allowed: str,
    is_valid: Callable[[Value], bool] = lambda _: True,
    known: Callable[[], tuple[str, ...]] = tuple,
) -> Kind[Value]:
    """Return a kind that converts the text and checks the value; relative paths play no part."""

    def parse(text: str, _: Path) -> Value:
        value = convert(text)
        if not is_valid(value):
            raise ValueError
        return value

    return Kind(parse, allowed, known)


def whole(minimum: int) -> Kind[int]:
    """Return the kind of whole numbers from `minimum`."""
    return simple(int, f"a whole number of at least {minimum}", lambda number: number >= minimum)


def size_of_sample() -> Kind[int | Literal["all"] | None]:
    """Return the kind of whole numbers from 1, `all`, or `auto`, which becomes None."""
    number = whole(1)

    def parse(text: str, folder: Path) -> int | Literal["all"] | None:
        return None if text == AUTO else ALL if text == ALL else number.parse(text, folder)

    return Kind(parse, f"{number.allowed}, {AUTO} or {ALL}", known=lambda: (AUTO, ALL))


def share() -> Kind[float]:
    """Return the kind of numbers from 0 to 1."""
    return simple(float, "a number from 0 to 1", lambda number: 0 <= number <= 1)


def positive(unit: str, most: float = 1e9) -> Kind[float]:
    """Return the kind of numbers above 0 and at most `most`, in this unit."""
    return simple(float, f"a number above 0 and at most {most:,.0f}, in {unit}", lambda number: 0 < number <= most)


def any_whole() -> Kind[int]:
    """Return the kind of whole numbers."""
    return simple(int, "a whole number")


def word(what: str) -> Kind[str]:
    """Return the kind of non-empty text."""
    return simple(str, what, bool)


def choice(*words: str) -> Kind[str]:
    """Return the kind of a choice between a few words."""
    return simple(str, " or ".join(words), words.__contains__, lambda: words)


def price() -> Kind[tuple[float, float]]:
    """Return the kind of prices of input and output tokens: two numbers from 0."""

    def convert(text: str) -> tuple[float, float]:
        for_input, for_output = (float(part) for part in text.split(","))
        return for_input, for_output

    allowed = "INPUT,OUTPUT, two numbers from 0, as in 0.15,0.60"
    return simple(convert, allowed, lambda prices: all(0 <= price < math.inf for price in prices))


def flag() -> Kind[bool]:
    """Return the kind of switches that are on or off."""

    def convert(text: str) -> bool:
        if text.lower() not in _FLAGS:
            raise ValueError
        return _FLAGS[text.lower()]

    return simple(convert, "true or false", known=lambda: tuple(_FLAGS))


def instant() -> Kind[datetime]:
    """Return the kind of ISO 8601 instants, which mean the same everywhere: they have a zone, or are dates.

    A date is its midnight in UTC.
    """

    def convert(text: str) -> datetime:
        moment = datetime.fromisoformat(text)
        if len(text) == len("2026-01-15"):
            moment = moment.replace(tzinfo=UTC)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)

    return simple(
        convert,
        "an ISO 8601 instant with a zone, as in 2026-01-15T02:00:00Z, or a date, whose midnight in UTC is meant",
    )


def zone() -> Kind[ZoneInfo]:
    """Return the kind of names of time zones."""

    def convert(text: str) -> ZoneInfo:
        try:
            return ZoneInfo(text)
        except (KeyError, OSError) as error:
            raise ValueError from error

    allowed = "the name of a time zone, as in Europe/Berlin or UTC"
    return simple(convert, allowed, known=lambda: tuple(sorted(available_timezones())))


def record_ids() -> Kind[tuple[str, ...]]:
    """Return the kind of record ids, separated by commas."""

    def convert(text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.strip() for part in text.split(",")))

    return simple(convert, "record ids separated by commas", all)


AnyKind = Kind[Any]
