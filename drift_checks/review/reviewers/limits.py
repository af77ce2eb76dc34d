"""What holds a pool back: a pace, a budget, and a breaker that notices an outage."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

# Failures in a row, of calls and of records, before a reviewer that never answered counts as down, and one that did.
_FEW = 5
_MANY = 10
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How a pool may call.

    Attributes:
        concurrency: Calls in flight.
        requests_per_minute: Calls begun in a minute, None for as many as come.
        timeout: Seconds that a call may take.
        max_calls: Calls in all, None for as many as it takes.
        max_cost: What all calls may cost, None for no bound.
        attempts: Calls for one review, where the error may pass.
        backoff: Seconds before the second attempt; they double with each further one.
    """

    concurrency: int = 16
    requests_per_minute: int | None = None
    timeout: float = 60.0
    max_calls: int | None = None
    max_cost: float | None = None
    attempts: int = 6
    backoff: float = 0.5


@dataclass(frozen=True)
class Spent:
    """What was spent before: by the part of a run that was broken off."""

    calls: int = 0
    cost: float = 0.0


class BudgetSpent(Exception):
    """There is no budget for another call."""


class Outage(Exception):
    """The reviewer is down."""


class Pace:
    """Spaces calls evenly, so that no minute holds more of them than it may.

    Args:
        per_minute: Calls a minute, None for any number.
    """

    def __init__(self, per_minute: int | None) -> None:
        self._gap = 60 / per_minute if per_minute else 0.0
        self._next = 0.0

    async def wait(self) -> None:
        """Wait until the next call may begin."""
        if not self._gap:
            return
        now = time.monotonic()
        turn = max(now, self._next)
        self._next = turn + self._gap
        await asyncio.sleep(turn - now)


class Budget:
    """Bounds calls and costs. What a call in flight can cost at most is set aside until it is known what it did.

    Args:
        limits: With the bounds.
        spent: What was spent before.
    """

    def __init__(self, limits: Limits, spent: Spent) -> None:
        self._limits = limits
        self._calls = spent.calls
        self._cost = spent.cost
        self._reserved = 0.0
        self._in_flight = 0
        self._settled = asyncio.Event()

    async def reserve(self, most: float) -> None:
        """Set a call's cost aside; wait for calls in flight, which may turn out cheaper, where that does not fit.

        Args:
            most: What the call can cost at most.

        Raises:
            BudgetSpent: Saying which bound was reached.
        """
        max_calls, max_cost = self._limits.max_calls, self._limits.max_cost
        while max_cost is not None and self._cost + self._reserved + most > max_cost:
            if not self._in_flight:
                raise BudgetSpent(
                    f"the budget of {max_cost:g} is spent: {self._cost:.4g}, and a call may cost {most:.4g}"
                )
            self._settled.clear()
            await self._settled.wait()
        if max_calls is not None and self._calls >= max_calls:
            raise BudgetSpent(f"the budget of {max_calls:,} calls is spent")
        self._calls += 1
        self._in_flight += 1
        self._reserved += most

    def settle(self, most: float, cost: float) -> None:
        """Count what a call cost in place of what was set aside for it."""
        self._reserved -= most
        self._in_flight -= 1
        self._cost += cost
        self._settled.set()


class Breaker:
    """Notices that a reviewer is down, so that the rest of the calls is neither paid for nor waited for.

    It opens when calls failed and none was answered since, more records wait in vain than calls are under way, and
    either several records failed of which one is out of attempts, or a whole timeout has passed.

    Args:
        patience: The timeout, in seconds.
        clock: What tells the time, in seconds.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._since = clock()
        self._answered = False
        self._failed_calls = 0
        self._given_up = False
        self._failing: set[Hashable] = set()
        self._waiting: set[Hashable] = set()

    def begin(self, question: Hashable) -> None:
        """Take note of a call that begins."""
        self._failing.discard(question)
        self._waiting.add(question)

    def leave(self, question: Hashable) -> None:
        """Take note of a call that ended without meaning anything."""
        self._waiting.discard(question)

    def succeed(self, question: Hashable) -> None:
        """Take note of a call that was answered."""
        self._waiting.discard(question)
        self._failing.clear()
        self._answered, self._failed_calls, self._given_up, self._since = True, 0, False, self._clock()

    def fail(self, question: Hashable, reason: str) -> None:
        """Take note of a call that failed.

        Raises:
            Outage: The reviewer is down.
        """
        self._waiting.discard(question)
        self._failing.add(question)
        self._failed_calls += 1
        self._open_if_down(reason)

    def give_up(self, question: Hashable, reason: str) -> None:
        """Take note of a record that gets no further attempt.

        Raises:
            Outage: The reviewer is down.
        """
        self._failing.add(question)
        self._given_up = True
        self._open_if_down(reason)

    def _open_if_down(self, reason: str) -> None:
        enough = _MANY if self._answered else _FEW
        if self._failed_calls < enough or len(self._failing) <= len(self._waiting):
            return
        several = len(self._failing) >= enough and self._given_up
        if several or self._clock() - self._since >= self._patience:
            _LOGGER.warning("the reviewer is down: %d calls failed with none answered since", self._failed_calls)
            which = "last" if self._answered else "first"
            raise Outage(f"the {which} {self._failed_calls} calls all failed ({reason})")
