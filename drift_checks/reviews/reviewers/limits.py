"""What limits the pool: the pace, the budget, and a circuit breaker that detects outages."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from types import TracebackType

from drift_checks.reviews.reviewers.base import Fault
from drift_checks.reviews.reviewers.concurrency import Concurrency

# The failed calls and records in a row that mean an outage: of a reviewer that never answered, and of one that did.
_FAILURES_AT_START = 5
_FAILURES_LATER = 10
# The records with a fault that outweigh calls in flight, which might be answered yet.
_FAULTS = 3
# The calls of a user's own classifier that may begin before one is answered.
TRIED = 5
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """The limits of the pool; None is no limit.

    Attributes:
        concurrency: The number of calls in flight at first.
        concurrency_max: The number to which it may grow while the endpoint allows it; not at all if it is smaller.
        requests_per_minute: The maximum number of calls started in a minute.
        timeout: The maximum duration of a call in seconds.
        max_calls: The maximum number of calls.
        max_cost: The maximum cost of all calls.
        attempts: The maximum number of calls for one review if they fail with transient errors.
        backoff: The seconds before the second attempt; they double with each further one.
    """

    concurrency: int = 16
    concurrency_max: int = 1
    requests_per_minute: int | None = None
    timeout: float = 60.0
    max_calls: int | None = None
    max_cost: float | None = None
    attempts: int = 6
    backoff: float = 0.5


@dataclass(frozen=True)
class Spent:
    """What an interrupted run had spent already."""

    calls: int = 0
    cost: float = 0.0


class BudgetSpent(Exception):
    """The budget does not allow another call."""


class Outage(Exception):
    """The reviewer is down."""


class Pace:
    """Spaces calls evenly; no minute holds more of them than allowed, whenever it begins.

    Args:
        per_minute: The number allowed; None is no limit.
        minute: Its length in seconds, with a margin because calls take different times to arrive.
    """

    def __init__(self, per_minute: int | None, minute: float = 60.5) -> None:
        self._minute = minute
        self._gap = minute / per_minute if per_minute else 0.0
        self._next = 0.0
        self._began: deque[float] = deque(maxlen=per_minute or 0)

    async def wait(self) -> None:
        """Wait until the next call may start."""
        if not self._gap:
            return
        now = asyncio.get_running_loop().time
        turn = max(now(), self._next)
        self._next = turn + self._gap
        await asyncio.sleep(turn - now())
        # A call that began later than its turn is in the minute of later ones, too.
        while len(self._began) == self._began.maxlen and (left := self._began[0] + self._minute - now()) > 0:
            await asyncio.sleep(left)
        self._began.append(now())


class Places:
    """As many calls as are allowed to be in flight have a place, from before their budget and turn to their end."""

    def __init__(self, concurrency: Concurrency) -> None:
        self._concurrency = concurrency
        self._taken = 0
        self._changed = asyncio.Event()

    async def __aenter__(self) -> None:
        while self._taken >= self._concurrency.allowed:
            self._changed.clear()
            await self._changed.wait()
        self._taken += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._taken -= 1
        self._changed.set()


class Budget:
    """Limits calls and costs; the most that a call in flight can cost is reserved until its actual cost is known."""

    def __init__(self, limits: Limits, spent: Spent) -> None:
        self._limits = limits
        self._calls = spent.calls
        self._cost = spent.cost
        self._reserved = 0.0
        self._in_flight = 0
        self._settled = asyncio.Event()

    async def reserve(self, max_cost: float) -> None:
        """Reserve the cost of a call; if it does not fit, wait for calls in flight, which may turn out cheaper.

        Raises:
            BudgetSpent: A limit is reached, which the message names.
        """
        calls_limit, cost_limit = self._limits.max_calls, self._limits.max_cost
        while cost_limit is not None and self._cost + self._reserved + max_cost > cost_limit:
            if not self._in_flight:
                used = f"{self._cost:.4g} is used, and a call may cost {max_cost:.4g}"
                raise BudgetSpent(f"the budget of {cost_limit:g} is spent: {used}")
            self._settled.clear()
            await self._settled.wait()
        if calls_limit is not None and self._calls >= calls_limit:
            raise BudgetSpent(f"the budget of {calls_limit:,} calls is spent")
        self._calls += 1
        self._in_flight += 1
        self._reserved += max_cost

    def settle(self, max_cost: float, cost: float) -> None:
        """Replace what was reserved for a call by its actual cost."""
        self._reserved -= max_cost
        self._in_flight -= 1
        self._cost += cost
        self._settled.set()


class Trial:
    """Lets few records begin until one is answered, so that a defect is found before more is paid for.

    A record that failed with a fault keeps its place: others may begin only for those that may succeed yet.
    """

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._begun: set[Hashable] = set()
        self._changed = asyncio.Event()

    async def begin(self, job: Hashable) -> None:
        """Wait until a call for the record may begin."""
        while self._most is not None and job not in self._begun and len(self._begun) >= self._most:
            self._changed.clear()
            await self._changed.wait()
        self._begun.add(job)

    def leave(self, job: Hashable) -> None:
        """Give up the place of a record that was not answered."""
        self._begun.discard(job)
        self._changed.set()

    def end(self) -> None:
        """Let all begin: a call was answered."""
        self._most = None
        self._changed.set()


class Breaker:
    """A circuit breaker: detects that the reviewer is down, so that no further calls are paid for or waited for.

    It opens if calls have failed with no answer since, more records wait for a retry than calls are in flight, and
    either several records failed, one of them for good, or a whole timeout has passed.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._since = clock()
        self._answered = False
        self._failed_calls = 0
        self._given_up = False
        self._failing: set[Hashable] = set()
        self._in_flight: set[Hashable] = set()

    def start(self, job: Hashable) -> None:
        """Record that a call starts."""
        self._failing.discard(job)
        self._in_flight.add(job)

    @property
    def in_flight(self) -> int:
        """The number of calls in flight."""
        return len(self._in_flight)

    def leave(self, job: Hashable) -> None:
        """Record that a call ended, which alone does not tell whether the reviewer is up."""
        self._in_flight.discard(job)

    def succeed(self, job: Hashable) -> None:
        """Record that a call was answered."""
        self._in_flight.discard(job)
        self._failing.clear()
        self._answered, self._failed_calls, self._given_up, self._since = True, 0, False, self._clock()

    def fail(self, job: Hashable, reason: str) -> None:
        """Record that a call failed; raise Outage if the reviewer is down."""
        self._in_flight.discard(job)
        self._failing.add(job)
        self._failed_calls += 1
        self._open_if_down(reason)

    def give_up(self, job: Hashable, reason: str) -> None:
        """Record that there are no more attempts for a record; raise Outage if the reviewer is down."""
        self._failing.add(job)
        self._given_up = True
        self._open_if_down(reason)

    def _open_if_down(self, reason: str) -> None:
        enough = _FAILURES_LATER if self._answered else _FAILURES_AT_START
        if self._failed_calls < enough or len(self._failing) <= len(self._in_flight):
            return
        several = len(self._failing) >= enough and self._given_up
        if several or self._clock() - self._since >= self._patience:
            _LOGGER.warning("the reviewer is down: %d calls failed in a row", self._failed_calls)
            which = "last" if self._answered else "first"
            raise Outage(f"the {which} {self._failed_calls} calls all failed ({reason})")


class Faults:
    """Tells a fault that every call shares from one of a single record: the latter leaves other calls answered."""

    def __init__(self) -> None:
        self.answered = False
        self._found: dict[Hashable, Fault] = {}

    def add(self, job: Hashable, fault: Fault, in_flight: int) -> None:
        """Record that a call failed with the fault; raise its error if it is now certain that all do."""
        self._found[job] = fault
        alike = sum(other.error.what == fault.error.what for other in self._found.values())
        if not self.answered and alike >= (fault.records if in_flight == 0 else max(_FAULTS, fault.records)):
            raise fault.error

    def refuse_all(self, jobs: Sequence[Hashable]) -> None:
        """Raise the error of a fault if all of these failed with one; a fault that needs many records needs two."""
        found = [self._found[job] for job in jobs if job in self._found]
        if found and not self.answered and len(found) == len(jobs) and (len(jobs) > 1 or found[0].records <= _FAULTS):
            raise found[-1].error
