"""What an exception says of a call, whichever client raised it.

Users' classifiers raise the exceptions of their own libraries (openai, httpx, requests, aiohttp, google's and others),
none of which is imported here: a status is found where all of them keep it, a broken connection by its class's name.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_PASSING = {408, 409, 429}
_REFUSED = {401, 403}
# Where clients keep the status of an answer: openai and httpx, aiohttp, urllib and google's.
_STATUS = ("status_code", "status", "code")
_BROKEN = re.compile(
    r"(ConnectionError|ConnectError|TransportError|Timeout|TimeoutError|TimeoutException|ProtocolError)$"
)
_LONGEST = 300


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that the exception carries, None where it carries none."""
    for holder in (error, getattr(error, "response", None)):
        for name in _STATUS:
            status = getattr(holder, name, None)
            if isinstance(status, int) and not isinstance(status, bool) and 400 <= status <= 599:
                return int(status)
    return None


def is_passing(error: BaseException) -> bool:
    """Whether the same call may succeed a little later."""
    status = status_of(error)
    if status is not None:
        return status in _PASSING or status >= 500
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    return any(_BROKEN.search(kind.__name__) for kind in type(error).__mro__)


def is_refused(error: BaseException) -> bool:
    """Whether the credentials were refused."""
    return status_of(error) in _REFUSED


def was_answered(error: BaseException) -> bool:
    """Whether the endpoint answered, with a status, so that the call cost nothing."""
    return status_of(error) is not None


def retry_after(error: BaseException, now: datetime | None = None) -> float | None:
    """Return the seconds to wait that the header Retry-After names, as a number or a date (RFC 9110, 10.2.3)."""
    headers = getattr(getattr(error, "response", None), "headers", None) or getattr(error, "headers", None)
    try:
        value = str(headers["retry-after"]).strip()  # type: ignore[index]
    except (KeyError, TypeError):
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    return max(0.0, seconds) if seconds == seconds else None


def describe(error: BaseException) -> str:
    """Return the exception on one line, its status first, without control characters, not long."""
    status = status_of(error)
    text = " ".join(str(error).split())
    text = "".join(letter for letter in text if unicodedata.category(letter)[0] != "C")
    name = type(error).__name__
    said = text if status is not None and text else f"{name}: {text}" if text else name
    if status is not None and str(status) not in said:
        said = f"{status}: {said}"
    return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"
