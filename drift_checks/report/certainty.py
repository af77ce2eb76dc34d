"""Whether a CRITICAL verdict could be due to the choice of the sample: if so, it should wake nobody."""

from __future__ import annotations

from drift_checks.core.outcomes import AGREEMENT
from drift_checks.report.agreement import decide_in_order
from drift_checks.report.history.recorded import SampleFacts
from drift_checks.report.run import CriterionResult, JudgedStatistic, RunReport
from drift_checks.report.verdict import Verdict
from drift_checks.settings.declarations import SEQUENTIAL


def is_confirmed(report: RunReport) -> bool:
    """Whether a CRITICAL verdict is certain, or the previous sample was CRITICAL by the same criterion."""
    return is_certain(report) or any(_was_critical(item.criterion.name, report) for item in _critical(report))


def is_certain(report: RunReport) -> bool:
    """Whether the whole interval of some criterion is CRITICAL, or a count of the whole store is."""
    return any(_is_certain(result, report) for result in _critical(report))


def _critical(report: RunReport) -> list[CriterionResult]:
    return [result for result in report.criteria if result.counts_as is Verdict.CRITICAL]


def _was_critical(name: str, report: RunReport) -> bool:
    """Whether the criterion was CRITICAL in the newest run that drew another sample and could judge it."""
    for run in reversed(report.past):
        found = run.criterion(name)
        if (
            not _is_same_sample(run.sample, report.facts.sample)
            and found is not None
            and found.verdict not in (None, Verdict.INCONCLUSIVE)
        ):
            return found.verdict is Verdict.CRITICAL
    return False


def _is_same_sample(past: SampleFacts, sample: SampleFacts) -> bool:
    """Whether the other run drew no other records, although its store has others."""
    has_others = any(0 < drawn < sample.store_strata.get(name, 0) for name, drawn in sample.strata.items())
    return past.seed == sample.seed or (has_others and set(past.record_ids) == set(sample.record_ids))


def _is_certain(result: CriterionResult, report: RunReport) -> bool:
    if any(_is_certain_statistic(item, result) for item in result.statistics):
        return True
    if result.criterion.name == AGREEMENT and report.facts.decision == SEQUENTIAL and not report.facts.chosen:
        judged = [item for item in report.outcomes if item.criterion == AGREEMENT]
        counted = [item for item in judged if item.stratum in report.facts.judged]
        if decide_in_order(report.facts, counted).below:
            return True
    interval, critical = result.interval, result.critical
    return interval is not None and critical is not None and interval[1] < critical


def _is_certain_statistic(item: JudgedStatistic, result: CriterionResult) -> bool:
    statistic = item.statistic
    if item.verdict is not Verdict.CRITICAL or result.critical is None or statistic.value is None:
        return False
    if not result.criterion.effect:
        # A share of the whole store is a count, not an estimate.
        return True
    if statistic.interval is not None:
        return statistic.interval[0] > result.critical
    return statistic.p_value is None
