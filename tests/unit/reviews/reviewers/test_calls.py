"""How one record is asked for: attempts, waits, time limits, second questions, and what was used."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from itertools import pairwise

import pytest

from drift_checks.core.records import RecordId, Review, Usage
from drift_checks.reviews.reviewers.base import Classification, ParametersRejected, Request, UnusableAnswer
from drift_checks.reviews.reviewers.limits import Limits, Spent
from drift_checks.reviews.reviewers.pool import PooledReviewer
from tests.support.classifiers import (
    FakeClassifier,
    StatusError,
    in_turn,
    make_records,
    review_all,
    review_in_simulated_time,
    slowly,
)

SOUND = Classification("a")
UNUSABLE = UnusableAnswer("its category 'z' is none of the taxonomy")


def review_one(classifier: FakeClassifier, limits: Limits | None = None) -> Review:
    """Return the review of the only record."""
    (review,) = review_in_simulated_time(classifier, 1, limits)
    return review


def gaps(classifier: FakeClassifier) -> list[float]:
    """Return the seconds from each call to the next."""
    return [later - earlier for earlier, later in pairwise(classifier.began)]


def test_an_answer_becomes_the_review() -> None:
    """With all that it says."""
    answer = Classification("b", 0.5, "because", "the word", "model-1")
    review = review_one(FakeClassifier(in_turn(answer)))
    assert (review.record_id, review.category, review.confidence) == (0, "b", 0.5)
    assert (review.rationale, review.evidence, review.model) == ("because", "the word", "model-1")
    assert (review.failure, review.asked, review.repeat) == (None, True, False)


@pytest.mark.parametrize("error", [StatusError(429), StatusError(503), ConnectionResetError("reset"), TimeoutError("")])
def test_a_transient_error_is_retried(error: Exception) -> None:
    """The record is reviewed after all."""
    classifier = FakeClassifier(in_turn(error, SOUND))
    assert (review_one(classifier).category, len(classifier.asked)) == ("a", 2)


@pytest.mark.parametrize("error", [StatusError(400), StatusError(404), OSError("no space"), ValueError("a bug")])
def test_a_permanent_error_is_not_retried(error: Exception) -> None:
    """The review fails with its message."""
    classifier = FakeClassifier(in_turn(error, SOUND))
    review = review_one(classifier)
    assert (review.made, review.asked, len(classifier.asked)) == (False, True, 1)
    assert str(error) in str(review.failure)


def test_six_attempts_are_made() -> None:
    """Then the review fails with the last error."""
    classifier = FakeClassifier(in_turn(StatusError(503)))
    review = review_one(classifier)
    assert (review.made, review.asked, len(classifier.asked)) == (False, True, 6)
    assert "503" in str(review.failure)


def test_waits_double() -> None:
    """From the backoff on."""
    classifier = FakeClassifier(in_turn(*[StatusError(500)] * 4, SOUND))
    review_one(classifier, Limits(backoff=0.03))
    assert [wait >= 0.99 * 0.03 * 2**number for number, wait in enumerate(gaps(classifier))] == [True] * 4


def test_waits_differ() -> None:
    """Calls that fail at the same moment are not all repeated at the same moment."""
    everyone = 20
    classifier = FakeClassifier(in_turn(StatusError(500), SOUND))
    review_in_simulated_time(classifier, everyone, Limits(concurrency=everyone, backoff=0.2))
    again = sorted(classifier.began)[everyone:]
    assert again[-1] - again[0] > 0.05


@pytest.mark.parametrize(("header", "backoff", "least"), [("0.3", 0.01, 0.29), ("0", 0.2, 0.19)])
def test_the_longer_of_retry_after_and_backoff_is_waited(header: str, backoff: float, least: float) -> None:
    """An endpoint that says 0 to everybody is not called without a pause."""
    classifier = FakeClassifier(in_turn(StatusError(429, {"retry-after": header}), SOUND))
    review_one(classifier, Limits(backoff=backoff))
    assert gaps(classifier)[0] >= least


@pytest.mark.parametrize("wanted", ["301", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_long_wait_is_not_made(wanted: str) -> None:
    """The record is failed instead."""
    classifier = FakeClassifier(in_turn(StatusError(429, {"retry-after": wanted}), SOUND))
    review = review_one(classifier)
    assert (review.made, len(classifier.asked)) == (False, 1)
    assert "429" in str(review.failure)


def test_a_wait_of_five_minutes_is_made() -> None:
    """It is the longest that is made."""
    classifier = FakeClassifier(in_turn(StatusError(429, {"retry-after": "300"}), SOUND))
    assert review_one(classifier).made
    assert gaps(classifier)[0] >= 300


def test_a_late_answer_is_a_failure() -> None:
    """Which says what the limit was, in one line."""
    review = review_one(FakeClassifier(slowly(in_turn(SOUND), 30)), Limits(timeout=0.1, attempts=1))
    assert (review.made, review.asked) == (False, True)
    assert "within 0.1 s" in str(review.failure)


def test_a_late_answer_is_tried_again() -> None:
    """It is given up meanwhile."""
    first = True

    async def decide(request: Request) -> Classification:
        nonlocal first
        was_first, first = first, False
        await asyncio.sleep(30 if was_first else 0)
        return SOUND

    classifier = FakeClassifier(decide)
    assert review_one(classifier, Limits(timeout=1.0, backoff=0.01)).made
    assert (len(classifier.asked), classifier.in_flight) == (2, 0)


def test_waits_do_not_count_as_late() -> None:
    """The time limit is that of one call."""
    classifier = FakeClassifier(in_turn(*[StatusError(503)] * 2, SOUND))
    assert review_one(classifier, Limits(timeout=1.0, backoff=0.5)).made


def test_an_unusable_answer_is_asked_for_once_more() -> None:
    """The second request says so, also when it is retried; a repeat stays one."""
    classifier = FakeClassifier(in_turn(UNUSABLE, StatusError(503), SOUND))
    reviews = review_all(classifier, 1, Limits(concurrency=1, backoff=0.01), repeats=1)
    assert [review.category for review in reviews] == ["a", "a"]
    assert [request.retry for request in classifier.asked] == [False, True, True] * 2
    assert [request.repeat for request in classifier.asked] == [False] * 3 + [True] * 3


def test_a_second_unusable_answer_fails_the_record() -> None:
    """Its message is the reason; what both calls used is counted."""
    first, second = UnusableAnswer("no", Usage(10, 1, 0.25)), UnusableAnswer("it is empty", Usage(10, 1, 0.25))
    classifier = FakeClassifier(in_turn(first, second, SOUND))
    review = review_one(classifier)
    assert (review.category, review.asked, len(classifier.asked)) == (None, True, 2)
    assert "it is empty" in str(review.failure)
    assert (review.usage.input_tokens, review.usage.output_tokens, review.usage.cost) == (20, 2, 0.5)


def test_a_call_without_rejected_parameters_is_neither_attempt_nor_failure() -> None:
    """It does not wait for the backoff, and many of them are no outage."""
    classifier = FakeClassifier(in_turn(*[ParametersRejected()] * 3, SOUND))
    assert all(review.made for review in review_all(classifier, 50, Limits(attempts=1, backoff=20), patience=10))
    assert len(classifier.asked) == 200


def test_the_usage_of_all_calls_is_added_up() -> None:
    """A repeat has its own usage; what nobody counted is None, not 0."""
    unusable = UnusableAnswer("no", Usage(10, 1, 0.25))
    answer = Classification("a", usage=Usage(20, 2, 0.5))
    reviews = review_all(FakeClassifier(in_turn(unusable, answer)), 1, repeats=1)
    used = [(review.usage.input_tokens, review.usage.output_tokens, review.usage.cost) for review in reviews]
    assert used == [(30, 3, 0.75)] * 2
    usage = review_one(FakeClassifier()).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cost) == (None, None, None)


@pytest.mark.parametrize("first", [StatusError(503), UNUSABLE])
def test_the_seconds_are_those_of_the_call_that_answered(first: Exception) -> None:
    """Neither those of the call before it, nor those of the wait."""
    quick = in_turn(first, SOUND)
    slow = slowly(quick, 0.5)
    classifier = FakeClassifier(slow)

    async def decide(request: Request) -> Classification:
        return await (slow if len(classifier.asked) == 1 else slowly(quick, 0.1))(request)

    classifier.decide = decide
    seconds = review_one(classifier).usage.seconds
    assert seconds == pytest.approx(0.1)


def test_each_call_is_announced() -> None:
    """Retries, second questions and repeats too, before it is made."""
    announced: list[tuple[RecordId, int]] = []
    classifier = FakeClassifier(in_turn(StatusError(503), UNUSABLE, ParametersRejected(), SOUND))
    review_all(classifier, 1, repeats=1, on_call=lambda record_id: announced.append((record_id, len(classifier.asked))))
    assert announced == [(0, number) for number in range(8)]


def test_reviews_come_as_they_are_made() -> None:
    """The first while another call is in flight."""
    never = asyncio.Event()

    async def decide(request: Request) -> Classification:
        if request.record.id == 0:
            await never.wait()
        return SOUND

    reviewing = PooledReviewer(FakeClassifier(decide), Limits(), Spent()).review(make_records(2), [], lambda _: None)
    try:
        assert next(reviewing).record_id == 1
    finally:
        reviewing.close()


CHEAP = Classification("a", usage=Usage(cost=0.25))


@pytest.mark.parametrize(
    ("decide", "told"),
    [(CHEAP, [1.0, -0.75]), (StatusError(400), [1.0, -1.0]), (ValueError("no status"), [1.0])],
)
def test_what_a_call_costs_is_reported_before_and_corrected_after(
    decide: Classification | Exception, told: list[float]
) -> None:
    """So that a run that is killed in between has counted the most; what is not known stays so."""
    amounts: list[float] = []
    review_all(FakeClassifier(in_turn(decide), most=1), 1, on_cost=amounts.append)
    assert amounts == told


def test_an_answer_that_comes_after_the_end_asks_nothing_more() -> None:
    """Code that swallows its cancellation is not called again."""
    calls = 0

    async def stubborn(request: Request) -> Classification:
        nonlocal calls
        calls += 1
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(30)
        return Classification("a")

    reviewing = PooledReviewer(FakeClassifier(stubborn), Limits(concurrency=2), Spent()).review(make_records(20))
    while calls < 2:
        time.sleep(0.01)
    reviewing.close()
    assert calls == 2


def test_what_a_failure_says_is_fit_for_a_terminal() -> None:
    """On one line, without escapes, not long."""
    (review,) = review_all(FakeClassifier(in_turn(UnusableAnswer("bad\x1b[31mRED\x07\n" + "x" * 999))))
    assert (review.failure or "").startswith("bad[31mRED xxx")
    assert len(review.failure or "") <= 300
