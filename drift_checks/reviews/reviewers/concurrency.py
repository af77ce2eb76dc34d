"""How many calls may be in flight, found as TCP finds the capacity of a network.

The window grows by one with each answer (slow start) until a call is refused or answers slow down, then by one with
each window of answers, and halves when a call is refused (RFC 5681). Rounds of answers are compared with the fastest
one, as TCP Vegas does with round-trip times (Brakmo and Peterson 1995); a round has at least eight of them, as in
HyStart++ (RFC 9406), and may be half as slow again, as in the Gradient2 limit of Netflix' concurrency-limits.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_FEWEST = 8
_TOLERANCE = 1.5
# Twice as many calls may take twice as long, which must leave most of the timeout.
_QUICK_SHARE = 0.25


@dataclass(frozen=True, kw_only=True)
class UsedConcurrency:
    """How the number of calls in flight went in a run.

    Attributes:
        start: How many were allowed at first.
        most: The most that there were.
        refusals: How many calls were refused because there were too many, by HTTP status.
        halved: How often that halved the number.
    """

    start: int
    most: int
    refusals: Mapping[str, int] = field(default_factory=dict)
    halved: int = 0


class Concurrency:
    """The number of calls that may be in flight.

    Answers to calls that began before the last decrease say nothing about the window since, and are ignored.
    Slowness alone never takes the window below its start: an endpoint may be slow for reasons of its own.

    Args:
        start: The number at first.
        most: The number to which it may grow; not at all if it is less than `start`.
        timeout: The maximum duration of a call in seconds.
        clock: Returns the time in seconds.
    """

    def __init__(self, start: int, most: int, timeout: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._start = start
        self._limit = max(start, most)
        self._quick = timeout * _QUICK_SHARE
        self._clock = clock
        self._window = float(start)
        self._is_starting = True
        self._in_flight = 0
        self._most = 0
        self._most_in_round = 0
        self._decreased_at = clock()
        self._round: list[float] = []
        self._size = max(_FEWEST, start)
        self._fastest: _Round | None = None
        self._slow_rounds = 0
        self._refusals: Counter[str] = Counter()
        self._halved = 0

    @property
    def allowed(self) -> int:
        """The number of calls that may be in flight now."""
        return int(self._window)

    def begin(self) -> float:
        """Record that a call begins, and return the time, which identifies it below."""
        self._in_flight += 1
        self._most = max(self._most, self._in_flight)
        self._most_in_round = max(self._most_in_round, self._in_flight)
        return self._clock()

    def end(self) -> None:
        """Record that a call ended."""
        self._in_flight -= 1

    def on_answer(self, began: float) -> None:
        """Record that a call was answered, or that it was waited for in vain."""
        if began < self._decreased_at:
            return
        latency = self._clock() - began
        self._round.append(latency)
        is_slow = self._is_slow()
        if len(self._round) >= self._size:
            self._end_round(is_slow)
        is_used = self._window < 2 * self._most_in_round
        if is_used and not is_slow and not self._slow_rounds and latency <= self._quick:
            self._window = min(self._limit, self._window + (1 if self._is_starting else 1 / self._window))

    def on_refusal(self, began: float, status: int) -> None:
        """Record that a call was refused because there were too many."""
        self._refusals[str(status)] += 1
        self._is_starting = False
        if began >= self._decreased_at:
            self._halved += self.allowed > 1
            self._decrease(max(1.0, self._window / 2))

    def used(self) -> UsedConcurrency:
        """Return how it went so far."""
        return UsedConcurrency(
            start=self._start, most=self._most, refusals=dict(sorted(self._refusals.items())), halved=self._halved
        )

    def _is_slow(self) -> bool:
        """Whether the answers of this round, so far as there are enough, are slower than those of the fastest one."""
        if self._fastest is None or len(self._round) < _FEWEST:
            return False
        return _Round.of(self._round).is_slower_than(self._fastest)

    def _end_round(self, is_slow: bool) -> None:
        ended, fastest = _Round.of(self._round), self._fastest
        self._slow_rounds = self._slow_rounds + 1 if is_slow else 0
        self._is_starting &= not is_slow
        if fastest is None or ended.median < fastest.median:
            self._fastest = ended
        if fastest is not None and self._slow_rounds > 1 and self._window > self._start:
            share = max(0.5, _TOLERANCE * fastest.median / ended.median)
            self._decrease(max(float(self._start), self._window * share))
        else:
            self._begin_round()

    def _decrease(self, window: float) -> None:
        self._window = window
        self._decreased_at = self._clock()
        self._begin_round()

    def _begin_round(self) -> None:
        self._round.clear()
        self._size = max(_FEWEST, self.allowed)
        self._most_in_round = self._in_flight


@dataclass(frozen=True)
class _Round:
    """The quartiles of the latencies of a round, in seconds."""

    lower: float
    median: float
    upper: float

    @classmethod
    def of(cls, latencies: list[float]) -> _Round:
        from statistics import quantiles

        return cls(*quantiles(latencies, n=4, method="inclusive"))

    def is_slower_than(self, other: _Round) -> bool:
        """Whether it is half as slow again, and three quarters of it are slower than three quarters of the other.

        The more the lengths of answers differ, the more it takes.
        """
        return self.lower > other.upper and self.median > _TOLERANCE * other.median
