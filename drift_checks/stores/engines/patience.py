"""Queries that can be stopped, by a time limit or by a signal.

While SQLite executes a query, Python runs no signal handler in its thread. So the queries run in a thread of their own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from drift_checks.core.addresses import Location
from drift_checks.core.errors import StoreError

Result = TypeVar("Result")

_STOPPING_SECONDS = 1.0
_RETRY_SECONDS = 0.02
_WAIT_SECONDS = 0.2


class Interruptible(Protocol):
    """A driver's connection whose query can be stopped from another thread."""

    def interrupt(self) -> None:
        """Stop the query."""


class TooSlow(Exception):
    """A query took longer than its limit."""


class Stopped(Exception):
    """The caller no longer waits for the queries."""


def read_in_time(
    path: Location,
    seconds: float | None,
    read: Callable[[Patience | None], Result],
    remedy: str,
    too_slow: type[StoreError] = StoreError,
) -> Result:
    """Return what `read` returns; with `seconds`, each of its queries may take so long.

    Raises:
        StoreError: A query took longer, or there was not enough memory.
    """
    try:
        if seconds is None:
            return read(None)
        patience = Patience(seconds)
        return patience.wait_for(lambda: read(patience))
    except TooSlow:
        raise too_slow(path, f"a query took longer than {seconds:g} s and was stopped", remedy) from None
    except MemoryError:
        raise StoreError(path, "there is not enough memory to read it", "run the review where there is more") from None


class Patience:
    """Waits for a function that makes queries, each of which may take `seconds`.

    The function reports each connection to `watch`, and each query to `begin` before it starts.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._connections: list[Interruptible] = []
        self._began = time.monotonic()
        self._stopped = False

    def watch(self, connection: Interruptible) -> None:
        """Stop the queries of this connection when the time is over."""
        self._connections.append(connection)

    def begin(self, *_: Any) -> None:
        """Start the time of a query."""
        if self._stopped:
            raise Stopped
        self._began = time.monotonic()

    def wait_for(self, function: Callable[[], Result]) -> Result:
        """Call the function in another thread; return its result or raise its error.

        Raises:
            TooSlow: A query took longer than its limit.
        """
        results: list[Result] = []
        errors: list[BaseException] = []
        done = threading.Event()

        def call() -> None:
            try:
                results.append(function())
            except BaseException as error:  # raised again in the caller's thread
                errors.append(error)
            finally:
                done.set()

        threading.Thread(target=call, name="drift-query", daemon=True).start()
        try:
            # A signal just before a wait does not end it; its handler runs between two short waits.
            while not done.wait(min(max(0.0, self._left()), _WAIT_SECONDS)):
                if self._left() < 0:
                    raise TooSlow
        finally:
            self._stop(done)
        if errors:
            raise errors[0]
        return results[0]

    def _left(self) -> float:
        return self._began + self._seconds - time.monotonic()

    def _stop(self, done: threading.Event) -> None:
        """Stop the queries, and give them a moment to close their files."""
        self._stopped = True
        end = time.monotonic() + _STOPPING_SECONDS
        while not done.wait(_RETRY_SECONDS) and time.monotonic() < end:
            for connection in self._connections:
                # It may be closed already.
                with suppress(Exception):
                    connection.interrupt()
