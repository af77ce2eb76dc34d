"""What holds a pool back: the pace, the budget, and the breaker."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.core.records import RecordId, Review, Usage
from drift_checks.reviews.reviewers.base import Classification, Request, UnusableAnswer
from drift_checks.reviews.reviewers.limits import Breaker, Budget, BudgetSpent, Limits, Outage, Pace, Spent
from tests.support.classifiers import (
    Decide,
    FakeClassifier,
    StatusError,
    agree,
    in_turn,
    review_all,
    review_in_simulated_time,
    slowly,
)
from tests.support.simulated_time import SimulatedLoop
from tests.support.thorough import repetitions
from tests.support.waiting import PATIENCE

GAP = 0.05
PER_MINUTE = 1200
HANG = slowly(agree, 30)
# How much earlier than asked a sleep may end.
GRAIN = 0.005


def costing(cost: float | None) -> Classification:
    """Return an answer that cost so much."""
    return Classification("a", usage=Usage(cost=cost))


def made(reviews: list[Review]) -> int:
    """Return how many records were decided."""
    return sum(review.made for review in reviews)


def asked(reviews: list[Review]) -> int:
    """Return how many records were asked about."""
    return sum(review.asked for review in reviews)


def is_held(times: list[float], start: float, gap: float = GAP) -> bool:
    """Whether no call began before its turn, the first at the start."""
    return all(moment - start >= number * gap - GRAIN for number, moment in enumerate(sorted(times)))


@settings(max_examples=repetitions(4, 30))
@given(st.lists(st.integers(0, 20), min_size=1, max_size=20), st.sampled_from([6_000, 12_000]))
def test_a_pace_is_held_whenever_callers_come(arrivals: list[int], per_minute: int) -> None:
    """No call begins before all those ahead of it have had their gap."""
    times: list[float] = []

    async def call(pace: Pace, after: int) -> None:
        await asyncio.sleep(after / 1000)
        await pace.wait()
        times.append(time.monotonic())

    async def main() -> float:
        pace, start = Pace(per_minute), time.monotonic()
        await asyncio.gather(*(call(pace, after) for after in arrivals))
        return start

    assert is_held(times, asyncio.run(main()), 60 / per_minute)


@settings(max_examples=repetitions(40, 300))
@given(st.integers(1, 40), st.lists(st.floats(0, 30), max_size=20))
def test_no_minute_holds_more_calls_than_allowed(per_minute: int, late: list[float]) -> None:
    """Whenever it begins, and however late some of 64 callers at once, and others after them, wake up."""
    times: list[float] = []

    async def call(pace: Pace) -> None:
        await pace.wait()
        times.append(asyncio.get_running_loop().time())

    async def main() -> None:
        pace = Pace(per_minute)
        await asyncio.gather(*(call(pace) for _ in range(64)))
        await asyncio.gather(*(call(pace) for _ in range(per_minute)))

    with asyncio.Runner(loop_factory=lambda: SimulatedLoop(late)) as runner:
        runner.run(main())
    times.sort()
    assert all(after - before > 60 for before, after in zip(times, times[per_minute:], strict=False))


def test_a_pause_is_not_saved_up() -> None:
    """After it, calls are as far apart as ever."""

    async def main() -> float:
        pace = Pace(PER_MINUTE)
        await pace.wait()
        await asyncio.sleep(5 * GAP)
        start = time.monotonic()
        await pace.wait()
        await pace.wait()
        return time.monotonic() - start

    assert asyncio.run(main()) >= GAP - GRAIN


def test_retries_second_questions_and_repeats_keep_the_pace() -> None:
    """Each call has its turn."""
    classifier = FakeClassifier(in_turn(StatusError(503), UnusableAnswer("no"), Classification("a")))
    start = time.monotonic()
    review_all(classifier, 4, Limits(requests_per_minute=PER_MINUTE, backoff=0.01), repeats=1)
    assert len(classifier.began) == 15
    assert is_held(classifier.began, start)


def test_calls_that_waited_for_the_budget_keep_the_pace() -> None:
    """The eight that it comes free for at once do not begin at once."""

    async def decide(request: Request) -> Classification:
        await asyncio.sleep(0.6 if request.record.id == 0 else 0)
        return costing(0.0)

    class Dear(FakeClassifier):
        def max_cost(self, request: Request) -> float:
            return 8.0 if request.record.id == 0 else 1.0

    classifier = Dear(decide)
    review_in_simulated_time(classifier, 9, Limits(requests_per_minute=PER_MINUTE, max_cost=8))
    assert classifier.began[8] - classifier.began[1] > 3 * GAP


@pytest.mark.parametrize(
    "limits", [Limits(requests_per_minute=1, max_calls=1), Limits(requests_per_minute=1, max_cost=1)]
)
def test_what_there_is_no_budget_for_has_no_turn(limits: Limits) -> None:
    """It is not waited for."""
    review_all(FakeClassifier(in_turn(costing(1)), most=1), 10, limits)


async def use(budget: Budget, calls: list[list[int]], limits: Limits, spent: Spent) -> None:
    """Make such calls at once, of what they cost and at most can; see that the budget holds, and holds nobody up."""
    begun, cost, in_flight = spent.calls, spent.cost, 0.0
    max_calls, max_cost = limits.max_calls or 10**9, limits.max_cost or 10**9

    async def call(least: int, most: int) -> None:
        nonlocal begun, cost, in_flight
        try:
            await budget.reserve(most)
        except BudgetSpent:
            assert begun >= max_calls or (not in_flight and cost + most > max_cost)
            return
        begun, in_flight = begun + 1, in_flight + most
        assert begun <= max_calls
        assert cost + in_flight <= max_cost
        await asyncio.sleep(0)
        in_flight, cost = in_flight - most, cost + least
        budget.settle(most, least)

    async with asyncio.timeout(10):
        await asyncio.gather(*(call(least, most) for least, most in calls))


CALLS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).map(sorted), max_size=30)


@settings(max_examples=repetitions(15, 100))
@given(CALLS, st.integers(1, 30), st.integers(0, 40))
def test_max_cost_is_never_exceeded_nor_refused_too_early(calls: list[list[int]], max_cost: int, before: int) -> None:
    """Not by calls in flight either; who is refused could not have been served."""
    limits, spent = Limits(max_cost=max_cost), Spent(0, min(before, max_cost))
    asyncio.run(use(Budget(limits, spent), calls, limits, spent))


@settings(max_examples=repetitions(15, 100))
@given(CALLS, st.integers(1, 12), st.none() | st.integers(1, 30), st.integers(0, 12))
def test_max_calls_is_never_exceeded_nor_refused_too_early(
    calls: list[list[int]], max_calls: int, max_cost: int | None, before: int
) -> None:
    """With a bound on the cost as well or without."""
    limits, spent = Limits(max_calls=max_calls, max_cost=max_cost), Spent(min(before, max_calls))
    asyncio.run(use(Budget(limits, spent), calls, limits, spent))


@pytest.mark.parametrize("spent", [0, 3, 20])
def test_calls_are_never_more_than_allowed(spent: int) -> None:
    """With those of before, retries, second questions and repeats; the rest says why it was not asked."""
    calls: list[RecordId] = []
    classifier = FakeClassifier(in_turn(StatusError(503), UnusableAnswer("no"), Classification("a")))
    reviews = review_all(
        classifier, 10, Limits(max_calls=11, backoff=0.01), repeats=5, spent=Spent(spent), on_call=calls.append
    )
    assert len(calls) == len(classifier.asked) == max(0, 11 - spent)
    unasked = [str(review.failure) for review in reviews if not review.asked]
    assert len(unasked) >= 15 - len(calls)
    assert all("budget" in why and "11" in why for why in unasked)


def test_all_calls_that_are_allowed_are_made() -> None:
    """Each decides a record."""
    reviews = review_all(FakeClassifier(slowly(agree, 0.01)), 20, Limits(max_calls=7))
    assert (made(reviews), asked(reviews), len(reviews)) == (7, 7, 20)


@pytest.mark.parametrize("spent", [0, 4, 10])
def test_costs_are_never_more_than_allowed(spent: int) -> None:
    """Costs of before count, also if many calls are in flight; the other reviews give the reason."""
    classifier = FakeClassifier(slowly(in_turn(costing(1)), 0.01), most=1)
    reviews = review_all(classifier, 30, Limits(max_cost=10), spent=Spent(99, spent))
    assert (made(reviews), len(classifier.asked), len(reviews)) == (10 - spent, 10 - spent, 30)
    assert all("budget" in str(review.failure) for review in reviews if not review.asked)


def test_a_call_that_costs_less_lets_others_go_on() -> None:
    """What was reserved for it and not spent is free again."""
    classifier = FakeClassifier(slowly(in_turn(costing(0.0625)), 0.01), most=1)
    assert made(review_all(classifier, 20, Limits(max_cost=2.5))) == 20


@pytest.mark.parametrize("decide", [HANG, in_turn(ConnectionResetError()), in_turn(costing(None))])
def test_a_call_of_unknown_cost_counts_with_the_most(decide: Decide) -> None:
    """It was given up, broke off, or does not tell."""
    classifier = FakeClassifier(decide, most=1)
    reviews = review_all(classifier, 10, Limits(concurrency=2, timeout=0.1, max_cost=3, attempts=1))
    assert (len(classifier.asked), asked(reviews)) == (3, 3)


def test_an_answer_with_an_error_costs_nothing() -> None:
    """The budget is there for the next attempt."""
    classifier = FakeClassifier(in_turn(StatusError(503), costing(1)), most=1)
    assert made(review_all(classifier, 5, Limits(max_cost=5, backoff=0.01))) == 5
    assert len(classifier.asked) == 10


@pytest.mark.parametrize("error", [ConnectionRefusedError("refused"), StatusError(503), ValueError("a bug")])
def test_an_outage_is_noticed_at_the_beginning(error: Exception) -> None:
    """After the attempts of the first records in flight; the rest is not asked, and says why."""
    classifier = FakeClassifier(in_turn(error))
    reviews = review_all(classifier, 200, Limits(backoff=0.01))
    assert len(classifier.asked) <= 16 * 6
    assert (made(reviews), len(reviews), asked(reviews) <= 32) == (0, 200, True)
    assert all(str(error) in str(review.failure) for review in reviews if not review.asked)


def test_an_endpoint_that_never_answers_is_given_up_early() -> None:
    """Fifty records' attempts would take over a minute."""
    began = time.monotonic()
    reviews = review_all(FakeClassifier(HANG), 50, Limits(concurrency=4, timeout=0.3, backoff=0.01))
    assert time.monotonic() - began < PATIENCE
    assert asked(reviews) < 25


@pytest.mark.parametrize("error", [StatusError(503), ValueError("a bug")])
def test_an_outage_is_noticed_later_on(error: Exception) -> None:
    """When the last calls all failed, although the first did not."""

    async def decide(request: Request) -> Classification:
        if int(request.record.id) >= 30:
            raise error
        return await agree(request)

    reviews = review_all(FakeClassifier(decide), 300, Limits(backoff=0.01))
    assert (made(reviews), len(reviews), asked(reviews) <= 70) == (30, 300, True)


@pytest.mark.parametrize(
    ("error", "seconds", "concurrency"),
    [(StatusError(400), 0.01, 16), (UnusableAnswer("no"), 0, 1), (StatusError(503), 0.3, 16)],
)
def test_failures_among_answers_are_no_outage(error: Exception, seconds: float, concurrency: int) -> None:
    """Every fifth record fails, at once, while the answers take their time."""

    async def decide(request: Request) -> Classification:
        if int(request.record.id) % 5 == 0:
            raise error
        await asyncio.sleep(seconds)
        return await agree(request)

    reviews = review_all(FakeClassifier(decide), 40, Limits(concurrency=concurrency, backoff=0.01))
    assert (made(reviews), asked(reviews)) == (32, 40)


def test_an_endpoint_that_recovers_is_no_outage() -> None:
    """Every record's first calls fail, and a later attempt is answered."""
    classifier = FakeClassifier(in_turn(*[StatusError(503)] * 3, Classification("a")))
    assert made(review_all(classifier, 50, Limits(backoff=0.01))) == 50


@given(st.lists(st.integers(0, 4), min_size=1))
def test_a_breaker_stays_closed_while_answers_come(failures: list[int]) -> None:
    """Up to four failures before each answer, however long they take."""
    clock = iter(range(10**9))
    breaker = Breaker(10, lambda: next(clock) * 100.0)
    for number in failures:
        for _ in range(number):
            breaker.fail(number, "down")
            breaker.give_up(number, "down")
        breaker.succeed(number)


@given(st.integers(0, 5), st.booleans())
def test_a_breaker_opens_in_the_end(answers: int, gives_up: bool) -> None:
    """After a timeout, or when a record is out of attempts; it says why."""
    clock = iter(range(10**9))
    breaker = Breaker(10**10 if gives_up else 20, lambda: float(next(clock)))
    for _ in range(answers):
        breaker.succeed("answered")
    with pytest.raises(Outage, match="down"):  # noqa: PT012
        for record in range(50):
            breaker.fail(record, "down")
            if gives_up:
                breaker.give_up(record, "down")
