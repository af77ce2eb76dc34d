"""Which exceptions of a user's classifier are a record's, and which every text would raise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drift_checks.core.errors import ReviewerError
from drift_checks.core.records import Review
from drift_checks.reviews.reviewers.limits import Limits, Spent
from drift_checks.reviews.reviewers.own import OwnClassifier
from drift_checks.reviews.reviewers.pool import PooledReviewer
from tests.support.classifiers import StatusError, make_records, patiently

DEFECTS = (TypeError, KeyError, ImportError, AttributeError, NameError, NotImplementedError)


def reviews_of(function: Callable[[str], object], number: int) -> list[Review]:
    """Return the reviews of that many texts."""
    reviewer = PooledReviewer(OwnClassifier(function, "mine:classify"), Limits(backoff=0.01), Spent())
    try:
        return patiently(lambda: list(reviewer.review(make_records(number))), 20)
    finally:
        reviewer.finish()


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("number", [2, 60])
def test_a_defect_in_every_call_ends_the_run(defect: type[Exception], number: int) -> None:
    """It does not pass by itself; the sentence names it."""

    def classify(text: str) -> str:
        raise defect("a bug")

    with pytest.raises(ReviewerError, match=f"mine:classify fails for every text .{defect.__name__}") as raised:
        reviews_of(classify, number)
    assert raised.value.exit_code == 4


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


def test_an_outage_of_the_users_classifier_is_no_defect() -> None:
    """A broken connection may pass."""

    def classify(text: str) -> str:
        raise ConnectionResetError

    assert not any(review.made for review in reviews_of(classify, 20))
