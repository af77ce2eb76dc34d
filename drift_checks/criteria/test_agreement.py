"""Do reviewer and store still agree?

The criterion is the share of the low-confidence and old records for which the reviewer chooses the stored category
again. Drift shows first in these strata, so the sample looks worse than the store. The estimate for the whole store,
which needs the baseline records, is reported beside it.

If it fails, read the disagreements. A recurring pair of categories points to a changed prompt or taxonomy, a recurring
model version to the model, and old records alone to a change in the world.
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
    """The reviewer chooses the stored category."""
    assert review.category == record.category, f"stored {record.category!r}, reviewed {review.category!r}"
