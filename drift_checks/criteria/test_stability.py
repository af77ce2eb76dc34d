"""Does the reviewer give the same answer when only the form of a text changes?

Some of the sampled texts are reviewed again with different white space, case, Unicode forms, quotes or a page footer.
The effect is the share of records whose answer changed; an exact binomial test compares it with the tolerated share. It
costs two calls a record, so it is off for `llm` unless the setting `stability` enables it; `neighbours` does not read
the text.

If it fails, part of what looks like drift is noise of the reviewer: normalise texts before they are classified.
"""

from collections.abc import Mapping, Sequence

import pytest

from drift_checks.core.outcomes import Criterion, Decisions, Measure, Need
from drift_checks.core.records import RecordId, Review
from drift_checks.statistics.tails import binomial_upper_tail

pytestmark = pytest.mark.drift_criterion(
    question="Does the reviewer give the same answer when only the form of a text changes?",
    effect="share of records whose answer changed",
    remedy="Normalise white space, case and quotes before classification, in production and in review.",
    warn=0.1,
    least=5,
)


def test_stability(
    variant_reviews: Mapping[RecordId, Sequence[Review]],
    decisions: Decisions,
    criterion: Criterion,
    need: Need,
    measure: Measure,
) -> None:
    """Different white space, case, quotes or a footer do not change the answer."""
    before = {record.id: review.category for record, review in decisions}
    asked = {
        key: [review.category for review in reviews if review.made]
        for key, reviews in variant_reviews.items()
        if key in before
    }
    answered = {key: categories for key, categories in asked.items() if categories}
    need(len(answered), "records with reviewed variants")
    changed = [key for key, categories in answered.items() if set(categories) != {before[key]}]
    tolerated = min(1.0, criterion.warn or 0.0)
    measure(
        "stability",
        len(changed) / len(answered),
        f"{len(changed)} of {len(answered)} records got another category with different white space, case, quotes or a"
        " footer",
        number=len(answered),
        p_value=binomial_upper_tail(len(changed), len(answered), tolerated),
        changed=changed,
    )
