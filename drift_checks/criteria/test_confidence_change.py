"""Is the reviewer as confident as the store?

The effect is the mean fall of the confidence, over all reviewed records and over those whose category stayed the same,
where a collapse shows before the first disagreement. The test is a sign-flip permutation test of the paired differences
(R. A. Fisher, The Design of Experiments, 1935). It is measured only if the reviewer's confidence is on the scale of the
stored one, unlike the share of votes of `neighbours`.

If it fails, a new model or prompt reports its confidence differently, or the texts became harder for it.
"""

import pytest

from drift_checks.core.outcomes import Decisions, Measure, Need
from drift_checks.reviews.run import Pipeline
from drift_checks.statistics.paired import compare_pairs

pytestmark = pytest.mark.drift_criterion(
    question="Is the reviewer as confident as the store?",
    effect="fall of the mean confidence",
    remedy="Compare the versions of model and prompt: which change lowered the confidence?",
    warn=0.1,
    least=20,
)


@pytest.mark.parametrize("kept", [False, True], ids=["all", "category_kept"])
def test_confidence_change(
    kept: bool, drift_pipeline: Pipeline, decisions: Decisions, need: Need, measure: Measure
) -> None:
    """The mean confidence does not fall."""
    classifier = drift_pipeline.classifier
    if classifier is None or not classifier.comparable_confidence:
        pytest.skip("the reviewer's confidence is not on the scale of the stored one")
    pairs = [
        (record.confidence, review.confidence)
        for record, review in decisions
        if record.confidence is not None and review.confidence is not None and (not kept or review.agrees_with(record))
    ]
    need(len(pairs), "reviewed records with both confidences", "confidence")
    change = compare_pairs([stored for stored, _ in pairs], [reviewed for _, reviewed in pairs])
    if change is None:
        pytest.skip("fewer than two records have both confidences")
    which = "of records with the same category" if kept else "of all records"
    lower, upper = change.interval
    measure(
        "category kept" if kept else "all",
        max(0.0, -change.mean),
        f"confidence {which} changed by {change.mean:+.2f} ({lower:+.2f} to {upper:+.2f})",
        number=len(pairs),
        p_value=change.p_value,
        interval=(-upper, -lower),
    )
