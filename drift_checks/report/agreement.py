"""Agreement of store and reviewer: counts, estimate of the whole store, and verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from statistics import fmean

from drift_checks.core.outcomes import AGREEMENT, Outcome, Result
from drift_checks.core.records import Stratum
from drift_checks.core.text import count, percent, percent_range
from drift_checks.report.accuracy import remedy, why_undecided
from drift_checks.report.estimating import estimate_store
from drift_checks.report.evidence import enough_or_warning, too_few
from drift_checks.report.history.accuracy import NOT_JUDGED
from drift_checks.report.history.recorded import PREDICTIONS, SAMPLE, Agreement, Kappa
from drift_checks.report.run import CriterionResult, Facts
from drift_checks.report.verdict import Verdict, judge
from drift_checks.reviews.vectors.base import TFIDF_BASIS
from drift_checks.settings.declarations import ACCURACY, HUNT, SEQUENTIAL
from drift_checks.statistics.intervals import (
    Estimate,
    Interval,
    StratumCount,
    complete,
    heaviest_disagreement,
    wilson,
)
from drift_checks.statistics.kappa import Weighed, cohen_kappa
from drift_checks.statistics.sequential import SequentialDecision, decide

_CHOSEN = "these records were not drawn at random"
_ALL_KNOWN = "every reviewed record is acknowledged"
_STOPPED = "the reviews stopped when the evidence sufficed"
_UNHUNTED = "and the sample without the likely label issues may agree more than it does"
_WEAK = "; WARNING, since TF-IDF may disagree with as many labels of a sound store"


def summarise_agreement(facts: Facts, outcomes: Sequence[Outcome]) -> Agreement:
    """Count the agreements in the judged strata, and estimate the rate of the whole store."""
    there = [item for item in outcomes if item.criterion == AGREEMENT and item.stratum is not None]
    made = [item for item in there if item.result in (Result.PASSED, Result.FAILED)]
    known = Counter(item.stratum for item in there if item.result is Result.ACKNOWLEDGED)
    without = [str(stratum) for stratum in Stratum if known[stratum] and all(item.stratum != stratum for item in made)]
    judged = [item for item in made if item.stratum in facts.judged]
    changes = [
        item.decision.reviewed_confidence - item.decision.stored_confidence
        for item in judged
        if item.decision
        and item.decision.reviewed_confidence is not None
        and item.decision.stored_confidence is not None
    ]
    strata = _strata(facts, made, without)
    missing = _missing(facts, outcomes, strata, nothing=bool(without) and not made)
    population = alone = None
    if not missing and facts.sample.size == sum(facts.sample.store_strata.values()):
        # Acknowledged disagreements are in no count.
        population = complete([replace(item, size=item.size - known[name]) for name, item in strata.items()])
    elif not missing:
        population, alone = estimate_store(facts, made, strata)
    agreed = sum(item.result is Result.PASSED for item in judged)
    found = Agreement(
        agreed=agreed,
        reviewed=len(judged),
        rate=agreed / len(judged) if judged else None,
        interval=wilson(agreed, len(judged)),
        confidence_change=fmean(changes) if changes and facts.comparable_confidence else None,
        population=population,
        population_missing=missing or None,
        population_without=tuple(without) if population else (),
        population_basis=None if population is None else PREDICTIONS if alone else SAMPLE,
        population_sample=alone,
        acknowledged=sum(known[stratum] for stratum in facts.judged),
    )
    weighted = facts.judge != SAMPLE and population is not None
    weights: dict[str | None, float] = {
        name: stratum.size / stratum.measured for name, stratum in strata.items() if weighted and stratum.measured
    }
    return replace(found, kappa=_kappa(found.judged(facts.judge), made if weighted else judged, weights))


def left_out(agreement: Agreement) -> str:
    """Return what the estimate of the whole store leaves out, as the end of a sentence; empty if nothing."""
    if not agreement.population_without:
        return ""
    strata = "strata" if len(agreement.population_without) > 1 else "stratum"
    named = " and ".join(agreement.population_without)
    return f", without the {strata} {named}, of which every reviewed record is acknowledged"


@dataclass(frozen=True)
class JudgedAgreement:
    """The verdict, its message, and the estimate of the whole store if that is judged."""

    verdict: Verdict
    message: str
    estimate: Estimate | None = None


def judge_agreement(
    facts: Facts, outcomes: Sequence[Outcome], agreement: Agreement, counted: CriterionResult
) -> JudgedAgreement:
    """Judge agreement from the outcomes of all strata, and the counts and message of those that are judged."""
    judged = _judge_rate(facts, outcomes, agreement, counted)
    if facts.decision != SEQUENTIAL or facts.chosen:
        return judged
    decision = decide_in_order(facts, [item for item in outcomes if item.stratum in facts.judged])
    if decision.below is None:
        undecided = f"undecided after {decision.after} reviews, so judged by the rate"
        return replace(judged, message=f"{judged.message}; {undecided}")
    bound = percent(facts.critical)
    decided = f"{_said_of_sample(counted)}; decided after {decision.after} reviews"
    if decision.below:
        return JudgedAgreement(Verdict.CRITICAL, f"{decided}: below {bound}")
    verdict = Verdict.WARNING if counted.rate is not None and counted.rate < counted.warn else Verdict.OK
    return JudgedAgreement(verdict, f"{decided}: not below {bound}")


def decide_in_order(facts: Facts, outcomes: Sequence[Outcome]) -> SequentialDecision:
    """Return the sequential decision from the reviews in the order in which their records were drawn."""
    place = {key: position for position, key in enumerate(facts.sample.record_ids)}
    made = [item for item in outcomes if item.result in (Result.PASSED, Result.FAILED) and item.record_id in place]
    made.sort(key=lambda item: place[item.record_id])  # type: ignore[index]
    return decide([item.result is Result.PASSED for item in made], facts.critical)


def _judge_rate(
    facts: Facts, outcomes: Sequence[Outcome], agreement: Agreement, counted: CriterionResult
) -> JudgedAgreement:
    if facts.judge == SAMPLE or agreement.population is None:
        judged = _judge_sample(facts, agreement, counted)
    else:
        judged = _judge_population(facts, outcomes, agreement, agreement.population, counted)
    return _judge_accuracy(facts, counted, judged) if facts.judge == ACCURACY and not facts.chosen else judged


def _judge_accuracy(facts: Facts, counted: CriterionResult, by_agreement: JudgedAgreement) -> JudgedAgreement:
    """Judge the share of right labels; with too few judgements the agreement, which then cannot make it CRITICAL."""
    if by_agreement.verdict is Verdict.INCONCLUSIVE:
        return by_agreement
    found = facts.accuracy
    if found is None or found.store is None or not found.decides:
        why = why_undecided(found)
        if by_agreement.verdict is Verdict.CRITICAL:
            said = f"{NOT_JUDGED}: {why}; {remedy(found)}; {by_agreement.message}"
            return JudgedAgreement(Verdict.INCONCLUSIVE, said)
        return replace(by_agreement, message=f"{by_agreement.message}; judged by agreement: {why}")
    right = f"an estimated {percent(found.store.rate)} of the store's labels are right"
    interval = f"{percent_range(*found.store.interval)}, {count(found.judged, 'judged record')}"
    said = f"{right} ({interval}); {counted.message} in the sample"
    verdict = judge(found.store.rate, counted.warn, counted.critical or 0.0)
    if verdict is Verdict.CRITICAL and found.store.interval[1] >= facts.critical:
        # The same judgements would say so every night.
        verdict = Verdict.WARNING
        said += f"; WARNING, since the interval is not entirely below {percent(facts.critical)}"
    return JudgedAgreement(verdict, said, found.store)


def _judge_sample(facts: Facts, agreement: Agreement, counted: CriterionResult) -> JudgedAgreement:
    said = _said_of_sample(counted)
    is_rest_of_hunt = facts.judge != SAMPLE and facts.sample.method == HUNT and not facts.chosen
    if facts.judge != SAMPLE and facts.decision != SEQUENTIAL:
        effect = _UNHUNTED if is_rest_of_hunt else "so the sample decides"
        alone = f"the whole store cannot be estimated ({agreement.population_missing}), {effect}"
        said += f"; {f'{_CHOSEN}, so they are judged by themselves' if facts.chosen else alone}"
    if few := too_few(counted.measured, counted.criterion, chosen=facts.chosen):
        return JudgedAgreement(Verdict.INCONCLUSIVE, f"{few}: {said}")
    verdict, reason = enough_or_warning(counted, chosen=facts.chosen)
    assert counted.interval is not None
    if verdict is Verdict.CRITICAL and _may_be_sound(facts, counted.interval):
        verdict, reason = Verdict.WARNING, _WEAK
    if is_rest_of_hunt and verdict is not Verdict.CRITICAL:
        verdict, reason = Verdict.INCONCLUSIVE, ""
    return JudgedAgreement(verdict, f"{said}{reason}")


def _judge_population(
    facts: Facts, outcomes: Sequence[Outcome], agreement: Agreement, population: Estimate, counted: CriterionResult
) -> JudgedAgreement:
    made = [item for item in outcomes if item.result in (Result.PASSED, Result.FAILED)]
    passed = sum(item.result is Result.PASSED for item in made)
    agree = f"{percent(population.rate)} of the whole store agree"
    if not population.is_exact:
        agree = f"an estimated {agree} ({percent_range(*population.interval)})"
    said = f"{agree}{left_out(agreement)}; {counted.message} in the sample"
    if few := too_few(len(made), counted.criterion):
        return JudgedAgreement(Verdict.INCONCLUSIVE, f"{few}: {said}", population)
    whole = replace(counted, passed=passed, failed=len(made) - passed, estimate=population)
    verdict, reason = enough_or_warning(whole)
    alone = agreement.population_sample or population
    # Predictions say nothing of how many labels of a sound store TF-IDF recognises.
    widest = max(population.interval, alone.interval, key=itemgetter(1))
    if verdict is Verdict.CRITICAL and _may_be_sound(facts, widest):
        verdict, reason = Verdict.WARNING, _WEAK
    if verdict is Verdict.CRITICAL and min(alone.rate, population.interval[1]) >= facts.critical:
        verdict = Verdict.WARNING
        reason = f"; WARNING, since the estimate from the sample alone is {percent(alone.rate)}"
    share = heaviest_disagreement(list(_strata(facts, made, agreement.population_without).values()))
    by_one = share > 1 / max(1, counted.criterion.least) and population.rate + share >= facts.critical
    if verdict is Verdict.CRITICAL and by_one:
        verdict = Verdict.WARNING
        reason = f"; WARNING, since one record, which stands for {percent(share)} of the store, would make it CRITICAL"
    return JudgedAgreement(verdict, f"{said}{reason}", population)


def _may_be_sound(facts: Facts, interval: Interval) -> bool:
    """Whether the rate may be that of a sound store, of which TF-IDF recognises fewer labels than other vectors."""
    return facts.reviewer.basis == TFIDF_BASIS and interval[1] >= facts.critical


def _said_of_sample(counted: CriterionResult) -> str:
    assert counted.rate is not None
    assert counted.interval is not None
    return f"{counted.message} (agreement {percent(counted.rate)}, {percent_range(*counted.interval)})"


def _strata(facts: Facts, made: Sequence[Outcome], without: Sequence[str]) -> dict[str, StratumCount]:
    """Return the counts of each stratum; those in `without` count as empty."""
    sizes = facts.sample.store_strata
    return {
        str(stratum): StratumCount(
            0 if stratum in without else sizes.get(stratum, 0),
            sum(item.stratum == stratum for item in made),
            sum(item.stratum == stratum and item.result is Result.PASSED for item in made),
        )
        for stratum in Stratum
    }


def _missing(facts: Facts, outcomes: Sequence[Outcome], strata: Mapping[str, StratumCount], *, nothing: bool) -> str:
    """Return why the whole store cannot be estimated, empty if it can."""
    if facts.chosen:
        return _CHOSEN
    if any(item.result is Result.NOT_NEEDED for item in outcomes):
        return _STOPPED
    absent = [name for name, stratum in strata.items() if stratum.size and not stratum.measured]
    undrawn = [name for name in absent if not facts.sample.strata.get(name)]
    if undrawn:
        return f"no record of the stratum {undrawn[0]} was drawn"
    if nothing or not any(stratum.size for stratum in strata.values()):
        return _ALL_KNOWN if nothing else "no stratum of the store is known"
    return f"no record of the stratum {absent[0]} was reviewed" if absent else ""


def _kappa(rate: Estimate | None, made: Sequence[Outcome], weights: Mapping[str | None, float]) -> Kappa | None:
    """Return the agreement beyond chance of the decisions whose rate of agreement this is."""
    decided = [(item.decision, weights.get(item.stratum, 1.0)) for item in made if item.decision is not None]
    found = rate and cohen_kappa([Weighed(item.stored, item.reviewed or "", weight) for item, weight in decided], rate)
    return Kappa(value=found[0], interval=found[1]) if found else None
