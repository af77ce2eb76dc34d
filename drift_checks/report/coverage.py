"""How much of a review was checked: what was not checked has no verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from drift_checks.core.text import count
from drift_checks.report.verdict import Verdict, worst

if TYPE_CHECKING:
    from drift_checks.report.run import CriterionResult


@dataclass(frozen=True)
class Coverage:
    """What was checked.

    Attributes:
        records: The records that were checked, of those in the sample.
        chosen: Whether the user named the records.
        criteria: The criteria that were checked, of all.
        left_out: The number of checks that were not chosen, by criterion.
        cut_off: The number of checks that were chosen but not made, by criterion.
    """

    records: int = 0
    of_records: int = 0
    chosen: bool = False
    criteria: int = 0
    of_criteria: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    cut_off: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        records = f"{self.records:,} of {self.of_records:,}{' chosen' if self.chosen else ''} records"
        return ", ".join([*([records] if self.records else []), f"{self.criteria} of {self.of_criteria} criteria"])


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
    return replace(
        result,
        verdict=worst(verdicts) if any(verdicts) else None,
        message=f"{result.message}; {because}",
        estimate=None,
    )
