"""Calls of a classifier: concurrent, retried where the error may pass, within pace, budget and breaker."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from drift_checks.core.errors import DriftError
from drift_checks.core.records import Review, Usage
from drift_checks.review.reviewers.base import (
    Answer,
    AskDifferently,
    Classifier,
    OnCall,
    OnSpent,
    Question,
    UnusableAnswer,
)
from drift_checks.review.reviewers.failures import describe, is_passing, is_refused, one_line, retry_after, was_answered
from drift_checks.review.reviewers.limits import Breaker, Budget, BudgetSpent, Limits, Outage, Pace, Spent

_LOGGER = logging.getLogger(__name__)

_LONGEST_BACKOFF = 20.0
# An endpoint that wants to be left alone for longer than this is not waited for.
_LONGEST_WAIT = 300.0
# There are fewer parameters than this that an endpoint may not take.
_MOST_FORMS = 8


class Fault(Exception):
    """An exception that is none of the classifier's: it ends the run."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


Told = TypeVar("Told")
_ENDING = (Outage, DriftError, Fault)


class _Case:
    """A question under way, and what its calls used."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.calls = 0
        self.usage = Usage()
        self.model: str | None = None

    def decided(self, answer: Answer) -> Review:
        """Return the review that the answer makes."""
        return Review(
            self.question.record.id,
            category=answer.category,
            confidence=answer.confidence,
            rationale=answer.rationale,
            evidence=answer.evidence,
            model=answer.model,
            repeat=self.question.repeat,
            usage=self.usage,
        )

    def failed(self, why: str) -> Review:
        """Return the review that could not be made."""
        return Review(
            self.question.record.id,
            failure=one_line(why),
            model=self.model,
            asked=self.calls > 0,
            repeat=self.question.repeat,
            usage=self.usage,
        )


class Calls:
    """Asks the classifier, within the limits; made on the loop on which it works."""

    def __init__(
        self, classifier: Classifier, limits: Limits, spent: Spent, on_call: OnCall, on_spent: OnSpent
    ) -> None:
        self._classifier = classifier
        self._limits = limits
        self._on_call = on_call
        self._on_spent = on_spent
        self._pace = Pace(limits.requests_per_minute)
        self._budget = Budget(limits, spent)
        self._breaker = Breaker(limits.timeout)
        # Who was found to be down is not asked again.
        self._outage: Exception | None = None
        self._backoff = wait_exponential(limits.backoff, max=_LONGEST_BACKOFF) + wait_random(0, limits.backoff)

    async def review(self, questions: Sequence[Question], done: Callable[[Review], None]) -> None:
        """Ask all the questions; after an outage, the rest are done without.

        Raises:
            ReviewerError: The classifier cannot go on.
        """
        cases = [_Case(question) for question in questions]
        unfinished = dict.fromkeys(cases)
        waiting = iter(cases)

        async def work() -> None:
            task = asyncio.current_task()
            assert task is not None
            for case in waiting:
                review = await self._review(case)
                del unfinished[case]
                self._tell(done, review)
                if task.cancelling():
                    # A user's code may have swallowed it.
                    raise asyncio.CancelledError

        ended: Exception | None = self._outage
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(0 if self._outage else min(self._limits.concurrency, len(cases))):
                    group.create_task(work())
        except* _ENDING as group:
            # What ends the run comes before what only ends the reviews.
            ended = min(group.exceptions, key=lambda error: isinstance(error, Outage))
        if ended is not None and not isinstance(ended, Outage):
            raise ended.cause if isinstance(ended, Fault) else ended
        self._outage = ended
        for case in unfinished:
            self._tell(done, case.failed(str(ended)))

    async def _review(self, case: _Case) -> Review:
        try:
            return case.decided(await self._answer(case))
        except _ENDING:
            raise
        except BudgetSpent as spent:
            return case.failed(str(spent))
        except Exception as error:
            why = _why(error)
            self._breaker.give_up(case, why)
            return case.failed(why if case.calls == 1 else f"{why}, after {case.calls} calls")

    async def _answer(self, case: _Case) -> Answer:
        try:
            return await self._patiently(case, case.question)
        except UnusableAnswer:
            return await self._patiently(case, replace(case.question, again=True))

    async def _patiently(self, case: _Case, question: Question) -> Answer:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._limits.attempts),
            wait=self._pause,
            retry=retry_if_exception(_may_pass),
            reraise=True,
        )
        return await retrying(self._call, case, question)

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        # Its kind alone: what it says may quote the text.
        _LOGGER.info("a call failed and is made again", extra={"error": type(error).__name__})
        wanted = None if error is None else retry_after(error)
        backoff = self._backoff(state)
        return backoff if wanted is None else max(backoff, wanted + random.uniform(0, self._limits.backoff))  # noqa: S311

    async def _call(self, case: _Case, question: Question) -> Answer:
        for _ in range(_MOST_FORMS):
            most = self._classifier.most_cost(question)
            await self._budget.reserve(most)
            # Where a call is broken off, it is not known what it cost.
            costs = most
            try:
                await self._begin(case, most)
                answer = await self._timed(question)
                costs = self._count(case, answer.usage, most)
            except AskDifferently:
                costs = 0.0
                self._breaker.leave(case)
            except UnusableAnswer as unusable:
                costs = self._count(case, unusable.usage, most)
                case.model = unusable.model
                self._breaker.fail(case, str(unusable))
                raise
            except (Fault, DriftError):
                raise
            except Exception as error:
                costs = 0.0 if was_answered(error) else most
                self._take(case, error)
                raise
            else:
                self._breaker.succeed(case)
                return answer
            finally:
                self._budget.settle(most, costs)
                if costs != most:
                    self._tell(self._on_spent, costs - most)
        raise UnusableAnswer("the endpoint takes the question in no form")

    async def _begin(self, case: _Case, most: float) -> None:
        await self._pace.wait()
        if most:
            self._tell(self._on_spent, most)
        case.calls += 1
        self._breaker.begin(case)
        self._tell(self._on_call, case.question.record.id)

    def _tell(self, listener: Callable[[Told], None], told: Told) -> None:
        try:
            listener(told)
        except DriftError:
            raise
        except Exception as error:
            raise Fault(error) from error

    async def _timed(self, question: Question) -> Answer:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.timeout) as limit:
                answer = await self._classifier.classify(question)
        except TimeoutError:
            if limit.expired():
                raise TimeoutError(f"no answer within {self._limits.timeout:g} s") from None
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise RuntimeError("the call cancelled itself") from None
        return replace(answer, usage=replace(answer.usage, seconds=time.monotonic() - started))

    def _take(self, case: _Case, error: Exception) -> None:
        if is_refused(error):
            raise self._classifier.explain_refusal(describe(error)) from None
        self._breaker.fail(case, _why(error))

    def _count(self, case: _Case, usage: Usage, most: float) -> float:
        case.usage = case.usage.plus(usage)
        return most if usage.cost is None else usage.cost


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, BudgetSpent | UnusableAnswer | Outage | DriftError | Fault):
        return False
    return is_passing(error) and (retry_after(error) or 0.0) <= _LONGEST_WAIT


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, UnusableAnswer) else describe(error)
