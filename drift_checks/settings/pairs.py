"""The kinds of settings that hold several values: pairs and lists."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from email.errors import HeaderParseError
from email.headerregistry import Address

from drift_checks.core.records import COLUMNS
from drift_checks.settings.kinds import Kind, UnknownWord, simple

PAGERDUTY = "pagerduty"
CHANNELS = ("slack", PAGERDUTY, "email", "apprise")
ALL_CHANNELS = "all"
ALERT_VERDICTS: tuple[str, ...] = ("WARNING", "CRITICAL", "INCONCLUSIVE")
SEVERITIES = ("critical", "error", "warning", "info")
# The pair that names a key of Chroma's metadata in place of a column.
METADATA_CATEGORY = "metadata.category"
_OFF = "off"
# A name in double quotes, in which two stand for one, as in SQL; and text up to a comma outside such a name.
_QUOTED = re.compile(r'^"((?:[^"]|"")*)"')
_PAIR = re.compile(r'(?:=\s*"(?:[^"]|"")*"|[^,])+')


def column_pairs() -> Kind[tuple[tuple[str, str], ...]]:
    """Return the kind of `ours=theirs` pairs of column names, separated by commas.

    Double quotes surround a name that contains a comma. The confidence may be divided by a positive number, and
    `metadata.category` names a key of Chroma's metadata.
    """
    known = (*COLUMNS, METADATA_CATEGORY)

    def convert(text: str) -> tuple[tuple[str, str], ...]:
        pairs: dict[str, str] = {}
        for pair in _PAIR.findall(text):
            name, separator, theirs = (part.strip() for part in pair.partition("="))
            ours = name.lower()
            if not separator or not theirs or ours in pairs or (ours == "confidence" and not _divisor_of(theirs) > 0):
                # The name itself is valid, so no other name may be suggested.
                raise UnknownWord("")
            if ours not in known:
                raise UnknownWord(name)
            pairs[ours] = _QUOTED.sub(lambda quoted: quoted[1].replace('""', '"'), theirs)
        if not pairs:
            raise UnknownWord("")
        return tuple(pairs.items())

    return simple(
        convert,
        f"ours=theirs pairs separated by commas, in which ours is one of {', '.join(COLUMNS)}, each at most once;"
        " the confidence may be divided by a positive number, as in confidence=score/100, and"
        f" {METADATA_CATEGORY} names a key of Chroma's metadata",
        known=lambda: known,
    )


def _divisor_of(theirs: str) -> float:
    """Return the number by which a column is divided, 1 if by none."""
    column, _, divisor = theirs.rpartition("/")
    try:
        number = float(divisor) if column else 1.0
    except ValueError:
        # A part of the name.
        return 1.0
    return number if math.isfinite(number) else 0.0


def thresholds() -> Kind[tuple[tuple[str, float | None, float | None], ...]]:
    """Return the kind of thresholds by criterion: None keeps the default, inf means never."""

    def bound(text: str) -> float | None:
        if text in ("", _OFF):
            return math.inf if text else None
        number = float(text)
        if not 0 <= number < math.inf:
            raise ValueError
        return number

    def convert(text: str) -> tuple[tuple[str, float | None, float | None], ...]:
        parsed = {}
        for name, bounds in _pairs(text):
            warn, separator, critical = (part.strip() for part in bounds.partition(":"))
            if not separator:
                raise ValueError
            parsed[name] = (name, bound(warn), bound(critical))
        return tuple(parsed.values())

    return simple(
        convert,
        "criterion=WARN:CRITICAL pairs separated by commas; each bound is a number from 0, off, or empty for the"
        " default",
    )


def least_numbers() -> Kind[tuple[tuple[str, int], ...]]:
    """Return the kind of minimum numbers of records by criterion."""
    return simple(
        lambda text: tuple((name, int(number)) for name, number in _pairs(text)),
        "criterion=NUMBER pairs separated by commas, each a whole number of at least 1",
        lambda pairs: all(number >= 1 for _, number in pairs),
    )


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

    def convert(text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(_one_of(name, known) for name in _words(text, ",")))
        if not names or ("none" in names and len(names) > 1):
            raise ValueError
        return () if names == ("none",) else names

    return simple(convert, f"none, or any of {', '.join(CHANNELS)}, separated by commas", known=lambda: known)


def alert_verdicts() -> Kind[tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return the kind of verdicts to alert on, by channel or for all channels."""
    names = tuple(name for name in CHANNELS if name != PAGERDUTY)

    def convert(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        pairs = [(ALL_CHANNELS, text)] if "=" not in text else _pairs(text)
        return tuple((_one_of(name, (ALL_CHANNELS, *names)), _verdicts(verdicts)) for name, verdicts in pairs)

    return simple(
        convert,
        f"channel=VERDICT+VERDICT pairs separated by commas, or VERDICT+VERDICT for all channels, of {', '.join(names)}"
        f" and {', '.join(ALERT_VERDICTS)} (the return to OK is always sent, and PagerDuty has pagerduty-severities)",
        known=lambda: (*names, *ALERT_VERDICTS),
    )


def severities() -> Kind[tuple[tuple[str, str], ...]]:
    """Return the kind of PagerDuty severities by verdict."""

    def convert(text: str) -> tuple[tuple[str, str], ...]:
        return tuple(
            (_one_of(verdict.upper(), ALERT_VERDICTS), _one_of(severity.lower(), (*SEVERITIES, _OFF)))
            for verdict, severity in _pairs(text)
        )

    return simple(
        convert,
        f"VERDICT=SEVERITY pairs separated by commas, of {', '.join(ALERT_VERDICTS)} and"
        f" {', '.join(SEVERITIES)} or {_OFF}",
        known=lambda: (*ALERT_VERDICTS, *SEVERITIES, _OFF),
    )


def paged(chosen: Iterable[tuple[str, str]], default: Mapping[str, str]) -> dict[str, str]:
    """Return the severity of each verdict that is paged; verdicts that were not chosen keep their default."""
    return {verdict: severity for verdict, severity in {**default, **dict(chosen)}.items() if severity != _OFF}


def mail_addresses() -> Kind[tuple[str, ...]]:
    """Return the kind of lists of mail addresses."""
    return simple(
        lambda text: tuple(dict.fromkeys(_words(text, ",\n"))),
        "mail addresses separated by commas, as in ann@example.com,bob@example.com",
        lambda found: bool(found) and all(map(is_mail_address, found)),
    )


def mail_address() -> Kind[str]:
    """Return the kind of one mail address."""
    return simple(str, "a mail address, as in drift@example.com", is_mail_address)


def is_mail_address(text: str) -> bool:
    """Return whether the text is a plain ASCII address of the form `name@host` (RFC 5322, addr-spec)."""
    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError, HeaderParseError):
        # The parser raises more than it documents.
        return False
    return bool(address.username and address.domain) and text.isascii() and text.isprintable() and " " not in text


def _verdicts(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(_one_of(word.upper(), ALERT_VERDICTS) for word in _words(text, "+")))
    if not found:
        raise ValueError
    return found


def _one_of(word: str, known: Iterable[str]) -> str:
    if word not in known:
        raise UnknownWord(word)
    return word


def _words(text: str, separators: str) -> list[str]:
    return [part.strip() for part in re.split(f"[{separators}]", text) if part.strip()]
