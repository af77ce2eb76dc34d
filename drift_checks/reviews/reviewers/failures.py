"""What an exception says about a call, whichever client raised it.

Users' classifiers raise the exceptions of their own libraries (openai, httpx, requests, aiohttp, Google's and others),
none of which is imported here: the status is read from the attributes that they use, and a broken connection is
recognised by the name of its class.
"""

from __future__ import annotations

import os
import re
import sysconfig
import traceback
import unicodedata
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from drift_checks.core.errors import InternalError
from drift_checks.core.instants import requested_delay, retry_after_seconds
from drift_checks.core.text import shorten

_TRANSIENT = {408, 409, 429}
_REFUSED = {401, 403}
# 529 is Anthropic's.
_OVERLOAD = {429, 529}
# The attribute of openai and httpx, of aiohttp, and of urllib and Google's clients.
_STATUS_ATTRIBUTES = ("status_code", "status", "code")
_BROKEN_CONNECTION = re.compile(
    r"(Connect(ion)?Error|TransportError|ProtocolError|Timeout(Error|Exception)?|Disconnected(Error)?"
    r"|IncompleteRead|ChunkedEncodingError|MaxRetryError)$"
)
# These would fail again.
_PERMANENT = {
    *("UnsupportedProtocol", "LocalProtocolError"),
    *("MissingSchema", "InvalidSchema", "InvalidURL", "InvalidHeader", "InvalidProxyURL"),
}
# Limits and outages, as clients of services and databases name them.
_MAY_PASS = re.compile(
    r"(RateLimit|TooManyRequests|Throttl|Quota|ResourceExhausted|Unavailable|Overloaded|DeadlineExceeded|OutOfMemory"
    r"|OperationalError|InterfaceError|RpcError|ServerError|Outage|Down$)"
)
_FILE_ERRORS = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
_MAX_LENGTH = 300
_ASKED_TO_WAIT = {403, 408, 409, 425, 429, 500, 503, 529}
_LONGEST_SEARCHED = 10_000
_LONGEST_CHAIN = 20
_PACKAGE = "drift_checks/"
_STANDARD = sysconfig.get_paths()["stdlib"]
# Parts of the names of files that hold no user's code.
_OURS = f"{Path(__file__).parents[2]}{os.sep}"
_LIBRARIES = ("site-packages", "dist-packages", f"{_STANDARD}{os.sep}", "<")


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status of the exception, None if it has none."""
    for holder in (error, getattr(error, "response", None)):
        for name in _STATUS_ATTRIBUTES:
            status = getattr(holder, name, None)
            if isinstance(status, int) and not isinstance(status, bool) and 400 <= status <= 599:
                return int(status)
    return None


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed a little later."""
    status = status_of(error)
    if status is not None:
        return status in _TRANSIENT or status >= 500
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    # urllib wraps the original error.
    wrapped = getattr(error, "reason", None)
    if isinstance(wrapped, Exception) and wrapped is not error:
        return is_transient(wrapped)
    names = {kind.__name__ for kind in type(error).__mro__}
    return not names & _PERMANENT and any(map(_BROKEN_CONNECTION.search, names))


def may_pass(error: BaseException) -> bool:
    """Whether the error, or one that it was raised for, is an outage or a limit, so that a later run may succeed."""
    cause: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if cause is None:
            return False
        names = {kind.__name__ for kind in type(cause).__mro__}
        is_of_system = isinstance(cause, OSError | MemoryError) and not isinstance(cause, _FILE_ERRORS)
        if is_transient(cause) or (
            status_of(cause) is None and not names & _PERMANENT and (is_of_system or any(map(_MAY_PASS.search, names)))
        ):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def place_of(error: BaseException) -> str:
    """Return the file and line of the user's code that the exception came from, empty if none is known.

    That is the last frame outside installed libraries, else the last one outside this package. A syntax error names its
    own place.
    """
    if isinstance(error, SyntaxError):
        return ""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_OURS)]
    own = [frame for frame in frames if not any(part in frame.filename for part in _LIBRARIES)]
    found = next(reversed(own or frames), None)
    if found is None or found.filename.startswith("<"):
        return ""
    *_, path = found.filename.rpartition(f"-packages{os.sep}")
    with suppress(OSError, ValueError):
        path = str(Path(path).relative_to(Path.cwd()))
    return f"{path}, line {found.lineno}"


def is_refused(error: BaseException) -> bool:
    """Whether the credentials were refused."""
    return status_of(error) in _REFUSED


def was_answered(error: BaseException) -> bool:
    """Whether the endpoint answered with an HTTP error, so that the call cost nothing."""
    return status_of(error) is not None


def overload(error: BaseException) -> int | None:
    """Return the HTTP status if it says that there are too many calls: 429, 529, or 503 with a time to wait."""
    status = status_of(error)
    return status if status in _OVERLOAD or (status == 503 and retry_after(error) is not None) else None


def retry_after(error: BaseException, now: datetime | None = None) -> float | None:
    """Return the seconds to wait that the header Retry-After, else the error's words, ask for, None without either."""
    headers = getattr(getattr(error, "response", None), "headers", None) or getattr(error, "headers", None)
    try:
        values = [str(value) for name, value in headers.items() if str(name).lower() == "retry-after"]  # type: ignore[union-attr]
    except (AttributeError, TypeError, ValueError):
        values = []
    seconds = retry_after_seconds(values[0], now) if values else None
    if seconds is None and status_of(error) in _ASKED_TO_WAIT:
        # openai calls the answer `body`.
        document = getattr(error, "document", None) or getattr(error, "body", None)
        said = (str(item)[:_LONGEST_SEARCHED] for item in (error, document or ""))
        seconds = requested_delay(" ".join(said)[:_LONGEST_SEARCHED])
    return seconds


def internal_error(error: BaseException) -> InternalError:
    """Return the error for a fault of this package or its environment, without what it says, which may quote a text."""
    if isinstance(error, ImportError):
        return InternalError(
            "the environment", f"a library cannot be imported ({one_line(str(error))})", "install it again"
        )
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in reversed(frames) if _PACKAGE in frame.filename), None)
    where = f" in {place.filename.rpartition(_PACKAGE)[2]}, line {place.lineno}" if place else ""
    return InternalError(
        "drift-checks", f"it failed itself: {type(error).__name__}{where}", "this is a defect: please report it"
    )


def describe(error: BaseException) -> str:
    """Return the exception on one line, its status first, without control characters, shortened."""
    status = status_of(error)
    text = one_line(str(error))
    name = type(error).__name__
    description = text if status is not None and text else f"{name}: {text}" if text else name
    if status is not None and not re.search(rf"\b{status}\b", description[: _MAX_LENGTH // 2]):
        description = f"{status}: {description}"
    return one_line(description)


def told(error: BaseException) -> str:
    """Return what an exception of the user's code says, and where the code raised it."""
    place = place_of(error)
    return (f"{place}: " if place else "") + describe(error).rstrip(".")


def one_line(text: str) -> str:
    """Return a text on one line, without control and direction characters, shortened."""
    # Cut first: an exception may quote a text of a hundred megabytes.
    text = " ".join(text[:_LONGEST_SEARCHED].split())
    text = "".join(letter for letter in text if unicodedata.category(letter)[0] != "C")
    return shorten(text, _MAX_LENGTH)
