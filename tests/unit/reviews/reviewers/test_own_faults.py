"""Which exceptions of a user's classifier are a record's, and which every text would raise."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from drift_checks.core.errors import ReviewerError
from drift_checks.core.records import Review
from drift_checks.reviews.reviewers.limits import Limits, Spent
from drift_checks.reviews.reviewers.own import OwnClassifier
from drift_checks.reviews.reviewers.pool import PooledReviewer
from tests.support.classifiers import StatusError, make_records, patiently

DEFECTS = (TypeError, KeyError, ImportError, AttributeError, NameError, NotImplementedError, ValueError, RuntimeError)


MAY_PASS = (
    *(StatusError(429), StatusError(503), TimeoutError(), ConnectionResetError(), OSError(101, "unreachable")),
    *(MemoryError(), sqlite3.OperationalError("database is locked")),
)


def reviews_of(function: Callable[[str], object], number: int, limits: Limits | None = None) -> list[Review]:
    """Return the reviews of that many texts."""
    classifier = OwnClassifier(function, "mine:classify")
    reviewer = PooledReviewer(classifier, limits or Limits(backoff=0.01, attempts=2), Spent())
    try:
        return patiently(lambda: list(reviewer.review(make_records(number))), 20)
    finally:
        reviewer.finish()


def raising(error: Exception) -> Callable[[str], str]:
    """Return a classifier that raises it for every text."""

    def classify(text: str) -> str:
        raise error

    return classify


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("number", [2, 60])
def test_a_defect_in_every_call_ends_the_run(defect: type[Exception], number: int) -> None:
    """It does not pass by itself; the sentence names it."""

    def classify(text: str) -> str:
        raise defect("a bug")

    with pytest.raises(ReviewerError, match=f"mine:classify fails for every text .*{defect.__name__}: ") as raised:
        reviews_of(classify, number)
    line = classify.__code__.co_firstlineno + 1
    assert (raised.value.exit_code, f"{Path(__file__).name}, line {line}: " in str(raised.value)) == (4, True)


@pytest.mark.parametrize("error", [*(defect("a bug") for defect in DEFECTS), StatusError(403), StatusError(401)])
def test_an_exception_for_some_texts_is_their_failure(error: Exception) -> None:
    """Others are answered."""

    def classify(text: str) -> str:
        if text.endswith("7"):
            raise error
        return "a"

    reviews = reviews_of(classify, 30)
    assert sorted(review.record_id for review in reviews if not review.made) == [7, 17, 27]


def test_a_defect_for_the_only_text_is_its_failure() -> None:
    """It may be the text's."""
    (review,) = reviews_of(lambda text: text.no_such_method(), 1)  # type: ignore[attr-defined]
    assert "AttributeError" in str(review.failure)


@pytest.mark.parametrize("returned", [None, 0.9, object(), [0.1, 0.9], ["a", "b"]])
@pytest.mark.parametrize("number", [2, 60])
def test_an_unusable_form_of_every_answer_ends_the_run(returned: object, number: int) -> None:
    """The code must change; the sentence shows the answer and says what is accepted."""
    with pytest.raises(ReviewerError, match=r"the classifier returned .*; return the category as text") as raised:
        reviews_of(lambda text: returned, number)
    assert raised.value.exit_code == 4


def test_unusable_answers_for_some_texts_are_their_failures() -> None:
    """Others have a category."""
    reviews = reviews_of(lambda text: None if text.endswith("7") else "a", 30)
    assert sorted(review.record_id for review in reviews if not review.made) == [7, 17, 27]


class RateLimitError(Exception):
    """A limit, as several clients name it, without a status."""


def overloaded(text: str) -> str:
    """Fail as a client does that has retried for long."""
    raise RateLimitError


def fallen_back(text: str) -> str:
    """Fail while an outage is handled."""
    cache: dict[str, str] = {}
    try:
        raise ConnectionRefusedError
    except ConnectionRefusedError:
        return cache[text]


@pytest.mark.parametrize("classify", [overloaded, fallen_back, *map(raising, MAY_PASS)])
def test_what_may_pass_is_an_outage(classify: Callable[[str], str]) -> None:
    """The records are not reviewed, and the run can be tried again."""
    assert not any(review.made for review in reviews_of(classify, 20))


def test_quick_failures_wait_for_slow_answers() -> None:
    """Texts that fail at once say nothing of those that take long, though there are more of them."""

    def classify(text: str) -> str:
        number = int(text.split()[1])
        if 0 < number < 9:
            raise ValueError("too short")
        time.sleep(0.2)
        return "a"

    assert sum(review.made for review in reviews_of(classify, 30)) == 22


def test_a_defect_costs_few_calls() -> None:
    """However many calls may be in flight."""
    asked: list[str] = []

    def classify(text: str) -> str:
        asked.append(text)
        time.sleep(0.01)
        raise KeyError("label")

    with pytest.raises(ReviewerError):
        reviews_of(classify, 100)
    assert len(asked) == 5


@pytest.mark.parametrize("most", [1, 3, 4])
def test_a_budget_that_ends_in_failures_ends_the_run(most: int) -> None:
    """Records that wait for the first answer do not wait for ever."""

    def classify(text: str) -> str:
        raise KeyError("label")

    limits = Limits(backoff=0.01, max_calls=most)
    if most > 1:
        with pytest.raises(ReviewerError, match="fails for every text"):
            reviews_of(classify, 60, limits)
    else:
        assert len(reviews_of(classify, 60, limits)) == 60
