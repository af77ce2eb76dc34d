"""Does one part of the sample agree less than the rest of it?

Each category, version, source, age and length of text is held against the rest of the sample, so that a class that
collapsed is found although the total looks well, and a store that is low everywhere is not accused slice by slice. The
test is exact, stratified by confidence, since doubtful records agree less wherever they are (M. Zelen, The analysis
of several 2×2 contingency tables, Biometrika 58 (1971)); the effect is the Mantel–Haenszel difference of the rates.

When it fails, look at the dimension: one model version is a change of model, one age with several versions is the
world, one category is its definition, and one length of text is the prompt or a cut.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from drift_checks.core.records import Record, Review, Stratum
from drift_checks.core.text import percent
from drift_checks.review.slices import SampleSlice
from drift_checks.statistics.slices import SliceCount, compare_slice

pytestmark = pytest.mark.drift_criterion(
    question="Does one category, version, source, age or length of text agree less than the rest?",
    effect="difference in agreement",
    remedy="Read the disagreements of this slice: its dimension says where to look.",
    warn=0.2,
    least=8,
)

VERSIONS = ("model_version", "prompt_version")


def test_agreement_by_slice(
    sample_slice: SampleSlice,
    decisions: Sequence[tuple[Record, Review]],
    need: Callable[[int, str], None],
    measure: Callable[..., None],
) -> None:
    """The slice agrees as the rest of the sample does."""
    inside = [pair for pair in decisions if pair[0].id in sample_slice.record_ids]
    rest = [pair for pair in decisions if pair[0].id not in sample_slice.record_ids]
    need(len(inside), "reviewed records in the slice")
    compared = compare_slice([slice_count(inside, rest, low=low) for low in (True, False)])
    if compared is None:
        pytest.skip("there is nothing of its kind to compare with")
    agreed, rest_agreed = agreements(inside), agreements(rest)
    now = current_version(sample_slice, decisions)
    what = f"{sample_slice.dimension} {sample_slice.value}" + (f" (now {now})" if now else "")
    less = percent(compared.difference)
    measure(
        sample_slice.name,
        compared.difference,
        f"{what}: {agreed} of {len(inside)} agree, {rest_agreed} of {len(rest)} of the rest, like for like {less} less",
        number=len(inside),
        p_value=compared.p_value,
        agreed=agreed,
        reviewed=len(inside),
        rest_agreed=rest_agreed,
        rest_reviewed=len(rest),
        stored_version=sample_slice.value if sample_slice.dimension in VERSIONS else None,
        current_version=now,
        versions=dict(Counter(str(record.values.get("model_version", "")) for record, _ in inside)),
    )


def slice_count(
    inside: Sequence[tuple[Record, Review]], rest: Sequence[tuple[Record, Review]], *, low: bool
) -> SliceCount:
    """Return the counts among the records of low confidence, or among the others."""
    inside, rest = (
        [pair for pair in part if (pair[0].stratum is Stratum.LOW_CONFIDENCE) is low] for part in (inside, rest)
    )
    return SliceCount(agreements(inside), len(inside), agreements(rest), len(rest))


def agreements(pairs: Sequence[tuple[Record, Review]]) -> int:
    """Return on how many of the records the reviewer agrees."""
    return sum(review.agrees_with(record) for record, review in pairs)


def current_version(found: SampleSlice, decisions: Sequence[tuple[Record, Review]]) -> str | None:
    """Return what decides today, of a slice by version: the reviewer's model, else the version of the newest record."""
    if found.dimension not in VERSIONS:
        return None
    models = {review.model for _, review in decisions if review.model}
    if found.dimension == "model_version" and models:
        return ", ".join(sorted(models))
    newest = max((record for record, _ in decisions), key=lambda record: str(record.values.get("timestamp", "")))
    return str(newest.values[found.dimension])
