"""The agreement of the whole store, estimated with predictions for all records or from the sample alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drift_checks.core.outcomes import Outcome, Result
from drift_checks.report.agreement import JudgedAgreement, judge_agreement, summarise_agreement
from drift_checks.report.document import drift_document
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.report.summary import agreement_in_words
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.labels.predictions import LabelPredictions
from drift_checks.reviews.vectors.base import TFIDF_BASIS
from drift_checks.statistics.intervals import Estimate
from tests.support.reports import AGREEMENT, BASELINE, LOW, OLD, facts, report
from tests.support.thorough import repetitions

SIZES = {LOW: 300, OLD: 200, BASELINE: 500}
DRAWN = {LOW: 30, OLD: 20, BASELINE: 10}
# How many labels of each stratum are doubtful; the others are probable.
DOUBTFUL = {LOW: 100, OLD: 20, BASELINE: 25}
UNLIKELY, LIKELY = 0.05, 0.95


def predictions(drawn: dict[str, int], **changed: Any) -> LabelPredictions:
    """Return predictions of 1,000 records, of which the sample has so many doubtful ones; their ids come first."""
    counts = {name: ((UNLIKELY, DOUBTFUL[name]), (LIKELY, SIZES[name] - DOUBTFUL[name])) for name in SIZES}
    keys = {name: [f"{name} {number}" for number in range(DRAWN[name])] for name in SIZES}
    sampled = [
        (key, UNLIKELY if number < drawn[name] else LIKELY) for name in SIZES for number, key in enumerate(keys[name])
    ]
    return replace(LabelPredictions(SIZES, counts, tuple(sampled)), **changed)


def made(failed: dict[str, int]) -> list[Outcome]:
    """Return the outcomes of a sample of which so many records, from the first of each stratum, disagree."""
    return [
        Outcome("agreement", Result.FAILED if number < failed[name] else Result.PASSED, "", f"{name} {number}", name)
        for name in SIZES
        for number in range(DRAWN[name])
    ]


# As many as in the store; the reviewer disagrees with the doubtful labels.
AS_DRAWN = {LOW: 10, OLD: 2, BASELINE: 0}


def estimated(failed: dict[str, int] = AS_DRAWN, known: LabelPredictions | None = None, **changed: Any) -> RunReport:
    """Return the report of a run in which all labels were assessed."""
    chosen = {"judge": "population", "predictions": known or predictions(AS_DRAWN), **changed}
    return report(made(failed), [AGREEMENT], **chosen)


def test_predictions_make_the_estimate_narrower() -> None:
    """What the report says of it: how it was made, and the interval from the sample alone."""
    found, alone = estimated(), report(made(AS_DRAWN), [AGREEMENT], judge="population")
    document, plain = drift_document(found)["agreement"], drift_document(alone)["agreement"]
    assert (document["population_basis"], plain["population_basis"]) == ("predictions", "sample")
    assert (document["population_sample"], plain["population_sample"]) == (plain["population"], None)
    lower, upper = document["population"]["interval"]
    assert lower < 0.855 < upper
    assert upper - lower < 0.8 * (plain["population"]["interval"][1] - plain["population"]["interval"][0])
    assert document["population"]["rate"] == found.criteria[0].rate
    assert " % with predictions for all records, " in agreement_in_words(found)
    assert all(" % from the sample alone); " in agreement_in_words(each) for each in (found, alone))


@pytest.mark.parametrize(
    ("known", "changed"),
    [
        ({"sizes": {**SIZES, LOW: 301}}, {}),
        ({"counts": {**predictions(AS_DRAWN).counts, OLD: ((LIKELY, 200),)}}, {}),
        ({"sampled": ()}, {}),
        ({}, {"decision": "sequential"}),
    ],
    ids=["other size", "other records", "no prediction in the sample", "sequential"],
)
def test_otherwise_the_sample_alone_estimates(known: dict[str, Any], changed: dict[str, Any]) -> None:
    """If the store changed during the run, for one, or if the evidence decides when to stop."""
    found = estimated(known=predictions(AS_DRAWN, **known), **changed).agreement
    alone = report(made(AS_DRAWN), [AGREEMENT], judge="population").agreement
    assert (found.population, found.population_basis, found.population_sample) == (alone.population, "sample", None)


def test_reviewed_store_needs_no_predictions() -> None:
    """Its rate has no sampling error."""
    known = LabelPredictions({LOW: 2}, {LOW: ((LIKELY, 2),)}, (("a", LIKELY), ("b", LIKELY)))
    outcomes = [Outcome("agreement", Result.PASSED, "", key, LOW) for key in "ab"]
    found = report(outcomes, [AGREEMENT], sizes={LOW: 2}, record_ids=("a", "b"), predictions=known).agreement
    assert found.population is not None
    assert (found.population.is_exact, found.population_sample) == (True, None)


def test_named_records_have_no_estimate() -> None:
    """Predictions make no random sample of them."""
    found = estimated(chosen=True).agreement
    assert (found.population, found.population_basis) == (None, None)


def test_acknowledged_disagreements_are_in_no_count() -> None:
    """A stratum of which all are acknowledged is left out; the others are estimated with their predictions."""
    outcomes = made({LOW: 10, OLD: 20, BASELINE: 0})
    outcomes = [replace(item, result=Result.ACKNOWLEDGED) if item.stratum == OLD else item for item in outcomes]
    found = summarise_agreement(facts(judge="population", predictions=predictions(AS_DRAWN)), outcomes)
    assert (found.population_without, found.population_basis) == ((OLD,), "predictions")


def judged(rate: float, upper: float, alone: float, alone_upper: float, **changed: Any) -> JudgedAgreement:
    """Return the verdict on an estimate with predictions, and with another one from the sample alone."""
    outcomes, of_run = made({LOW: 10, OLD: 5, BASELINE: 0}), facts(judge="population", **changed)
    population, of_sample = Estimate(rate, (0.5, upper)), Estimate(alone, (0.4, alone_upper))
    found = replace(summarise_agreement(of_run, outcomes), population=population, population_sample=of_sample)
    counted = CriterionResult(AGREEMENT, None, 35, 15, 0, 0.85, 0.75, "15 of 50 disagree, 30 %")
    return judge_agreement(of_run, outcomes, found, counted)


@pytest.mark.parametrize(
    ("rate", "upper", "alone", "verdict"),
    [
        (0.73, 0.78, 0.76, Verdict.WARNING),
        (0.73, 0.74, 0.76, Verdict.CRITICAL),
        (0.73, 0.78, 0.71, Verdict.CRITICAL),
        (0.76, 0.78, 0.71, Verdict.WARNING),
        (0.86, 0.89, 0.71, Verdict.OK),
    ],
)
def test_predictions_alone_make_nothing_critical(rate: float, upper: float, alone: float, verdict: Verdict) -> None:
    """The sample must be below the threshold as well, or the whole interval with predictions."""
    found = judged(rate, upper, alone, 0.9)
    assert found.verdict is verdict
    assert ("the sample alone" in found.message) is (rate < 0.75 <= min(alone, upper))


@pytest.mark.parametrize(("alone_upper", "verdict"), [(0.74, Verdict.CRITICAL), (0.78, Verdict.WARNING)])
def test_by_words_alone_the_wider_interval_decides(alone_upper: float, verdict: Verdict) -> None:
    """TF-IDF disagrees with many labels of a sound store, whatever the predictions are."""
    assert judged(0.7, 0.74, 0.7, alone_upper, basis=TFIDF_BASIS).verdict is verdict


@pytest.mark.parametrize("tell", [True, False])
def test_no_sample_of_a_sound_store_is_critical(tell: bool) -> None:
    """Whether the predictions tell where the reviewer disagrees or not."""
    random = np.random.default_rng(1)
    agreed = {name: np.arange(SIZES[name]) >= DOUBTFUL[name] // 2 for name in SIZES}
    for _ in range(repetitions(12, 500)):
        places = {name: random.permutation(SIZES[name]) for name in SIZES}
        doubtful = places if not tell else {name: np.arange(SIZES[name]) for name in SIZES}
        drawn = {name: random.choice(SIZES[name], DRAWN[name], replace=False) for name in SIZES}
        sampled, outcomes = [], []
        for name, place in ((stratum, place) for stratum in SIZES for place in drawn[stratum].tolist()):
            key, result = f"{name} {place}", Result.PASSED if agreed[name][place] else Result.FAILED
            sampled.append((key, UNLIKELY if doubtful[name][place] < DOUBTFUL[name] else LIKELY))
            outcomes.append(Outcome("agreement", result, "", key, name))
        known = predictions(AS_DRAWN, sampled=tuple(sampled))
        found = report(outcomes, [AGREEMENT], judge="population", predictions=known)
        assert found.agreement.population_basis == "predictions"
        assert found.verdict in (Verdict.OK, Verdict.WARNING)
