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
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from drift_checks.core.outcomes import Decisions, Measure, Need
from drift_checks.core.records import RecordId, Stratum, as_text
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


class Reviewed(NamedTuple):
    """Which records the reviewer agreed on, and how many there are: (whether of low confidence, whether agreed)."""

    agreed: Mapping[RecordId, bool]
    numbers: Counter[tuple[bool, bool]]


@pytest.fixture(scope="session")
def reviewed(decisions: Decisions) -> Reviewed:
    """All reviewed records, counted once for all slices."""
    agreed = {record.id: review.agrees_with(record) for record, review in decisions}
    return Reviewed(agreed, tally(decisions, agreed))


def test_agreement_by_slice(
    sample_slice: SampleSlice, decisions: Decisions, reviewed: Reviewed, need: Need, measure: Measure
) -> None:
    """The slice agrees as often as the rest of the sample."""
    inside = [pair for pair in decisions if pair[0].id in sample_slice.record_ids]
    need(len(inside), "reviewed records in the slice")
    own = tally(inside, reviewed.agreed)
    rest = reviewed.numbers - own
    compared = compare_slice([slice_count(own, rest, low=low) for low in (True, False)])
    if compared is None:
        pytest.skip("there are no records outside the slice to compare with")
    agreed, rest_agreed = own[True, True] + own[False, True], rest[True, True] + rest[False, True]
    now = current_version(sample_slice, decisions)
    name = f"{sample_slice.dimension} {sample_slice.value}" + (f" (now {now})" if now else "")
    points = f"{abs(compared.difference) * 100:.0f} points {'lower' if compared.difference >= 0 else 'higher'}"
    measure(
        sample_slice.name,
        compared.difference,
        f"{name}: {agreed} of {len(inside)} agree, and {rest_agreed} of {rest.total()} others; stratified, {points}",
        number=len(inside),
        p_value=compared.p_value,
        agreed=agreed,
        reviewed=len(inside),
        rest_agreed=rest_agreed,
        rest_reviewed=rest.total(),
        stored_version=sample_slice.value if sample_slice.dimension in VERSIONS else None,
        current_version=now,
        versions=dict(Counter(as_text(record.values.get("model_version")) for record, _ in inside)),
    )


def tally(pairs: Decisions, agreed: Mapping[RecordId, bool]) -> Counter[tuple[bool, bool]]:
    """Return how many records there are, by (whether of low confidence, whether agreed)."""
    return Counter((record.stratum is LOW, agreed[record.id]) for record, _ in pairs)


def slice_count(own: Counter[tuple[bool, bool]], rest: Counter[tuple[bool, bool]], *, low: bool) -> SliceCount:
    """Return the counts in the low-confidence stratum, or in the others."""
    return SliceCount(
        own[low, True], own[low, True] + own[low, False], rest[low, True], rest[low, True] + rest[low, False]
    )


def current_version(sample_slice: SampleSlice, decisions: Decisions) -> str | None:
    """Return the current version, for a slice by version: the reviewer's model, else the newest record's version."""
    if sample_slice.dimension not in VERSIONS:
        return None
    models = {review.model for _, review in decisions if review.model}
    if sample_slice.dimension == "model_version" and models:
        return ", ".join(sorted(models))
    newest = max((record for record, _ in decisions), key=lambda record: as_text(record.values.get("timestamp")))
    return as_text(newest.values[sample_slice.dimension])
