"""Does one part of the sample agree less than the rest?

Each category, version, source, age and length of text is compared with the rest of the sample, so that the collapse of
one class is found although the total looks fine, and a store with low agreement everywhere is not flagged slice by
slice. The test is exact, stratified by confidence, since low-confidence records agree less everywhere (M. Zelen, The
analysis of several 2×2 contingency tables, Biometrika 58 (1971)); the effect is the Mantel–Haenszel difference of the
rates.

Then the records that two slices of different dimensions share are compared in the same way, with Holm's correction over
all pairs. The pair that is least likely to be chance is named if it says more than its slices: if it agrees less than
the other records of either, and is less likely to be chance. Its test does not weaken those of the single slices.

If it fails, the dimension points to the cause: one model version to a change of the model, one age across several
versions to the world, one category to its definition, one length of text to the prompt or to truncation.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest

from drift_checks.core.outcomes import Criterion, Decisions, Measure, Need
from drift_checks.core.records import RecordId, Stratum, as_text
from drift_checks.reviews.slices import SampleSlice
from drift_checks.settings.declarations import Settings
from drift_checks.statistics.slice_pairs import PairSearch, search_pairs
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
PAIRS = "pairs"


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


def test_pairs_of_slices(
    sample_slices: Sequence[SampleSlice],
    decisions: Decisions,
    reviewed: Reviewed,
    criterion: Criterion,
    drift_settings: Settings,
    measure: Measure,
) -> None:
    """What two slices share agrees as often as the other records of each."""
    search = search_all(sample_slices, decisions, reviewed, criterion)
    if not search.searched:
        pytest.skip(f"no two slices share {criterion.least} reviewed records, with others to compare them with")
    weakest = search.weakest
    if weakest is None or weakest.p_value > drift_settings.error_rate:
        said = f"none of {search.searched} pairs of slices says more than its slices"
        measure("pairs of slices", 0.0, said, p_value=1.0, family=PAIRS)
        return
    pair = [sample_slices[number] for number in weakest.slices]
    agreed, number = weakest.shared
    elsewhere = ", and ".join(
        f"{found.dimension} {found.value} otherwise {others[0]} of {others[1]}"
        for found, others in zip(pair, weakest.others, strict=True)
    )
    measure(
        " and ".join(found.name for found in pair),
        weakest.difference,
        f"{' and '.join(f'{found.dimension} {found.value}' for found in pair)} together: {agreed} of {number} agree;"
        f" {elsewhere}",
        number=number,
        p_value=weakest.p_value,
        family=PAIRS,
        pair=[[found.dimension, found.value] for found in pair],
        searched=search.searched,
        agreed=agreed,
        reviewed=number,
        rest_agreed=sum(reviewed.agreed.values()) - agreed,
        rest_reviewed=len(reviewed.agreed) - number,
    )


def search_all(
    sample_slices: Sequence[SampleSlice], decisions: Decisions, reviewed: Reviewed, criterion: Criterion
) -> PairSearch:
    """Search the pairs of slices for one that agrees less than the rest."""
    import numpy as np

    places = {record.id: place for place, (record, _) in enumerate(decisions)}
    dimensions = list(dict.fromkeys(found.dimension for found in sample_slices))
    numbers = np.full((len(decisions), len(dimensions)), -1)
    for number, found in enumerate(sample_slices):
        inside = [places[key] for key in found.record_ids if key in places]
        numbers[inside, dimensions.index(found.dimension)] = number
    low = np.array([record.stratum is LOW for record, _ in decisions], dtype=np.int64)
    agreed = np.array([reviewed.agreed[record.id] for record, _ in decisions], dtype=np.int64)
    return search_pairs(numbers, low, agreed, criterion.least, criterion.warn or 0.0)


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
