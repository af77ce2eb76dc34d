"""Whether a CRITICAL verdict could be due to the choice of the sample: if so, it should wake nobody."""

from __future__ import annotations

from drift_checks.core.outcomes import AGREEMENT
from drift_checks.report.agreement import SEQUENTIAL, decide_in_order
from drift_checks.report.run import CriterionResult, JudgedStatistic, RunReport
from drift_checks.report.verdict import Verdict


def is_confirmed(report: RunReport) -> bool:
    """Whether a CRITICAL verdict is certain or the second in a row, ignoring INCONCLUSIVE runs."""
    if report.verdict is not Verdict.CRITICAL:
        return False
    conclusive = [run.verdict for run in report.past if run.verdict is not Verdict.INCONCLUSIVE]
    return is_certain(report) or conclusive[-1:] == [Verdict.CRITICAL]


def is_certain(report: RunReport) -> bool:
    """Whether the whole interval of some criterion is CRITICAL, or a count of the whole store is."""
    counting = (result for result in report.criteria if result.acknowledged is None)
    return any(result.verdict is Verdict.CRITICAL and _is_certain(result, report) for result in counting)


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
