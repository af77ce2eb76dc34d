"""Calls of a classifier: concurrent, retried after transient errors, within pace, budget and circuit breaker."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, NoReturn, TypeVar

import tenacity

from drift_checks.core.errors import DriftError
from drift_checks.core.records import Review, Usage
from drift_checks.reviews.reviewers import failures
from drift_checks.reviews.reviewers.base import (
    Classification,
    Classifier,
    Fault,
    NotSent,
    OnCall,
    OnCost,
    OnReview,
    ParametersRejected,
    Request,
    UnusableAnswer,
)
from drift_checks.reviews.reviewers.concurrency import Concurrency, UsedConcurrency
from drift_checks.reviews.reviewers.jobs import Job, handle_all
from drift_checks.reviews.reviewers.limits import (
    TRIED,
    Breaker,
    Budget,
    BudgetSpent,
    Faults,
    Limits,
    Outage,
    Pace,
    Places,
    Spent,
    Trial,
)

_LOGGER = logging.getLogger(__name__)

_MAX_BACKOFF = 20.0
# If an endpoint asks for a longer pause, its calls are not retried.
_MAX_PAUSE = 300.0
# More than the number of parameters that an endpoint may reject.
_MAX_REJECTIONS = 8
Argument = TypeVar("Argument")


class Callbacks(NamedTuple):
    """Whom to report calls, reviews and costs to."""

    on_call: OnCall
    on_review: OnReview
    on_cost: OnCost


class CallbackError(Exception):
    """A callback raised an exception, which ends the run."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Permanent(Exception):
    """A call failed in a way that does not pass by itself."""


_FATAL = (Outage, DriftError, CallbackError)


class Calls:
    """Calls the classifier within the limits; must be created on the event loop that it uses."""

    def __init__(self, classifier: Classifier, limits: Limits, spent: Spent) -> None:
        self._classifier = classifier
        self._limits = limits
        start = max(limits.concurrency, classifier.capacity)
        most = start if classifier.is_own else limits.concurrency_max
        self._now = asyncio.get_running_loop().time
        self._concurrency = Concurrency(start, most, limits.timeout, self._now)
        self._places = Places(self._concurrency)
        self._callbacks: Callbacks
        self._pace = Pace(limits.requests_per_minute)
        self._budget = Budget(limits, spent)
        self._breaker = Breaker(limits.timeout, self._now)
        self._faults = Faults()
        self._trial = Trial(TRIED if classifier.is_own else None)
        # After an outage, no further calls are made.
        self._outage: Exception | None = None
        self._backoff = tenacity.wait_exponential(limits.backoff, max=_MAX_BACKOFF) + tenacity.wait_random(
            0, limits.backoff
        )

    def used_concurrency(self) -> UsedConcurrency | None:
        """Return how many calls were in flight; None if there was none, or if it is the user who says how many."""
        used = self._concurrency.used()
        return used if used.most and not self._classifier.is_own else None

    async def review(self, requests: Sequence[Request], callbacks: Callbacks) -> None:
        """Handle all requests; after an outage, the rest fails without a call.

        Raises:
            ReviewerError: The classifier cannot continue.
        """
        self._callbacks = callbacks
        jobs = [Job(request) for request in requests]
        unfinished = dict.fromkeys(jobs)

        async def handle(job: Job) -> None:
            review = await self._review(job)
            if len(unfinished) == 1:
                self._faults.refuse_all([other for other in jobs if other.calls])
            del unfinished[job]
            self._notify(callbacks.on_review, review)

        fatal: Exception | None = self._outage
        try:
            if not self._outage:
                await handle_all(jobs, handle, lambda: self._concurrency.allowed)
        except* _FATAL as group:
            # An error that ends the run takes precedence over an outage, which only ends the reviews.
            fatal = min(group.exceptions, key=lambda error: isinstance(error, Outage))
        if fatal is not None and not isinstance(fatal, Outage):
            raise fatal.cause if isinstance(fatal, CallbackError) else fatal
        self._outage = fatal
        for job in unfinished:
            self._notify(callbacks.on_review, job.failed(str(fatal)))

    async def _review(self, job: Job) -> Review:
        try:
            return job.reviewed(await self._answer(job))
        except _FATAL:
            raise
        except BudgetSpent as spent:
            return job.failed(str(spent))
        except Exception as error:
            reason = _reason(error)
            self._breaker.give_up(job, reason)
            return job.failed(reason if job.calls == 1 else f"{reason}, after {job.calls} calls")

    async def _answer(self, job: Job) -> Classification:
        try:
            return await self._with_retries(job, job.request)
        except UnusableAnswer:
            return await self._with_retries(job, replace(job.request, retry=True))

    async def _with_retries(self, job: Job, request: Request) -> Classification:
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self._limits.attempts),
            wait=self._pause,
            retry=tenacity.retry_if_exception(_is_worth_a_retry),
            reraise=True,
        )
        return await retrying(self._call_in_place, job, request)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        # Only its type is logged: the message may quote the record's text.
        _LOGGER.info("a call failed and is retried", extra={"error": type(error).__name__})
        requested = None if error is None else failures.retry_after(error)
        backoff = self._backoff(state)
        if requested is None:
            return backoff
        return max(backoff, requested + random.uniform(0, self._limits.backoff))  # noqa: S311

    async def _call_in_place(self, job: Job, request: Request) -> Classification:
        await self._trial.begin(job)
        async with self._places:
            return await self._call(job, request)

    async def _call(self, job: Job, request: Request) -> Classification:
        for _ in range(_MAX_REJECTIONS):
            max_cost = self._classifier.max_cost(request)
            try:
                await self._budget.reserve(max_cost)
            except BudgetSpent:
                self._trial.leave(job)
                raise
            # The cost of a cancelled call is not known.
            cost = max_cost
            try:
                await self._start(job, max_cost)
                answer = await self._observed(request)
                cost = self._add_usage(job, answer.usage, max_cost)
            except ParametersRejected as rejected:
                cost = 0.0
                self._breaker.leave(job)
                request = replace(request, omitted=rejected.omitted)
            except UnusableAnswer as unusable:
                cost = self._add_usage(job, unusable.usage, max_cost)
                job.model = unusable.model
                self._fail(job, unusable, self._classifier.fault(unusable))
            except _FATAL:
                raise
            except Exception as error:
                # Until the fault is known, which may be our own.
                cost = 0.0
                fault = self._classifier.fault(error)
                if not failures.was_answered(error) and not isinstance(error, NotSent):
                    cost = max_cost
                self._fail(job, error, fault)
            else:
                self._answered()
                self._breaker.succeed(job)
                return answer
            finally:
                self._budget.settle(max_cost, cost)
                if cost != max_cost:
                    self._notify(self._callbacks.on_cost, cost - max_cost)
        raise UnusableAnswer("the endpoint rejects the parameters of the call")

    def _fail(self, job: Job, error: Exception, fault: Fault | None) -> NoReturn:
        self._breaker.leave(job)
        is_unusable = isinstance(error, UnusableAnswer)
        if fault is not None:
            self._faults.add(job, fault, in_flight=self._breaker.in_flight)
        elif is_unusable:
            self._answered()
        else:
            self._trial.leave(job)
        self._breaker.fail(job, _reason(error))
        if fault is not None and not is_unusable:
            raise _Permanent(_reason(error)) from None
        raise error

    def _answered(self) -> None:
        self._faults.answered = True
        self._trial.end()

    async def _start(self, job: Job, max_cost: float) -> None:
        await self._classifier.ready(job.request)
        await self._pace.wait()
        if max_cost:
            self._notify(self._callbacks.on_cost, max_cost)
        job.calls += 1
        self._breaker.start(job)
        self._notify(self._callbacks.on_call, job.request.record.id)

    def _notify(self, callback: Callable[[Argument], None], argument: Argument) -> None:
        try:
            callback(argument)
        except DriftError:
            raise
        except Exception as error:
            raise CallbackError(error) from error

    async def _observed(self, request: Request) -> Classification:
        """Return the answer, and let what becomes of the call decide how many may be in flight."""
        began = self._concurrency.begin()
        try:
            answer = await self._timed(request)
            self._concurrency.on_answer(began)
        except (UnusableAnswer, TimeoutError):
            self._concurrency.on_answer(began)
            raise
        except Exception as error:
            # The user's own code bears as many calls as its user says, and may mean anything by an error.
            if not self._classifier.is_own and (status := failures.overload(error)):
                self._concurrency.on_refusal(began, status)
            raise
        finally:
            self._concurrency.end()
        return answer

    async def _timed(self, request: Request) -> Classification:
        started = self._now()
        try:
            async with asyncio.timeout(self._limits.timeout) as limit:
                answer = await self._classifier.classify(request)
        except TimeoutError:
            if limit.expired():
                raise TimeoutError(f"no answer within {self._limits.timeout:g} s") from None
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise RuntimeError("the call cancelled itself") from None
        if answer.usage.seconds is not None:
            return answer
        return replace(answer, usage=replace(answer.usage, seconds=self._now() - started))

    def _add_usage(self, job: Job, usage: Usage, max_cost: float) -> float:
        job.usage = job.usage.plus(usage)
        return max_cost if usage.cost is None else usage.cost


def _is_worth_a_retry(error: BaseException) -> bool:
    if isinstance(error, BudgetSpent | UnusableAnswer | Outage | DriftError | CallbackError):
        return False
    return failures.is_transient(error) and (failures.retry_after(error) or 0.0) <= _MAX_PAUSE


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, UnusableAnswer | _Permanent) else failures.describe(error)
