"""How many calls the pool makes at once of an endpoint that bears so many."""

from __future__ import annotations

import asyncio
import time

import pytest

from drift_checks.core.records import Review
from drift_checks.reviews.reviewers.base import Classification, Request
from drift_checks.reviews.reviewers.concurrency import UsedConcurrency
from drift_checks.reviews.reviewers.limits import Limits, Spent
from drift_checks.reviews.reviewers.pool import PooledReviewer
from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.classifiers import (
    FakeClassifier,
    StatusError,
    agree,
    make_records,
    review_all,
    review_in_simulated_time,
    slowly,
)
from tests.support.classifying import chat

GROWING = Limits(concurrency=16, concurrency_max=64, backoff=0.02)
LATENCY = 0.1


def review(server: ChatServer, number: int, limits: Limits = GROWING) -> tuple[list[Review], UsedConcurrency]:
    """Return the reviews by an endpoint, and how many calls it got at once."""
    reviewer = PooledReviewer(chat(server), limits, Spent())
    reviews = list(reviewer.review(make_records(number)))
    used = reviewer.used_concurrency()
    reviewer.finish()
    assert used is not None
    return reviews, used


def test_an_endpoint_that_refuses_the_21st_call_gets_fewer() -> None:
    """All are reviewed, and few are refused: the part of the first wave that is too large, and then one at a time."""
    limits = Limits(concurrency=40, concurrency_max=64, backoff=0.02)
    with ChatServer(Behaviour(latency=0.3, most_at_once=20)) as server:
        reviews, used = review(server, 150, limits)
        refused = [request.number for request in server.requests if request.status == 429]
    assert (len(reviews), all(item.made for item in reviews)) == (150, True)
    assert used.refusals == {"429": len(refused)}
    assert 0 < len(refused) < 60
    assert used.halved


def test_an_endpoint_that_is_slow_but_steady_gets_more() -> None:
    """The number grows beyond its start."""
    with ChatServer(Behaviour(latency=0.3)) as server:
        reviews, used = review(server, 150)
    assert all(item.made for item in reviews)
    assert used.most > 16


def test_an_endpoint_that_slows_down_is_noticed() -> None:
    """Otherwise half of the calls would be in flight when there is nothing left to send."""
    workers = asyncio.Semaphore(16)

    async def decide(request: Request) -> Classification:
        async with workers:
            return await slowly(agree, LATENCY)(request)

    classifier = FakeClassifier(decide)
    limits = Limits(concurrency=16, concurrency_max=1000, backoff=0.02)
    reviews = review_in_simulated_time(classifier, 600, limits)
    assert all(item.made for item in reviews)
    assert 16 < classifier.most_in_flight < 130


def test_answers_of_different_length_are_no_hindrance() -> None:
    """The number grows all the same."""
    with ChatServer(Behaviour(latency=LATENCY, spread=0.7)) as server:
        reviews, used = review(server, 150)
    assert all(item.made for item in reviews)
    assert used.most > 16


def test_the_pace_holds_for_however_many_calls_are_allowed_at_once() -> None:
    """Ten calls a second: the first ones do not arrive together."""
    limits = Limits(concurrency=64, concurrency_max=64, requests_per_minute=600)
    with ChatServer(Behaviour(latency=0.5)) as server:
        began = time.monotonic()
        review(server, 20, limits)
        arrivals = sorted(request.arrived for request in server.requests)
    assert len(arrivals) == 20
    assert all(arrived - began > place / 10 - 0.1 for place, arrived in enumerate(arrivals))


@pytest.mark.parametrize("max_calls", [1, 20, 50, 90])
def test_no_call_is_made_beyond_the_budget(max_calls: int) -> None:
    """However far the number has grown."""
    classifier = FakeClassifier(slowly(agree, 0.01))
    limits = Limits(concurrency=16, concurrency_max=64, max_calls=max_calls)
    reviews = review_all(classifier, 200, limits)
    assert (len(classifier.asked), len(reviews)) == (max_calls, 200)


@pytest.mark.parametrize("status", [429, 529, 503])
def test_after_a_wave_of_refusals_half_as_many_calls_are_made(status: int) -> None:
    """A 503 counts if it says when to come back."""
    in_flight_later: list[int] = []

    async def decide(request: Request) -> Classification:
        number = len(classifier.asked)
        await asyncio.sleep(0.1)
        if number <= 16:
            raise StatusError(status, {"Retry-After": "0"})
        in_flight_later.append(classifier.in_flight)
        return await agree(request)

    classifier = FakeClassifier(decide)
    reviews = review_in_simulated_time(classifier, 24, Limits(backoff=0.01, concurrency=16))
    assert all(item.made for item in reviews)
    assert in_flight_later[0] == 8


@pytest.mark.parametrize("error", [StatusError(500), StatusError(503), ConnectionError("lost")])
def test_other_failures_change_nothing(error: Exception) -> None:
    """As many calls are made at once as before."""
    in_flight_later: list[int] = []

    async def decide(request: Request) -> Classification:
        if len(classifier.asked) <= 4:
            raise error
        in_flight_later.append(classifier.in_flight)
        return await slowly(agree, 0.02)(request)

    classifier = FakeClassifier(decide)
    review_in_simulated_time(classifier, 40, Limits(backoff=0.01, concurrency=16))
    assert max(in_flight_later) == 16


def test_the_users_own_code_gets_as_many_calls_as_the_user_says() -> None:
    """Neither answers nor errors change that."""

    class Own(FakeClassifier):
        is_own = True

    async def decide(request: Request) -> Classification:
        await asyncio.sleep(0.01)
        if len(classifier.asked) in range(8, 12):
            raise StatusError(429)
        return await agree(request)

    classifier = Own(decide)
    reviews = review_in_simulated_time(classifier, 60, Limits(backoff=0.01, concurrency=4, concurrency_max=64))
    assert all(item.made for item in reviews)
    assert classifier.most_in_flight == 4
