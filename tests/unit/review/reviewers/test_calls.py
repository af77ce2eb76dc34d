"""How one record is asked for: attempts, waits, time limits, second questions, and what was used."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from itertools import pairwise

import pytest

from drift_checks.core.records import RecordId, Review, Usage
from drift_checks.review.reviewers.base import Classification, ParametersRejected, Request, UnusableAnswer
from drift_checks.review.reviewers.limits import Limits, Spent
from drift_checks.review.reviewers.pool import PooledReviewer
from tests.support.classifiers import FakeClassifier, StatusError, in_turn, make_records, review_all, slowly

SOUND = Classification("a")
UNUSABLE = UnusableAnswer("its category 'z' is none of the taxonomy")


def review_one(classifier: FakeClassifier, limits: Limits | None = None) -> Review:
    """Return the review of the only record."""
    (review,) = review_all(classifier, 1, limits)
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


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529, 599])
def test_a_status_that_may_pass_is_tried_again(status: int) -> None:
    """The record is decided all the same."""
    classifier = FakeClassifier(in_turn(StatusError(status), SOUND))
    assert (review_one(classifier).category, len(classifier.asked)) == ("a", 2)


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), TimeoutError("late"), OSError("no space")])
def test_a_broken_connection_is_tried_again(error: Exception) -> None:
    """Other errors of the system are not."""
    classifier = FakeClassifier(in_turn(error, SOUND))
    again = isinstance(error, ConnectionError | TimeoutError)
    assert (review_one(classifier).made, len(classifier.asked)) == (again, 1 + again)


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_status_that_stays_is_not_tried_again(status: int) -> None:
    """The record is failed, and says which it was."""
    classifier = FakeClassifier(in_turn(StatusError(status), SOUND))
    review = review_one(classifier)
    assert (review.made, review.asked, len(classifier.asked)) == (False, True, 1)
    assert str(status) in str(review.failure)


@pytest.mark.parametrize("error", [ValueError("a bug"), AssertionError("a bug"), KeyError("a bug")])
def test_another_exception_is_not_tried_again(error: Exception) -> None:
    """The record is failed, and says what it was."""
    classifier = FakeClassifier(in_turn(error, SOUND))
    review = review_one(classifier)
    assert (review.category, len(classifier.asked)) == (None, 1)
    assert "a bug" in str(review.failure)


def test_six_attempts_are_made() -> None:
    """Then the record is failed, and says why."""
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
    review_all(classifier, everyone, Limits(concurrency=everyone, backoff=0.2))
    again = sorted(classifier.began)[everyone:]
    assert again[-1] - again[0] > 0.05


def test_retry_after_is_waited_for() -> None:
    """Where it is longer than the wait would be."""
    classifier = FakeClassifier(in_turn(StatusError(429, {"retry-after": "0.3"}), SOUND))
    review_one(classifier)
    assert gaps(classifier)[0] >= 0.29


def test_retry_after_does_not_shorten_the_wait() -> None:
    """An endpoint that says 0 to everybody is not called without a pause."""
    classifier = FakeClassifier(in_turn(StatusError(429, {"retry-after": "0"}), SOUND))
    review_one(classifier, Limits(backoff=0.2))
    assert gaps(classifier)[0] >= 0.19


@pytest.mark.parametrize("wanted", ["301", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_long_wait_is_not_made(wanted: str) -> None:
    """The record is failed instead."""
    classifier = FakeClassifier(in_turn(StatusError(429, {"retry-after": wanted}), SOUND))
    review = review_one(classifier)
    assert (review.made, len(classifier.asked)) == (False, 1)
    assert "429" in str(review.failure)


def test_a_wait_of_five_minutes_is_made() -> None:
    """No review has come after a moment."""
    classifier = FakeClassifier(in_turn(StatusError(429, {"retry-after": "300"}), SOUND))
    with pytest.raises(TimeoutError):
        review_all(classifier, patience=0.5)
    assert len(classifier.asked) == 1


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
    assert review_one(classifier, Limits(timeout=0.3, backoff=0.01)).made
    assert (len(classifier.asked), classifier.in_flight) == (2, 0)


def test_waits_do_not_count_as_late() -> None:
    """The time limit is that of one call."""
    classifier = FakeClassifier(in_turn(*[StatusError(503)] * 2, SOUND))
    assert review_one(classifier, Limits(timeout=0.25, backoff=0.12)).made


def test_an_unusable_answer_is_asked_for_once_more() -> None:
    """The second question says what was wrong with the answer to the first."""
    classifier = FakeClassifier(in_turn(UNUSABLE, SOUND))
    assert review_one(classifier).category == "a"
    assert [request.retry for request in classifier.asked] == [False, True]


def test_a_second_unusable_answer_fails_the_record() -> None:
    """With its message, never a decision."""
    classifier = FakeClassifier(in_turn(UNUSABLE, UnusableAnswer("it is empty"), SOUND))
    review = review_one(classifier)
    assert (review.category, review.asked, len(classifier.asked)) == (None, True, 2)
    assert "it is empty" in str(review.failure)


def test_asking_again_outlives_a_failure() -> None:
    """The second question is repeated as it is."""
    classifier = FakeClassifier(in_turn(UNUSABLE, StatusError(503), SOUND))
    assert review_one(classifier).made
    assert [request.retry for request in classifier.asked] == [False, True, True]


def test_a_repeat_stays_one_when_asked_again() -> None:
    """Also after an unusable answer."""
    classifier = FakeClassifier(in_turn(UNUSABLE, SOUND))
    review_all(classifier, 1, repeats=1)
    assert [request.repeat for request in classifier.asked] == [False, False, True, True]


def test_asking_differently_is_no_attempt() -> None:
    """With a single attempt, the record is decided all the same."""
    classifier = FakeClassifier(in_turn(*[ParametersRejected()] * 3, SOUND))
    assert review_one(classifier, Limits(attempts=1)).made
    assert len(classifier.asked) == 4


def test_asking_differently_does_not_wait() -> None:
    """The backoff is for failures."""
    began = time.monotonic()
    review_one(FakeClassifier(in_turn(ParametersRejected(), SOUND)), Limits(backoff=20))
    assert time.monotonic() - began < 10


def test_asking_differently_is_no_failure() -> None:
    """Many at the beginning are no outage."""
    classifier = FakeClassifier(in_turn(ParametersRejected(), SOUND))
    assert all(review.made for review in review_all(classifier, 50))


def test_tokens_and_cost_of_all_calls_are_added_up() -> None:
    """Of the unusable answer and of the sound one."""
    unusable = UnusableAnswer("no", Usage(10, 1, 0.25))
    usage = review_one(FakeClassifier(in_turn(unusable, Classification("a", usage=Usage(20, 2, 0.5))))).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cost) == (30, 3, 0.75)


def test_what_a_failed_record_used_is_reported() -> None:
    """It was paid for."""
    usage = review_one(FakeClassifier(in_turn(UnusableAnswer("no", Usage(10, 1, 0.25))))).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cost) == (20, 2, 0.5)


def test_a_repeat_has_its_own_usage() -> None:
    """Not the record's."""
    reviews = review_all(FakeClassifier(in_turn(Classification("a", usage=Usage(20, 2, 0.5)))), 1, repeats=1)
    assert [(review.usage.input_tokens, review.usage.cost) for review in reviews] == [(20, 0.5)] * 2


def test_what_nobody_counted_is_not_told() -> None:
    """None, not zero."""
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
    assert seconds is not None
    assert 0.09 <= seconds < 0.5


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
