"""The pool: makes a reviewer of any classifier, which it calls concurrently, with patience, and within a budget.

The calls are made on an event loop in a thread of its own, so that whoever waits for the reviews can be interrupted.
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
from typing import Self

from drift_checks.core.errors import ReviewerError
from drift_checks.core.records import Record, Review
from drift_checks.review.reviewers.base import Classifier, OnCall, OnReview, OnSpent, Question, ignore
from drift_checks.review.reviewers.calls import Calls
from drift_checks.review.reviewers.failures import describe
from drift_checks.review.reviewers.limits import Limits, Spent
from drift_checks.review.reviewers.threads import Loop

_PARTING_SECONDS = 1.0
_WAIT_SECONDS = 0.2
_LOGGER = logging.getLogger(__name__)


class PooledReviewer:
    """Reviews with a classifier.

    Args:
        classifier: What decides.
        limits: How it may be called.
        spent: What the part of the run before an interruption spent.
        stays_open: Whether further records will be given, which the same classifier decides, within the same limits; it
            must be closed then.
    """

    def __init__(self, classifier: Classifier, limits: Limits, spent: Spent, *, stays_open: bool = False) -> None:
        self.name = classifier.name
        self.model = classifier.model
        self.comparable_confidence = classifier.comparable_confidence
        self._classifier = classifier
        self._limits = limits
        self._spent = spent
        self._stays_open = stays_open
        self._reviewing: PooledReviewing | None = None

    def review(
        self,
        records: Sequence[Record],
        repeats: Sequence[Record] = (),
        on_call: OnCall = ignore,
        on_review: OnReview = ignore,
        on_spent: OnSpent = ignore,
    ) -> PooledReviewing:
        """Begin to review; where it stays open, calls and costs are told to those that were given first."""
        questions = [*map(Question, records), *(Question(record, repeat=True) for record in repeats)]
        if self._reviewing is not None:
            return self._reviewing.go_on(questions, on_review)
        calls = partial(Calls, self._classifier, self._limits, self._spent, on_call, on_spent)
        reviewing = PooledReviewing(
            self._classifier, self._limits, calls, on_review, questions, stays_open=self._stays_open
        )
        if self._stays_open:
            self._reviewing = reviewing
        return reviewing

    def close(self) -> None:
        """End what stayed open: the classifier is closed."""
        reviewing, self._reviewing = self._reviewing, None
        if reviewing is not None:
            reviewing.end()


class PooledReviewing:
    """Reviews under way in a thread.

    Args:
        classifier: What decides.
        limits: How it may be called.
        make_calls: Makes what asks it, on the loop.
        on_review: Called with each review.
        questions: What to ask.
        stays_open: Whether more will be asked.
    """

    def __init__(
        self,
        classifier: Classifier,
        limits: Limits,
        make_calls: Callable[[], Calls],
        on_review: OnReview,
        questions: Sequence[Question],
        *,
        stays_open: bool = False,
    ) -> None:
        self._stays_open = stays_open
        self._more: asyncio.Queue[Sequence[Question]] = asyncio.Queue()
        self._classifier = classifier
        self._limits = limits
        self._make_calls = make_calls
        self._left = len(questions)
        self._done: SimpleQueue[Review | BaseException] = SimpleQueue()
        self._on_review = on_review
        self._loop = Loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = Thread(target=self._run, args=(questions,), daemon=True, name="drift-reviews")
        self._thread.start()

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> Review:
        """Wait for the next review."""
        if not self._left:
            if not self._stays_open:
                # The classifier is being closed.
                self._wait_for_close()
            raise StopIteration
        item = self._wait_for_next()
        if isinstance(item, BaseException):
            self._left = 0
            raise item
        self._left -= 1
        return item

    def go_on(self, questions: Sequence[Question], on_review: OnReview) -> Self:
        """Ask more, when all that was asked is answered."""
        self._on_review = on_review
        self._left = len(questions)
        self._loop.call_soon_threadsafe(self._more.put_nowait, questions)
        return self

    def end(self) -> None:
        """Have the classifier closed; calls in flight are given up."""
        self._stays_open = False
        if self._left:
            self.close()
            return
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._more.put_nowait, [])
        self._wait_for_close()

    def close(self) -> None:
        """Give up the calls in flight; where there are none and it stays open, nothing ends."""
        if self._stays_open and not self._left:
            return
        self._left = 0
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(_PARTING_SECONDS)

    def _wait_for_next(self) -> Review | BaseException:
        # A signal that comes just before a wait does not end it: its handler runs between two short ones.
        while True:
            with suppress(Empty):
                return self._done.get(timeout=_WAIT_SECONDS)

    def _wait_for_close(self) -> None:
        end = time.monotonic() + self._limits.timeout
        while self._thread.is_alive() and time.monotonic() < end:
            self._thread.join(_WAIT_SECONDS)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _run(self, questions: Sequence[Question]) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._review(questions))
        except asyncio.CancelledError:
            self._done.put(ReviewerError("reviewer", f"{self._classifier.name} was cancelled"))
        except BaseException as error:
            self._done.put(error)

    async def _review(self, questions: Sequence[Question]) -> None:
        self._task = asyncio.current_task()
        try:
            await self._classifier.open()
            calls = self._make_calls()
            while questions:
                await calls.review(questions, self._hand_over)
                questions = await self._more.get() if self._stays_open else []
        except Exception as error:
            # Told before the classifier is closed, which may take its time.
            self._done.put(error)
        finally:
            await self._close()

    def _hand_over(self, review: Review) -> None:
        self._on_review(review)
        self._done.put(review)

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(self._limits.timeout):
                await self._classifier.close()
        except Exception as error:
            _LOGGER.warning("%s could not be closed: %s", self._classifier.name, describe(error))
