"""Does one part of the sample agree less than the rest?

Each category, version, source, age and length of text is compared with the rest of the sample, so that the collapse of
one class is found although the total looks fine, and a store with low agreement everywhere is not flagged slice by
slice. The test is exact, stratified by confidence, since low-confidence records agree less everywhere (M. Zelen, The
analysis of several 2×2 contingency tables, Biometrika 58 (1971)); the effect is the Mantel–Haenszel difference of the
rates.

If it fails, the dimension points to the cause: one model version to a change of the model, one age across several
versions to the world, one category to its definition, one length of text to the prompt or to truncation.
"""

from collections import Counter

import pytest

from drift_checks.core.outcomes import Decisions, Measure, Need
from drift_checks.core.records import Stratum, as_text
from drift_checks.reviews.slices import SampleSlice
from drift_checks.statistics.slices import SliceCount, compare_slice

pytestmark = pytest.mark.drift_criterion(
    question="Does one category, version, source, age or length of text agree less than the rest?",
    effect="difference in agreement",
    remedy="Read the disagreements of this slice; its dimension points to the cause.",
    warn=0.2,
    least=8,
)

VERSIONS = ("model_version", "prompt_version")
LOW = Stratum.LOW_CONFIDENCE


def test_agreement_by_slice(sample_slice: SampleSlice, decisions: Decisions, need: Need, measure: Measure) -> None:
    """The slice agrees as often as the rest of the sample."""
    inside = [pair for pair in decisions if pair[0].id in sample_slice.record_ids]
    rest = [pair for pair in decisions if pair[0].id not in sample_slice.record_ids]
    need(len(inside), "reviewed records in the slice")
    compared = compare_slice([slice_count(inside, rest, low=low) for low in (True, False)])
    if compared is None:
        pytest.skip("there are no records outside the slice to compare with")
    agreed, rest_agreed = agreements(inside), agreements(rest)
    now = current_version(sample_slice, decisions)
    name = f"{sample_slice.dimension} {sample_slice.value}" + (f" (now {now})" if now else "")
    points = f"{abs(compared.difference) * 100:.0f} points {'lower' if compared.difference >= 0 else 'higher'}"
    measure(
        sample_slice.name,
        compared.difference,
        f"{name}: {agreed} of {len(inside)} agree, and {rest_agreed} of {len(rest)} others; stratified, {points}",
        number=len(inside),
        p_value=compared.p_value,
        agreed=agreed,
        reviewed=len(inside),
        rest_agreed=rest_agreed,
        rest_reviewed=len(rest),
        stored_version=sample_slice.value if sample_slice.dimension in VERSIONS else None,
        current_version=now,
        versions=dict(Counter(as_text(record.values.get("model_version")) for record, _ in inside)),
    )


def slice_count(inside: Decisions, rest: Decisions, *, low: bool) -> SliceCount:
    """Return the counts in the low-confidence stratum, or in the others."""
    inside, rest = ([pair for pair in part if (pair[0].stratum is LOW) is low] for part in (inside, rest))
    return SliceCount(agreements(inside), len(inside), agreements(rest), len(rest))


def agreements(pairs: Decisions) -> int:
    """Return the number of records on which the reviewer agrees."""
    return sum(review.agrees_with(record) for record, review in pairs)


def current_version(sample_slice: SampleSlice, decisions: Decisions) -> str | None:
    """Return the current version, for a slice by version: the reviewer's model, else the newest record's version."""
    if sample_slice.dimension not in VERSIONS:
        return None
    models = {review.model for _, review in decisions if review.model}
    if sample_slice.dimension == "model_version" and models:
        return ", ".join(sorted(models))
    newest = max((record for record, _ in decisions), key=lambda record: as_text(record.values.get("timestamp")))
    return as_text(newest.values[sample_slice.dimension])
