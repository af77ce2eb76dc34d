"""The verdict of a criterion that was checked in part: what was not checked has none."""

from __future__ import annotations

from dataclasses import replace

from drift_checks.core.outcomes import AGREEMENT
from drift_checks.core.text import count
from drift_checks.report.coverage import Coverage
from drift_checks.report.run import CriterionResult
from drift_checks.report.verdict import Verdict, worst


def judge_in_part(result: CriterionResult, coverage: Coverage) -> CriterionResult:
    """Withdraw the verdict on a rate of which only a part was checked: the part is no random choice.

    If all of the part passed, it is OK. Statistics stand for themselves.
    """
    name = result.criterion.name
    left_out, cut_off = coverage.left_out.get(name, 0), coverage.cut_off.get(name, 0)
    if not cut_off and (not left_out or result.criterion.effect):
        return result
    is_open = cut_off or result.failed or result.verdict is Verdict.INCONCLUSIVE
    own = Verdict.INCONCLUSIVE if is_open else Verdict.OK if result.passed else None
    verdicts = [own, *(item.verdict for item in result.statistics)]
    unchecked = f"{count(left_out + cut_off, 'check')} of this criterion did not run"
    because = f"no verdict on a part: {unchecked}" if own is Verdict.INCONCLUSIVE else unchecked
    # What agreement says of the whole store does not hold for a part.
    counted = f"{result.failed:,} of {result.measured:,} {result.criterion.failing}"
    said = counted if name == AGREEMENT and result.measured else result.message
    return replace(
        result,
        verdict=worst(verdicts) if any(verdicts) else None,
        message=f"{said}; {because}",
        estimate=None,
    )
