"""The pool: all records are reviewed, concurrently, and whoever waits for them can stop it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from drift_checks.core.errors import InternalError, ReviewerError
from drift_checks.core.records import RecordId, Review, Usage
from drift_checks.reviews.reviewers.base import Classification, Fault, Request
from drift_checks.reviews.reviewers.limits import Limits, Spent
from drift_checks.reviews.reviewers.pool import PooledReviewer
from drift_checks.reviews.reviewers.threads import in_thread
from tests.support.classifiers import (
    REMEDY,
    FakeClassifier,
    StatusError,
    agree,
    in_turn,
    make_records,
    patiently,
    review_all,
    slowly,
)
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[4]


async def fail_every_third(request: Request) -> Classification:
    """Fail on the records 0, 3 and so on."""
    if request.record.id in range(0, 1000, 3):
        raise ValueError("no idea")
    return await agree(request)


async def sleep_in_thread(request: Request) -> Classification:
    """Block for half a minute."""
    await in_thread(time.sleep, 30)
    return Classification("a")


def begin(classifier: FakeClassifier, number: int = 40) -> PooledReviewer:
    """Return reviews under way."""
    reviewer = PooledReviewer(classifier, Limits(backoff=0.01), Spent())
    return reviewer.review(make_records(number), [], lambda record_id: None)


@pytest.mark.parametrize("concurrency", [1, 3, 16, 100])
def test_each_record_is_reviewed_once(concurrency: int) -> None:
    """Failures included."""
    reviews = review_all(FakeClassifier(fail_every_third), 50, Limits(concurrency=concurrency))
    assert Counter(review.record_id for review in reviews) == Counter(range(50))
    assert {review.record_id for review in reviews if not review.made} == set(range(0, 50, 3))


@pytest.mark.parametrize("concurrency", [1, 4])
def test_no_more_reviews_than_allowed_are_in_flight(concurrency: int) -> None:
    """Retries and repeats included."""
    classifier = FakeClassifier(slowly(in_turn(StatusError(503), Classification("a")), 0.01))
    review_all(classifier, 8, Limits(concurrency=concurrency, backoff=0.01), repeats=2)
    assert classifier.most_in_flight == concurrency


def test_repeats_are_reviews_of_their_own() -> None:
    """They are marked as such, whatever the first reviews say."""
    reviews = review_all(FakeClassifier(fail_every_third), 10, repeats=5)
    assert len(reviews) == 15
    assert sorted(int(review.record_id) for review in reviews if review.repeat) == [0, 1, 2, 3, 4]


def test_repeats_begin_after_all_records() -> None:
    """Their requests are marked as repeats; without records, there are none."""
    classifier = FakeClassifier(slowly(agree, 0.01))
    assert review_all(classifier, 0) == []
    review_all(classifier, 20, Limits(concurrency=4), repeats=20)
    assert [request.repeat for request in classifier.asked] == [False] * 20 + [True] * 20


def test_the_classifier_is_opened_and_closed_once() -> None:
    """Before the first question and after the last."""
    classifier = FakeClassifier(slowly(agree, 0.01))
    review_all(classifier, 5)
    assert classifier.events == ["open", *["classify"] * 5, "close"]


class Unready(FakeClassifier):
    """A classifier that cannot be opened."""

    error: Exception = ReviewerError("reviewer", "no key")

    async def open(self) -> None:
        """Fail."""
        raise self.error


@pytest.mark.parametrize(
    ("error", "raised", "said"),
    [
        (ReviewerError("reviewer", "no key"), ReviewerError, "no key"),
        (RuntimeError("a bug"), InternalError, "RuntimeError in"),
        (ImportError("half loaded"), InternalError, "half loaded"),
    ],
)
def test_a_classifier_that_does_not_open_is_reported(error: Exception, raised: type[Exception], said: str) -> None:
    """In one sentence, to whoever iterates, and nothing is asked."""
    classifier = Unready()
    classifier.error = error
    with pytest.raises(raised, match=said):
        review_all(classifier, 5)
    assert classifier.asked == []


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_end_the_run(status: int) -> None:
    """At once, with the remedy; the classifier is closed."""
    classifier = FakeClassifier(in_turn(StatusError(status)))
    with pytest.raises(ReviewerError, match=f"{status}.*{REMEDY}"):
        review_all(classifier, 200)
    assert len(classifier.asked) <= 20
    assert classifier.events.count("close") == 1


@pytest.mark.parametrize("refused", [{6}, {0}, {0, 1}])
@pytest.mark.parametrize("concurrency", [2, 16])
def test_a_refusal_of_a_few_records_is_theirs(refused: set[int], concurrency: int) -> None:
    """A moderation or a firewall refuses a text, and the others are answered, perhaps a little later."""

    async def decide(request: Request) -> Classification:
        if request.record.id in refused:
            raise StatusError(403)
        await asyncio.sleep(0.02)
        return await agree(request)

    reviews = review_all(FakeClassifier(decide), 20, Limits(concurrency=concurrency))
    assert {review.record_id for review in reviews if not review.made} == refused


def test_credentials_that_are_refused_later_are_an_outage() -> None:
    """A key that was revoked meanwhile costs no call for each of the other records."""

    async def decide(request: Request) -> Classification:
        if int(request.record.id) >= 20:
            raise StatusError(401)
        return await agree(request)

    classifier = FakeClassifier(decide)
    reviews = review_all(classifier, 200)
    assert sum(review.made for review in reviews) == 20
    assert len(classifier.asked) < 80
    assert "calls all failed" in str(reviews[-1].failure)


def test_a_run_of_nothing_but_refused_records_ends() -> None:
    """Also if there are too few to be certain."""
    with pytest.raises(ReviewerError, match="403"):
        review_all(FakeClassifier(in_turn(StatusError(403))), 2)


def test_a_fault_of_the_package_ends_the_run_and_costs_nothing() -> None:
    """It is no failed review, and what was reserved for the call is released."""

    class Broken(FakeClassifier):
        def fault(self, error: Exception) -> Fault | None:
            raise InternalError("drift-checks", "it failed itself", "report it")

    spent: list[float] = []
    with pytest.raises(InternalError):
        review_all(Broken(in_turn(TypeError("a bug")), most=1), 5, Limits(concurrency=1), on_cost=spent.append)
    assert spent == [1.0, -1.0]


class Unclosed(FakeClassifier):
    """A classifier whose end fails, or takes longer than anybody waits."""

    seconds = 0.0

    async def close(self) -> None:
        """Fail, sooner or later."""
        await asyncio.sleep(self.seconds)
        raise RuntimeError("not closed")


def test_failing_to_close_does_not_hide_a_refusal() -> None:
    """What the user can mend is reported."""
    with pytest.raises(ReviewerError, match=REMEDY):
        review_all(Unclosed(in_turn(StatusError(401))), 5)


def test_a_refusal_is_reported_while_the_classifier_is_being_closed() -> None:
    """However long that takes."""
    classifier = Unclosed(in_turn(StatusError(401)))
    classifier.seconds = 30
    with pytest.raises(ReviewerError, match=REMEDY):
        patiently(lambda: list(begin(classifier, 5)), PATIENCE)


def test_failing_to_close_costs_no_review() -> None:
    """They are all there by then."""
    assert len(review_all(Unclosed(), 5)) == 5


def fail_on_the_third(error: Exception) -> Callable[[RecordId], None]:
    """Return what fails when the record 3 is asked about."""

    def on_call(record_id: RecordId) -> None:
        if record_id == 3:
            raise error

    return on_call


def told(raised: BaseException) -> list[BaseException]:
    """Return the exception, and those in it where it is a group."""
    inner = raised.exceptions if isinstance(raised, BaseExceptionGroup) else ()
    return [raised, *(one for error in inner for one in told(error))]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ConnectionError("lost")])
def test_an_exception_before_a_call_is_raised(error: Exception) -> None:
    """What writes calls down could not: that is no failure of the classifier's."""
    with pytest.raises((OSError, ExceptionGroup)) as raised:
        review_all(FakeClassifier(), 10, on_call=fail_on_the_third(error))
    assert error in told(raised.value)


def test_an_exception_before_a_call_holds_nobody_up() -> None:
    """Those who wait for what was reserved for the call."""
    classifier = FakeClassifier(in_turn(Classification("a", usage=Usage(cost=0.0))), most=2)
    try:
        review_all(classifier, 10, Limits(max_cost=2), on_call=fail_on_the_third(ValueError("x")))
    except (ValueError, ExceptionGroup) as error:
        assert any(isinstance(one, ValueError) for one in told(error))  # noqa: PT017


def test_a_cancelled_call_fails_its_record_alone() -> None:
    """A client's own cancellation does not cancel the pool."""

    async def decide(request: Request) -> Classification:
        if request.record.id == 0:
            raise asyncio.CancelledError
        return await agree(request)

    reviews = review_all(FakeClassifier(decide), 10, Limits(concurrency=1))
    assert sorted(int(review.record_id) for review in reviews if review.made) == list(range(1, 10))
    assert "cancel" in str(reviews[0].failure).lower()


def test_a_signal_while_the_thread_starts_gives_up_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls are in flight, although nobody got the reviews to wait for."""
    reviewer = PooledReviewer(FakeClassifier(slowly(agree, 30)), Limits(timeout=60), Spent())
    start = reviewer._thread.start

    def interrupted() -> None:
        start()
        raise KeyboardInterrupt

    monkeypatch.setattr(reviewer._thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reviewer.review(make_records(3))
    began = time.monotonic()
    reviewer.finish()
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("decide", [slowly(agree, 30), sleep_in_thread], ids=["asynchronous", "blocking"])
@pytest.mark.parametrize("end", [PooledReviewer.close, PooledReviewer.finish])
def test_closing_gives_up_calls_in_flight(
    decide: Callable[[Request], object], end: Callable[[PooledReviewer], None]
) -> None:
    """Also blocking ones, within a moment, and closes the classifier."""
    classifier = FakeClassifier(decide)  # type: ignore[arg-type]
    reviewing = begin(classifier)
    began = time.monotonic()
    end(reviewing)
    assert time.monotonic() - began < PATIENCE
    assert (classifier.in_flight, classifier.events.count("close")) == (0, 1)


def test_closing_before_the_end_asks_nothing_more() -> None:
    """The rest is not wanted."""
    classifier = FakeClassifier(slowly(agree, 0.05))
    reviewing = begin(classifier, 5000)
    next(reviewing)
    reviewing.close()
    asked = len(classifier.asked)
    time.sleep(0.3)
    assert len(classifier.asked) == asked < 5000


def test_after_closing_there_are_no_more_reviews() -> None:
    """Iterating does not wait, and closing again does nothing."""
    reviewing = begin(FakeClassifier(slowly(agree, 30)))
    reviewing.close()
    assert patiently(lambda: list(reviewing), PATIENCE) == []
    reviewing.close()


SCRIPT = """
import asyncio, sys, time
from contextlib import closing
from drift_checks.reviews.reviewers.base import Classification
from drift_checks.reviews.reviewers.limits import Limits, Spent
from drift_checks.reviews.reviewers.pool import PooledReviewer
from drift_checks.reviews.reviewers.threads import in_thread
from tests.support.classifiers import FakeClassifier, make_records

async def block(request):
    await in_thread(time.sleep, 30)

reviewing = PooledReviewer(FakeClassifier(block), Limits(), Spent()).review(make_records(40), [], lambda _: None)
print("under way", flush=True)
with closing(reviewing):
    {then}
"""


@pytest.mark.parametrize("then", ["pass", "sys.exit()", "sys.exit(next(reviewing))"])
def test_a_process_ends_while_calls_block(then: str) -> None:
    """Closed, left, or interrupted while it waits for a review; nothing is said beyond the interruption."""
    command = [sys.executable, "-c", SCRIPT.format(then=then)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        if "next" in then:
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < PATIENCE
    assert said.splitlines()[-1:] == (["KeyboardInterrupt"] if "next" in then else [])


def test_a_second_call_uses_its_own_callbacks() -> None:
    """An open pool reports calls, reviews and costs to the call in progress."""
    reviewer = PooledReviewer(FakeClassifier(in_turn(Classification("a")), most=1), Limits(), Spent())
    reported: list[list[object]] = []
    for record in make_records(2):
        reports: list[object] = []
        reported.append(reports)
        assert len(list(reviewer.review([record], [], reports.append, reports.append, reports.append))) == 1
    reviewer.finish()
    for number, (cost, call, review) in enumerate(reported):
        assert (cost, call) == (1, number)
        assert isinstance(review, Review)
        assert review.record_id == number
