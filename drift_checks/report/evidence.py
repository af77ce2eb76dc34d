"""Whether a rate rests on enough records for its verdict: one unlucky record is not drift."""

from __future__ import annotations

from drift_checks.core.outcomes import Criterion
from drift_checks.core.text import count, percent
from drift_checks.report.run import CriterionResult
from drift_checks.report.verdict import Verdict, judge
from drift_checks.statistics.intervals import wilson

# Of three records, a single disagreement leaves less than 75 %: it would be the verdict.
FEWEST = 4


def too_few(measured: int, criterion: Criterion, *, chosen: bool = False) -> str:
    """Return why so few reviewed records are no verdict, empty if they are enough or the user `chose` them."""
    fewest = min(FEWEST, criterion.least)
    if chosen or measured >= fewest:
        return ""
    return f"{count(measured, 'record')} {'is' if measured == 1 else 'are'} too few to judge, {fewest} are needed"


def enough_or_warning(result: CriterionResult, *, chosen: bool = False) -> tuple[Verdict, str]:
    """Return the verdict on a rate, and the reason if too few records make it WARNING in place of CRITICAL.

    With fewer than `least` measured records, it is CRITICAL only if its whole interval is. Records that the user
    `chose` are no sample, so chance has no part in their rate.
    """
    assert result.rate is not None
    critical = result.critical or 0.0
    verdict = judge(result.rate, result.warn, critical)
    if verdict is not Verdict.CRITICAL or chosen or result.measured >= result.criterion.least:
        return verdict, ""
    # The interval of an estimate has no width if every record of a small store was reviewed.
    ends = [interval[1] for interval in (result.interval, wilson(result.passed, result.measured)) if interval]
    if max(ends) < critical:
        return verdict, ""
    few = f"{count(result.measured, 'record')} can be below {percent(critical)} by chance"
    return Verdict.WARNING, f"; WARNING, since {few} ({result.criterion.least} are needed for CRITICAL)"
