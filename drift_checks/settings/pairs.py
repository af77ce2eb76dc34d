"""What a setting's text may be, where it names several things: pairs and lists."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from email.headerregistry import Address
from pathlib import Path

from drift_checks.core.records import COLUMNS
from drift_checks.settings.kinds import Kind, UnknownWord

PAGERDUTY = "pagerduty"
CHANNELS = ("slack", PAGERDUTY, "email", "apprise")
ALL_CHANNELS = "all"
TOLD_VERDICTS: tuple[str, ...] = ("WARNING", "CRITICAL", "INCONCLUSIVE")
SEVERITIES = ("critical", "error", "warning", "info")
_OFF = "off"


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


def thresholds() -> Kind[tuple[tuple[str, float | None, float | None], ...]]:
    """Return the kind of criteria with their own thresholds: None where one is left as it is, inf for never."""

    def bound(text: str) -> float | None:
        if text in ("", "off"):
            return math.inf if text else None
        number = float(text)
        if not 0 <= number < math.inf:
            raise ValueError
        return number

    def parse(text: str, _: Path) -> tuple[tuple[str, float | None, float | None], ...]:
        parsed = {}
        for name, bounds in _pairs(text):
            warn, separator, critical = (part.strip() for part in bounds.partition(":"))
            if not separator:
                raise ValueError
            parsed[name] = (name, bound(warn), bound(critical))
        return tuple(parsed.values())

    return Kind(
        parse, "criterion=WARN:CRITICAL pairs separated by commas, each a number from 0, off for never, or left empty"
    )


def least_numbers() -> Kind[tuple[tuple[str, int], ...]]:
    """Return the kind of criteria with the least number of records that each needs."""

    def parse(text: str, _: Path) -> tuple[tuple[str, int], ...]:
        parsed = {name: int(number) for name, number in _pairs(text)}
        if any(number < 1 for number in parsed.values()):
            raise ValueError
        return tuple(parsed.items())

    return Kind(parse, "criterion=NUMBER pairs separated by commas, each a whole number from 1")


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return the `name=value` pairs of a text, separated by commas or lines."""
    pairs = [part.partition("=") for part in re.split(r"[,\n]", text) if part.strip()]
    if not pairs or not all(name.strip() and separator and value.strip() for name, separator, value in pairs):
        raise ValueError
    if len({name.strip() for name, _, _ in pairs}) < len(pairs):
        raise ValueError
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def channels() -> Kind[tuple[str, ...]]:
    """Return the kind of lists of channels, or `none`."""
    known = (*CHANNELS, "none")

    def parse(text: str, _: Path) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(_words(text, ",")))
        for name in names:
            if name not in known:
                raise UnknownWord(name)
        if not names or ("none" in names and len(names) > 1):
            raise ValueError
        return () if names == ("none",) else names

    return Kind(parse, f"none, or names separated by commas, of {', '.join(CHANNELS)}", known=lambda: known)


def told_verdicts() -> Kind[tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return the kind of verdicts that are told, by channel or for all."""
    names = tuple(name for name in CHANNELS if name != PAGERDUTY)

    def parse(text: str, _: Path) -> tuple[tuple[str, tuple[str, ...]], ...]:
        pairs = [(ALL_CHANNELS, text)] if "=" not in text else _pairs(text)
        return tuple((_one_of(name, (ALL_CHANNELS, *names)), _verdicts(verdicts)) for name, verdicts in pairs)

    return Kind(
        parse,
        f"channel=VERDICT+VERDICT pairs separated by commas, or VERDICT+VERDICT for all, of {', '.join(names)} and"
        f" {', '.join(TOLD_VERDICTS)}; that all is well again is told in any case, and pagerduty-severities says what"
        " is paged",
        known=lambda: (*names, *TOLD_VERDICTS),
    )


def severities() -> Kind[tuple[tuple[str, str], ...]]:
    """Return the kind of PagerDuty's severities by verdict."""

    def parse(text: str, _: Path) -> tuple[tuple[str, str], ...]:
        return tuple(
            (_one_of(verdict.upper(), TOLD_VERDICTS), _one_of(severity.lower(), (*SEVERITIES, _OFF)))
            for verdict, severity in _pairs(text)
        )

    return Kind(
        parse,
        f"VERDICT=SEVERITY pairs separated by commas, of {', '.join(TOLD_VERDICTS)} and {', '.join(SEVERITIES)} or"
        f" {_OFF}",
        known=lambda: (*TOLD_VERDICTS, *SEVERITIES, _OFF),
    )


def paged(chosen: Iterable[tuple[str, str]], default: Mapping[str, str]) -> dict[str, str]:
    """Return the severities of the verdicts that are paged: what is not chosen is as by default."""
    return {verdict: severity for verdict, severity in {**default, **dict(chosen)}.items() if severity != _OFF}


def mail_addresses() -> Kind[tuple[str, ...]]:
    """Return the kind of lists of mail addresses."""

    def parse(text: str, _: Path) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(_words(text, ",\n")))
        if not found or not all(is_mail_address(item) for item in found):
            raise ValueError
        return found

    return Kind(parse, "addresses separated by commas, as in ann@example.com,bob@example.com")


def mail_address() -> Kind[str]:
    """Return the kind of one mail address."""

    def parse(text: str, _: Path) -> str:
        if not is_mail_address(text):
            raise ValueError
        return text

    return Kind(parse, "an address as drift@example.com")


def is_mail_address(text: str) -> bool:
    """Whether the text is an address of the form `name@host`, and nothing else (RFC 5322, addr-spec)."""
    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError, UnicodeError):
        # The parser of headers raises more kinds than it documents.
        return False
    return bool(address.username and address.domain) and text.isascii() and text.isprintable() and " " not in text


def _verdicts(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(_one_of(word.upper(), TOLD_VERDICTS) for word in _words(text, "+")))
    if not found:
        raise ValueError
    return found


def _one_of(word: str, known: Iterable[str]) -> str:
    if word not in known:
        raise UnknownWord(word)
    return word


def _words(text: str, separators: str) -> list[str]:
    return [part.strip() for part in re.split(f"[{separators}]", text) if part.strip()]
