"""A fake classifier for tests of the pool, which records its requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from drift_checks.core.errors import ReviewerError
from drift_checks.core.records import Record, RecordId, Review, Stratum
from drift_checks.reviews.reviewers.base import Classification, Fault, Request, ignore
from drift_checks.reviews.reviewers.calls import Callbacks, Calls
from drift_checks.reviews.reviewers.failures import describe, is_refused, status_of
from drift_checks.reviews.reviewers.limits import Limits, Spent
from drift_checks.reviews.reviewers.pool import PooledReviewer
from tests.support.simulated_time import SimulatedLoop

Result = TypeVar("Result")
REMEDY = "check the key"
Decide = Callable[[Request], Awaitable[Classification]]


class StatusError(Exception):
    """An answer with an HTTP error."""

    def __init__(self, status_code: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"the endpoint answered {status_code}")
        self.status_code = status_code
        self.headers = headers or {}


async def agree(request: Request) -> Classification:
    """Answer at once."""
    return Classification(request.record.category)


class FakeClassifier:
    """Answers as the function does.

    Args:
        decide: Answers a request.
        most: What a call can cost at most.
    """

    name = "fake"
    model: str | None = None
    comparable_confidence = True
    is_own = False
    capacity = 1

    def __init__(self, decide: Decide = agree, most: float = 0.0) -> None:
        self.decide = decide
        self.most = most
        self.asked: list[Request] = []
        self.began: list[float] = []
        self.events: list[str] = []
        self.in_flight = 0
        self.most_in_flight = 0

    async def open(self) -> None:
        """Record it."""
        self.events.append("open")

    async def ready(self, request: Request) -> None:
        """Return at once."""

    async def classify(self, request: Request) -> Classification:
        """Answer by the function."""
        self.asked.append(request)
        self.began.append(asyncio.get_running_loop().time())
        self.events.append("classify")
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self.decide(request)
        finally:
            self.in_flight -= 1

    def max_cost(self, request: Request) -> float:
        """Return the same for every request."""
        return self.most

    def fault(self, error: Exception) -> Fault | None:
        """Return an error with a remedy for refused credentials."""
        if not is_refused(error):
            return None
        refused = ReviewerError("reviewer", f"refused ({describe(error)})", REMEDY)
        return Fault(refused, 3 if status_of(error) == 403 else 1)

    async def close(self) -> None:
        """Record it."""
        self.events.append("close")


def in_turn(*steps: Classification | BaseException) -> Decide:
    """Return a function that takes these steps for each record, one a call, and then repeats the last."""
    calls: dict[tuple[RecordId, bool], int] = {}

    async def decide(request: Request) -> Classification:
        key = (request.record.id, request.repeat)
        calls[key] = calls.get(key, -1) + 1
        step = steps[min(calls[key], len(steps) - 1)]
        if isinstance(step, BaseException):
            raise step
        return step

    return decide


def slowly(decide: Decide, seconds: float) -> Decide:
    """Return a function that answers the same, but later."""

    async def later(request: Request) -> Classification:
        await asyncio.sleep(seconds)
        return await decide(request)

    return later


def make_records(number: int) -> list[Record]:
    """Return records with the ids 0, 1 and so on."""
    return [Record(index, Stratum.BASELINE, {"text": f"text {index}", "category": "a"}) for index in range(number)]


def review_all(
    classifier: FakeClassifier,
    number: int = 1,
    limits: Limits | None = None,
    *,
    repeats: int = 0,
    spent: Spent | None = None,
    on_call: Callable[[RecordId], None] = lambda record_id: None,
    on_cost: Callable[[float], None] = lambda amount: None,
    patience: float = 20.0,
) -> list[Review]:
    """Return the reviews of records with the ids 0, 1 and so on, in the order in which they were made.

    Raises:
        TimeoutError: They did not within `patience`.
    """
    reviewer = PooledReviewer(classifier, limits or Limits(backoff=0.01), spent or Spent())
    records = make_records(number)

    def run() -> list[Review]:
        try:
            return list(reviewer.review(records, records[:repeats], on_call, on_cost=on_cost))
        finally:
            reviewer.finish()

    return patiently(run, patience)


def review_in_simulated_time(classifier: FakeClassifier, number: int = 1, limits: Limits | None = None) -> list[Review]:
    """Return the reviews of records with the ids 0, 1 and so on, whose waits take no time."""
    reviews: list[Review] = []

    async def run() -> None:
        calls = Calls(classifier, limits or Limits(backoff=0.01), Spent())
        await calls.review([*map(Request, make_records(number))], Callbacks(ignore, reviews.append, ignore))

    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        runner.run(run())
    return reviews


def patiently(function: Callable[[], Result], patience: float) -> Result:
    """Return the result of a function; one that hangs fails its test and nothing else.

    Raises:
        TimeoutError: It has not returned after that many seconds.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future.result(patience)
