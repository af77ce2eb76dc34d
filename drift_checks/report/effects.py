"""Criteria that judge statistics: an effect counts if it is large and unlikely to be chance."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from drift_checks.core.outcomes import Criterion, Outcome, Result, Statistic
from drift_checks.report.run import CriterionResult, Facts, JudgedStatistic
from drift_checks.report.verdict import Verdict, severity, worst

_MOST_NAMED = 3


def judge_effects(
    criterion: Criterion, outcomes: Sequence[Outcome], adjusted: Sequence[float], facts: Facts
) -> CriterionResult:
    """Compare a criterion's statistics with its thresholds.

    The adjusted p-values are those of the statistics that have one, in their order.
    """
    assert criterion.warn is not None
    judged = _judged(criterion, outcomes, adjusted, facts.error_rate)
    # An assertion that failed by itself is as bad as an effect above the threshold.
    assertions = [Statistic("assertion", item.message, None) for item in outcomes if item.result is Result.FAILED]
    judged += [JudgedStatistic(item, Verdict.WARNING) for item in assertions]
    there = [item for item in judged if item.verdict is not None]
    failed = [item for item in there if item.verdict is not Verdict.OK]
    unmeasured = [item for item in outcomes if item.result in (Result.UNMEASURED, Result.BROKEN)]
    broken = any(item.result is Result.BROKEN for item in outcomes)
    verdict = worst(item.verdict for item in there) if there else None
    message = _message(there, failed) if there else f"not measured: {reasons(unmeasured)}"
    if broken:
        verdict = verdict if verdict is Verdict.CRITICAL else Verdict.INCONCLUSIVE
        message = f"the check itself broke; {message}"
    return CriterionResult(
        criterion,
        verdict,
        len(there) - len(failed),
        len(failed),
        len(unmeasured) + len(judged) - len(there),
        criterion.warn,
        criterion.critical,
        message,
        tuple(judged),
    )


def reasons(outcomes: Sequence[Outcome]) -> str:
    """Return why checks were not measured, the most frequent reasons first."""
    found = [item.message for item in outcomes if item.result is Result.UNMEASURED and item.message]
    ranked = sorted(set(found), key=lambda reason: (-found.count(reason), reason))
    return "; ".join(ranked[:_MOST_NAMED]) or "nothing was checked"


def _judged(
    criterion: Criterion, outcomes: Sequence[Outcome], adjusted: Sequence[float], error_rate: float
) -> list[JudgedStatistic]:
    left = iter(adjusted)
    judged = []
    for statistic in (statistic for item in outcomes for statistic in item.statistics):
        p_value = None if statistic.p_value is None else next(left)
        judged.append(JudgedStatistic(statistic, _verdict(criterion, statistic, p_value, error_rate), p_value))
    return judged


def _verdict(criterion: Criterion, statistic: Statistic, p_value: float | None, error_rate: float) -> Verdict | None:
    if statistic.value is None or isnan(statistic.value):
        return None
    by_chance = p_value is not None and p_value > error_rate
    if by_chance or criterion.warn is None or statistic.value <= criterion.warn:
        return Verdict.OK
    is_critical = criterion.critical is not None and statistic.value > criterion.critical
    return Verdict.CRITICAL if is_critical else Verdict.WARNING


def _message(there: Sequence[JudgedStatistic], failed: Sequence[JudgedStatistic]) -> str:
    ranked = sorted(failed or there, key=lambda item: (severity(item.verdict), -(item.statistic.value or 0)))
    if not failed:
        return ranked[0].statistic.message + (f"; {len(there)} measured" if len(there) > 1 else "")
    worst_ones = "; ".join(item.statistic.message for item in ranked[:_MOST_NAMED])
    return worst_ones + (f"; {len(failed) - _MOST_NAMED} more" if len(failed) > _MOST_NAMED else "")
