"""Reading and writing timestamps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import MAXYEAR, UTC, datetime, tzinfo
from email.utils import mktime_tz, parsedate_tz
from math import isfinite

_SEPARATOR = re.compile(r"^(\d{4}-\d\d-\d\d)[Tt\s]+(?=\d)")
_LONGEST_DATE = len("2026-01-15")
# A year, in seconds: nobody waits longer.
LONGEST_PAUSE = 366 * 86_400.0
_SECONDS = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")
# `UTC` in place of an offset, the name of the zone after its offset, and Go's reading of a monotonic clock.
_NAMED_ZONE = re.compile(
    r"(?:\s*([+-]\d\d:?\d\d|Z)(?:\s+(?:[A-Z]{2,5}|[+-]\d{2,4})|\[[\w/]+\])|\s+(?:UTC|GMT))(?:\s+m=[+-][\d.]+)?$"
)
_DELAY_ASKED = re.compile(
    r"(?:(?:retry|try again|wait)\s+(?:in|after|for|at least)|retry_?(?:delay|after)(_?ms)?)['\"\s:=]*"
    r"((?:\d+(?:\.\d+)?\s*[a-z]*\s*){1,3})(?!\d*-\d)",
    re.IGNORECASE,
)
_DELAY_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)
_UNITS = {"ms": 0.001, "mil": 0.001, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "hou": 3600, "hr": 3600}
_SPACE_BEFORE_OFFSET = re.compile(r"\s+(?=[+-]\d\d:?\d\d$|Z$)")


def read_instant(value: object, naive: tzinfo) -> datetime | None:
    """Return the instant of an ISO 8601 timestamp in UTC, or None if it is not one.

    Date and time are separated by `T` or white space. A date alone means midnight. Without `Z`, `UTC` or an offset, the
    time is in the zone `naive`.
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
    """Yield the usual form unchanged, because the other is three times as slow, then Python's form."""
    if value[_LONGEST_DATE : _LONGEST_DATE + 1] == "T":
        yield value
    yield _in_python_form(value)


def _in_python_form(value: str) -> str:
    """Return the timestamp with `T` as its separator and no white space; empty if it has another separator."""
    text = _SEPARATOR.sub(r"\1T", value.strip().replace("z", "Z"))
    text = _NAMED_ZONE.sub(lambda zone: zone[1] or "Z", text)
    text = _SPACE_BEFORE_OFFSET.sub("", text)
    # Python accepts any separator.
    return text if len(text) <= _LONGEST_DATE or "T" in text else ""


def format_instant(moment: datetime) -> str:
    """Return the instant as ISO 8601 in UTC, with a `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def retry_after_seconds(value: str, now: datetime | None = None) -> float | None:
    """Return the seconds that a `Retry-After` header asks to wait from `now` (RFC 9110, 10.2.3), or None.

    A time that has passed is 0, and any later than a year from now is `LONGEST_PAUSE`.
    """
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return min(max(0.0, float(text)), LONGEST_PAUSE)
    try:
        parts = parsedate_tz(text)
        if parts is None:
            return None
        if parts[0] > MAXYEAR:
            return LONGEST_PAUSE
        seconds = mktime_tz(parts) - (now or datetime.now(UTC)).timestamp()
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_PAUSE)


def requested_delay(text: str) -> float | None:
    """Return the seconds that an error asks to wait, as in `retry in 27.4s` or `"retryDelay": "27s"`, or None."""
    asked = _DELAY_ASKED.search(text)
    if asked is None:
        return None
    default = 0.001 if asked[1] else 1
    seconds = 0.0
    for number, unit in _DELAY_PART.findall(asked[2]):
        factor = _UNITS.get(unit.lower()[:3], _UNITS.get(unit.lower()[:3].rstrip("s"))) if unit else default
        if factor is None:
            break
        seconds += float(number) * factor
    else:
        return seconds if isfinite(seconds) else None
    return seconds or None
