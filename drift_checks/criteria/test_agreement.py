"""Do reviewer and store still agree?

The share of the low-confidence and old records on which the reviewer comes to the stored category again. Low
confidence and age are where drift shows first, so this sample looks worse than the store is: the estimate of
the whole store, which the baseline records make possible, is reported beside it.

When it fails, read the disagreements: one pair of categories that recurs is a changed prompt or taxonomy, a
version of the model that recurs is the model, and old records alone are the world.
"""

import pytest

from drift_checks.core.records import Record, Review

pytestmark = pytest.mark.drift_criterion(
    question="Do reviewer and store still agree?",
    failing="disagree",
    without_baseline=True,
    remedy="Read the disagreements: do they share a category, a version or an age?",
)


def test_agreement(record: Record, review: Review) -> None:
    """The reviewer comes to the stored category."""
    assert review.category == record.category, f"stored {record.category!r}, reviewed {review.category!r}"
