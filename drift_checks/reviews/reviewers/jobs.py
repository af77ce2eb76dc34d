"""Requests in progress, as many at once as are allowed, and the reviews that become of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from drift_checks.core.records import Review, Usage
from drift_checks.reviews.reviewers.base import Classification, Request
from drift_checks.reviews.reviewers.failures import one_line

_DECIDED = ("category", "confidence", "rationale", "evidence", "model", "omitted_parameters")


class Job:
    """A request in progress, and what its calls used."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.calls = 0
        self.usage = Usage()
        self.model: str | None = None

    def reviewed(self, answer: Classification) -> Review:
        """Return the review for an answer."""
        decided = {name: getattr(answer, name) for name in _DECIDED}
        return self._review(**decided)

    def failed(self, reason: str) -> Review:
        """Return the review without a decision."""
        return self._review(failure=one_line(reason), model=self.model, asked=self.calls > 0)

    def _review(self, **decided: Any) -> Review:
        return Review(self.request.record.id, repeat=self.request.repeat, usage=self.usage, **decided)


async def handle_all(jobs: Sequence[Job], handle: Callable[[Job], Awaitable[None]], allowed: Callable[[], int]) -> None:
    """Handle the jobs in their order, as many at once as are allowed, which may change meanwhile.

    Raises:
        ExceptionGroup: What `handle` raised, which ends all.
    """
    waiting = iter(jobs)
    left, workers = len(jobs), 0

    async def work() -> None:
        nonlocal left, workers
        task = asyncio.current_task()
        assert task is not None
        for job in waiting:
            await handle(job)
            left -= 1
            if task.cancelling():
                # The user's code may have suppressed the cancellation.
                raise asyncio.CancelledError
            if workers > allowed():
                break
            add_workers()
        workers -= 1

    def add_workers() -> None:
        nonlocal workers
        while workers < min(allowed(), left):
            workers += 1
            group.create_task(work())

    async with asyncio.TaskGroup() as group:
        add_workers()
