"""Agreement of store and reviewer: counts, estimate of the whole store, and verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from drift_checks.core.outcomes import AGREEMENT, Outcome, Result
from drift_checks.core.records import Stratum
from drift_checks.core.text import percent, percent_range
from drift_checks.report.history.recorded import Agreement
from drift_checks.report.run import CriterionResult, Facts
from drift_checks.report.verdict import Verdict, judge
from drift_checks.statistics.intervals import Estimate, StratumCount, stratified, wilson
from drift_checks.statistics.sequential import SequentialDecision, decide

SEQUENTIAL = "sequential"
POPULATION = "population"
_CHOSEN = "these records were not drawn at random"
_NO_STRATUM = "a stratum was not reviewed"
_ALL_KNOWN = "every reviewed record is acknowledged"
_STOPPED = "the reviews stopped when the evidence sufficed"


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
    stopped = any(item.result is Result.NOT_NEEDED for item in outcomes)
    population, missing = _estimate(facts, made, without, stopped=stopped)
    agreed = sum(item.result is Result.PASSED for item in judged)
    return Agreement(
        agreed=agreed,
        reviewed=len(judged),
        rate=agreed / len(judged) if judged else None,
        interval=wilson(agreed, len(judged)),
        confidence_change=fmean(changes) if changes and facts.comparable_confidence else None,
        population=population,
        population_missing=missing or None,
        population_without=tuple(without) if population else (),
        acknowledged=sum(known[stratum] for stratum in facts.judged),
    )


def left_out(agreement: Agreement) -> str:
    """Return what the estimate of the whole store leaves out, as the end of a sentence; empty if nothing."""
    if not agreement.population_without:
        return ""
    strata = "strata" if len(agreement.population_without) > 1 else "stratum"
    named = " and ".join(agreement.population_without)
    return f", without the {strata} {named}, of which every reviewed record is acknowledged"


@dataclass(frozen=True)
class JudgedAgreement:
    """The verdict, its reason for the message, and the estimate of the whole store if that is judged."""

    verdict: Verdict
    reason: str
    estimate: Estimate | None = None


def judge_agreement(
    facts: Facts, outcomes: Sequence[Outcome], agreement: Agreement, counted: CriterionResult
) -> JudgedAgreement:
    """Judge agreement, once enough was measured, from the outcomes and counts of the judged strata."""
    sequential = facts.decision == SEQUENTIAL and not facts.chosen
    if not sequential:
        judges_estimate = facts.judge == POPULATION and not facts.chosen
        return _judge_population(facts, agreement) if judges_estimate else _judge_rate(counted)
    decision = decide_in_order(facts, outcomes)
    if decision.below is None:
        estimated = facts.judge == POPULATION and agreement.population is not None
        judged = _judge_population(facts, agreement) if estimated else _judge_rate(counted)
        return replace(
            judged, reason=f"{judged.reason}; undecided after {decision.after} reviews, so judged by the rate"
        )
    judged, bound = _judge_rate(counted), percent(facts.critical)
    decided = f"{judged.reason}; decided after {decision.after} reviews"
    if decision.below:
        return JudgedAgreement(Verdict.CRITICAL, f"{decided}: below {bound}")
    verdict = Verdict.WARNING if judged.verdict is Verdict.CRITICAL else judged.verdict
    return JudgedAgreement(verdict, f"{decided}: not below {bound}")


def decide_in_order(facts: Facts, outcomes: Sequence[Outcome]) -> SequentialDecision:
    """Return the sequential decision from the reviews in the order in which their records were drawn."""
    place = {key: position for position, key in enumerate(facts.sample.record_ids)}
    made = [item for item in outcomes if item.result in (Result.PASSED, Result.FAILED) and item.record_id in place]
    made.sort(key=lambda item: place[item.record_id])  # type: ignore[index]
    return decide([item.result is Result.PASSED for item in made], facts.critical)


def _judge_rate(counted: CriterionResult) -> JudgedAgreement:
    assert counted.rate is not None
    assert counted.interval is not None
    verdict = judge(counted.rate, counted.warn, counted.critical or 0.0)
    return JudgedAgreement(verdict, f"agreement {percent(counted.rate)}, {percent_range(*counted.interval)}")


def _judge_population(facts: Facts, agreement: Agreement) -> JudgedAgreement:
    population = agreement.population
    if population is None:
        reason = f"the whole store cannot be estimated: {agreement.population_missing}"
        return JudgedAgreement(Verdict.INCONCLUSIVE, reason)
    estimate = f"{percent(population.rate)}, {percent_range(*population.interval)}"
    reason = f"estimated of the whole store {estimate}{left_out(agreement)}"
    return JudgedAgreement(judge(population.rate, facts.warn, facts.critical), reason, population)


def _estimate(
    facts: Facts, made: Sequence[Outcome], without: Sequence[str], *, stopped: bool
) -> tuple[Estimate | None, str]:
    """Return the estimate of the whole store without the strata in `without`; or None and the reason."""
    if facts.chosen:
        return None, _CHOSEN
    if stopped:
        return None, _STOPPED
    sizes = facts.sample.store_strata
    by_stratum = [
        StratumCount(
            0 if stratum in without else sizes.get(stratum, 0),
            sum(item.stratum == stratum for item in made),
            sum(item.stratum == stratum and item.result is Result.PASSED for item in made),
        )
        for stratum in Stratum
    ]
    estimate = stratified(by_stratum)
    undrawn = [stratum for stratum in Stratum if sizes.get(stratum) and not facts.sample.strata.get(stratum)]
    nothing = _ALL_KNOWN if without and not made else _NO_STRATUM
    missing = f"no record of the stratum {undrawn[0]} was drawn" if undrawn else nothing
    return estimate, "" if estimate else missing
