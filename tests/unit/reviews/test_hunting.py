"""Samples of which half is drawn where labels are probably wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.core.records import STORE_STRATA, Record, RecordId, Sample, Stratum
from drift_checks.reviews.hunting import hunted, refuse_unjudgeable_hunt
from drift_checks.reviews.labels.issues import LabelAssessment, LabelIssue
from drift_checks.settings.declarations import Settings
from drift_checks.statistics.intervals import StratumCount
from drift_checks.statistics.strata import stratified
from tests.support.stores import AS_OF
from tests.support.thorough import repetitions

LOW, OLD, BASELINE = STORE_STRATA
SIZES = {LOW: 60, OLD: 100, BASELINE: 40}
DRAWN = {LOW: 12, OLD: 8, BASELINE: 4}
# Every fourth record of low confidence and every tenth old one is suspicious; of these, two in three are wrong.


def key_of(stratum: Stratum, place: int) -> str:
    """Return the id of a record."""
    return f"{stratum} {place}"


SUSPICIOUS = {
    key_of(stratum, place): stratum
    for stratum, step in ((LOW, 4), (OLD, 10))
    for place in range(0, SIZES[stratum], step)
}
WRONG = {key for number, key in enumerate(SUSPICIOUS) if number % 3} | {key_of(LOW, 1), key_of(BASELINE, 5)}


def assessment(issues: dict[str, Stratum] = SUSPICIOUS, missing: str = "") -> LabelAssessment:
    """Return an assessment with these labels probably wrong."""
    found = [LabelIssue(key, "a", "b", 0.1, 0.9, "recent", str(stratum)) for key, stratum in issues.items()]
    return LabelAssessment(missing=missing, issues=found)


def sampled(seed: int = 1) -> Sample:
    """Return a sample drawn at random."""
    generator = random.Random(seed)
    records = [
        Record(key_of(stratum, place), stratum, {})
        for stratum in STORE_STRATA
        for place in sorted(generator.sample(range(SIZES[stratum]), DRAWN[stratum]))
    ]
    return Sample(tuple(records), SIZES, (LOW, OLD), seed, AS_OF, "UTC", notes=("a note",))


def read(strata: Sequence[tuple[RecordId, Stratum]]) -> list[Record]:
    """Return records as a store reads them."""
    return [Record(key, stratum, {}) for key, stratum in strata]


def test_half_of_the_sample_is_drawn_from_the_labels_that_are_probably_wrong() -> None:
    """The others are drawn from the other records, and the sizes are those of the parts of the store."""
    found = hunted(sampled(), assessment(), read)
    suspects = {record.id for record in found.records if record.stratum is Stratum.LABEL_ISSUE}
    assert len(suspects) == 12
    assert suspects < set(SUSPICIOUS)
    others = {record.id for record in found.records} - suspects
    assert others.isdisjoint(SUSPICIOUS)
    assert others < {record.id for record in sampled().records}
    assert found.sizes == {LOW: 45, OLD: 90, BASELINE: 40, Stratum.LABEL_ISSUE: 25}
    assert len(found.records) <= len(sampled().records)
    assert all(found.drawn()[stratum] for stratum in STORE_STRATA)
    assert (found.method, sampled().method) == ("hunt", "random")
    assert found == hunted(sampled(), assessment(), read)


def test_few_likely_issues_are_all_reviewed() -> None:
    """Nearly the whole sample is random then."""
    found = hunted(sampled(), assessment({key_of(LOW, 0): LOW, key_of(OLD, 0): OLD}), read)
    assert found.drawn()[Stratum.LABEL_ISSUE] == 2
    assert 20 <= len(found.records) <= 25


@pytest.mark.parametrize(
    ("sample", "found", "why"),
    [
        (sampled(), assessment(missing="no vectors"), "the labels could not be assessed (no vectors)"),
        (sampled(), assessment({}), "no label is probably wrong"),
        (replace(sampled(), sizes=DRAWN), assessment(), "the whole store is reviewed"),
    ],
)
def test_otherwise_the_sample_is_random_and_says_why(sample: Sample, found: LabelAssessment, why: str) -> None:
    """A nightly run does not fail for it."""
    note = f"the whole sample is drawn at random, since {why}"
    assert hunted(sample, found, read) == replace(sample, notes=("a note", note))


def test_estimate_from_hunted_samples_is_unbiased() -> None:
    """Weighted by the sizes of the strata, the mean of many samples is the agreement of the store."""
    rates, repeated = [], repetitions(60, 1000)
    for seed in range(repeated):
        found = hunted(sampled(seed), assessment(), read)
        counts = [
            StratumCount(size, len(there), sum(record.id not in WRONG for record in there))
            for stratum, size in found.sizes.items()
            for there in [[record for record in found.records if record.stratum is stratum]]
        ]
        estimate = stratified(counts)
        assert estimate is not None
        rates.append(estimate.rate)
    truth = 1 - len(WRONG) / sum(SIZES.values())
    assert sum(rates) / repeated == pytest.approx(truth, abs=4 * 0.035 / repeated**0.5)


@pytest.mark.parametrize(
    "changed", [{"judge": "sample"}, {"judge": "accuracy"}, {"decision": "sequential"}, {"baseline": 0}]
)
def test_rules_that_need_a_random_sample_are_refused(changed: dict[str, Any]) -> None:
    """With what to use instead; named records are not hunted."""
    settings = Settings(db=Path("a.db"), seed=1, as_of=AS_OF, sample="hunt", **changed)
    with pytest.raises(SettingError, match="sample: hunt draws half of the sample where labels are probably wrong"):
        refuse_unjudgeable_hunt(settings)
    for allowed in (
        {"records": ("1",)},
        {"sample": "random"},
        {"judge": "population", "decision": "point", "baseline": 10},
    ):
        refuse_unjudgeable_hunt(replace(settings, **allowed))
