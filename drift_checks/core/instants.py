"""Timestamps in the forms that stores hold, read as instants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime
from math import isfinite

_SEPARATOR = re.compile(r"^(\d{4}-\d\d-\d\d)[Tt\s]+(?=\d)")
_LONGEST_DATE = len("2026-01-15")
_SPACE_BEFORE_OFFSET = re.compile(r"\s+(?=[+-]\d\d:?\d\d$|Z$)")


def read_instant(value: object, naive: tzinfo) -> datetime | None:
    """Return the instant (in UTC) that an ISO 8601 timestamp names, or None where it names none.

    A `T` or white space may stand between date and time, `Z` or an offset at the end; without either
    the time is one in the zone `naive`. A date alone is its midnight.
    """
    if not isinstance(value, str):
        return None
    for text in _readings(value):
        try:
            moment = datetime.fromisoformat(text)
            return (moment.replace(tzinfo=naive) if moment.tzinfo is None else moment).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def _readings(value: str) -> Iterator[str]:
    """Yield the usual form as it is, since the others take three times as long, then any in Python's form."""
    if value[_LONGEST_DATE : _LONGEST_DATE + 1] == "T":
        yield value
    yield _in_python_form(value)


def _in_python_form(value: str) -> str:
    """Return the timestamp with a `T` before the time, and no white space; empty where another letter stands there."""
    text = _SEPARATOR.sub(r"\1T", value.strip().replace("z", "Z"))
    text = _SPACE_BEFORE_OFFSET.sub("", text)
    # Python takes any character between date and time.
    return text if len(text) <= _LONGEST_DATE or "T" in text else ""


def format_instant(moment: datetime) -> str:
    """Return the instant as ISO 8601 in UTC, with a `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def retry_after_seconds(value: str, now: datetime | None = None) -> float | None:
    """Return how long a `Retry-After` header asks to wait (RFC 9110, 10.2.3), in seconds from 0; None if unreadable.

    Args:
        value: A number of seconds, or a date.
        now: The moment of the answer.
    """
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            seconds = (moment - (now or datetime.now(UTC))).total_seconds()
        except (TypeError, ValueError, OverflowError):
            return None
    return max(0.0, seconds) if isfinite(seconds) else None
