"""An endpoint under load, simulated in a time of its own, for tests of concurrency."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from drift_checks.reviews.reviewers.concurrency import Concurrency

TIMEOUT = 60.0
# The latency of a call, None if it is refused, by how many are in flight with it.
Endpoint = Callable[[int], float | None]


class Simulation:
    """Makes as many calls as allowed, one after the other ends.

    Args:
        endpoint: What it calls.
        start: The concurrency at first.
        most: The concurrency to which it may grow.
    """

    def __init__(self, endpoint: Endpoint, start: int = 16, most: int = 64) -> None:
        self.now = 0.0
        self.concurrency = Concurrency(start, most, TIMEOUT, clock=lambda: self.now)
        # The number allowed after each call.
        self.allowed: list[int] = []
        self._endpoint = endpoint
        self._order = count()
        self._calls: list[tuple[float, int, float, bool]] = []

    def run(self, number: int) -> None:
        """Let so many calls end."""
        for _ in range(number):
            while len(self._calls) < self.concurrency.allowed:
                self._begin()
            self.now, _, began, is_refused = heapq.heappop(self._calls)
            if is_refused:
                self.concurrency.on_refusal(began, 429)
            else:
                self.concurrency.on_answer(began)
            self.concurrency.end()
            self.allowed.append(self.concurrency.allowed)

    def _begin(self) -> None:
        began = self.concurrency.begin()
        latency = self._endpoint(len(self._calls) + 1)
        # Refusals come soon, each at a time of its own.
        ends = self.now + (0.01 if latency is None else latency) + next(self._order) * 1e-9
        heapq.heappush(self._calls, (ends, next(self._order), began, latency is None))
