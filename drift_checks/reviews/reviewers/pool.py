"""The pool: turns any classifier into a reviewer that calls it concurrently, with retries, and within a budget.

The calls run on an event loop in a thread of its own, so that waiting for reviews can be interrupted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol, Self

from drift_checks.core.errors import DriftError, ReviewerError
from drift_checks.core.records import Record, Review
from drift_checks.reviews.reviewers.base import Classifier, OnCall, OnCost, OnReview, Request, ignore
from drift_checks.reviews.reviewers.calls import Callbacks, Calls
from drift_checks.reviews.reviewers.concurrency import UsedConcurrency
from drift_checks.reviews.reviewers.failures import describe, internal_error
from drift_checks.reviews.reviewers.limits import Limits, Spent
from drift_checks.reviews.reviewers.threads import Loop

_CANCEL_SECONDS = 1.0
_WAIT_SECONDS = 0.2
_LOGGER = logging.getLogger(__name__)


class Opened(Protocol):
    """What is opened before the first review, and closed after the last."""

    name: str
    model: str | None
    comparable_confidence: bool

    async def open(self) -> None:
        """Prepare for requests; raise DriftError if that is impossible."""

    async def close(self) -> None:
        """Release resources."""


class Handler(Protocol):
    """Handles requests, and reports their reviews by callbacks."""

    async def review(self, requests: Sequence[Request], callbacks: Callbacks) -> None:
        """Handle all requests; raise DriftError if that is impossible."""


class BackgroundReviewer:
    """Reviews in another thread; `review` may be called several times, until `finish`.

    It is also the iterator over the reviews in progress.

    Args:
        classifier: What reviews; it is opened by the first review.
        make_handler: Makes what handles the requests, on the event loop that it uses.
        closing_seconds: The maximum time to close the classifier.
    """

    def __init__(self, classifier: Opened, make_handler: Callable[[], Handler], closing_seconds: float) -> None:
        self.name = classifier.name
        self.model = classifier.model
        self.comparable_confidence = classifier.comparable_confidence
        self._classifier = classifier
        self._make_handler = make_handler
        self._closing_seconds = closing_seconds
        self._requests: asyncio.Queue[tuple[Sequence[Request], Callbacks] | None] = asyncio.Queue()
        self._results: SimpleQueue[Review | BaseException] = SimpleQueue()
        self._left = 0
        self._abandoned = False
        self._loop = Loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = Thread(target=self._run, daemon=True, name="drift-reviews")

    def review(
        self,
        records: Sequence[Record],
        repeats: Sequence[Record] = (),
        on_call: OnCall = ignore,
        on_review: OnReview = ignore,
        on_cost: OnCost = ignore,
    ) -> Self:
        """Start reviewing; the reviews that were started before must be finished."""
        requests = [*map(Request, records), *(Request(record, repeat=True) for record in repeats)]
        item = requests, Callbacks(on_call, on_review, on_cost)
        # First: a signal may interrupt the start of the thread, after which `finish` must not wait for the calls.
        self._left = len(requests)
        if self._thread.ident is None:
            self._requests.put_nowait(item)
            self._thread.start()
        else:
            self._loop.call_soon_threadsafe(self._requests.put_nowait, item)
        return self

    def __iter__(self) -> Self:
        """Return the iterator itself."""
        return self

    def __next__(self) -> Review:
        """Wait for the next review."""
        if not self._left:
            raise StopIteration
        result = self._wait_for_result()
        if isinstance(result, BaseException):
            self._left = 0
            raise result
        self._left -= 1
        return result

    def close(self) -> None:
        """Abandon calls in flight, which ends the pool; without any, it stays open."""
        if self._left:
            self._left = 0
            self._abandoned = True
            self._call(self._cancel)
            if self._thread.is_alive():
                self._thread.join(_CANCEL_SECONDS)

    def finish(self) -> None:
        """Close the classifier; calls in flight are abandoned."""
        self.close()
        if self._abandoned:
            # The user's code may have suppressed the cancellation.
            return
        self._call(self._requests.put_nowait, None)
        end = time.monotonic() + self._closing_seconds
        while self._thread.is_alive() and time.monotonic() < end:
            self._thread.join(_WAIT_SECONDS)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        # The loop is closed if the thread has ended.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)

    def _wait_for_result(self) -> Review | BaseException:
        # A signal just before a wait does not end it; its handler runs between two short waits.
        while True:
            with suppress(Empty):
                return self._results.get(timeout=_WAIT_SECONDS)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._review())
        except asyncio.CancelledError:
            self._results.put(ReviewerError("reviewer", f"{self._classifier.name} was cancelled"))
        except BaseException as error:
            self._results.put(error)

    async def _review(self) -> None:
        self._task = asyncio.current_task()
        try:
            await self._open()
            handler = self._make_handler()
            while item := await self._requests.get():
                requests, callbacks = item
                await handler.review(requests, callbacks._replace(on_review=self._reporter(callbacks.on_review)))
        except Exception as error:
            # Reported before the classifier is closed, which may take long.
            self._results.put(error)
        finally:
            await self._close()

    async def _open(self) -> None:
        try:
            await self._classifier.open()
        except DriftError:
            raise
        except Exception as error:
            raise internal_error(error) from error

    def _reporter(self, on_review: OnReview) -> OnReview:
        def report(review: Review) -> None:
            on_review(review)
            self._results.put(review)

        return report

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(self._closing_seconds):
                await self._classifier.close()
        except Exception as error:
            _LOGGER.warning("%s could not be closed: %s", self._classifier.name, describe(error))


class PooledReviewer(BackgroundReviewer):
    """Reviews with a classifier, always within the same limits.

    Args:
        classifier: The classifier.
        limits: The limits of the pool.
        spent: What was spent before, by the run that this one resumes.
    """

    def __init__(self, classifier: Classifier, limits: Limits, spent: Spent) -> None:
        super().__init__(classifier, partial(self._begin, classifier, limits, spent), limits.timeout)
        self._calls: Calls | None = None

    def used_concurrency(self) -> UsedConcurrency | None:
        """Return how many calls were in flight, None if none was made, or if it is the user who says how many."""
        return None if self._calls is None else self._calls.used_concurrency()

    def _begin(self, classifier: Classifier, limits: Limits, spent: Spent) -> Calls:
        self._calls = Calls(classifier, limits, spent)
        return self._calls
