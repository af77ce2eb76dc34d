"""What an exception says of a call, whichever client raised it.

Users' classifiers raise the exceptions of their own libraries (openai, httpx, requests, aiohttp, google's and others),
none of which is imported here: a status is found where all of them keep it, a broken connection by its class's name.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

from drift_checks.core.instants import retry_after_seconds
from drift_checks.core.text import shorten

_PASSING = {408, 409, 429}
_REFUSED = {401, 403}
# Where clients keep the status of an answer: openai and httpx, aiohttp, urllib and google's.
_STATUS = ("status_code", "status", "code")
_BROKEN = re.compile(
    r"(Connect(ion)?Error|TransportError|ProtocolError|Timeout(Error|Exception)?|Disconnected(Error)?"
    r"|IncompleteRead|ChunkedEncodingError|MaxRetryError)$"
)
# Of the same families, but the same again at the next attempt.
_WRONG = {"UnsupportedProtocol", "LocalProtocolError"}
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
    # urllib's, which wraps the error that it met.
    wrapped = getattr(error, "reason", None)
    if isinstance(wrapped, Exception) and wrapped is not error:
        return is_passing(wrapped)
    names = {kind.__name__ for kind in type(error).__mro__}
    return not names & _WRONG and any(map(_BROKEN.search, names))


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
        found = [str(value) for name, value in headers.items() if str(name).lower() == "retry-after"]  # type: ignore[union-attr]
    except (AttributeError, TypeError, ValueError):
        return None
    if not found:
        return None
    return retry_after_seconds(found[0], now)


def describe(error: BaseException) -> str:
    """Return the exception on one line, its status first, without control characters, not long."""
    status = status_of(error)
    text = one_line(str(error))
    name = type(error).__name__
    said = text if status is not None and text else f"{name}: {text}" if text else name
    if status is not None and not re.search(rf"\b{status}\b", said[: _LONGEST // 2]):
        said = f"{status}: {said}"
    return one_line(said)


def one_line(text: str) -> str:
    """Return a text on one line, without control and direction characters, not long."""
    text = " ".join(text.split())
    text = "".join(letter for letter in text if unicodedata.category(letter)[0] != "C")
    return shorten(text, _LONGEST)
