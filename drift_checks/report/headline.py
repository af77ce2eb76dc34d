"""The verdict in one line, and what decided it: on the terminal, the page, in report.json and in every alert."""

from __future__ import annotations

from collections import Counter

from drift_checks.core.outcomes import AGREEMENT, Result
from drift_checks.core.text import percent, percent_range, printable
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.report.verdict import Verdict

_LONGEST_MESSAGE = 160
_NOT_MEASURED = "agreement was not measured"


def headline(report: RunReport) -> str:
    """Return the verdict and its reason, as in `CRITICAL · 33 of 50 agree (66 %, …)`."""
    demo = "DEMO · " if report.facts.demo else ""
    if report.facts.interrupted is not None:
        return f"{demo}INTERRUPTED · {report.facts.interrupted}"
    return f"{demo}{report.verdict} · {reason(report)}"


def reason(report: RunReport) -> str:
    """Return what decided the verdict, with agreement beside it, and how much is acknowledged."""
    agreement, others = _agreement(report), deciding_criteria(report)
    if report.verdict is Verdict.OK or not others:
        parts = [agreement]
    elif others[0].criterion.name == AGREEMENT:
        also = ", ".join(item.criterion.name for item in others[1:])
        parts = [agreement, f"also {also}" if also else ""]
    else:
        first, *more = others
        also = f" (also {', '.join(item.criterion.name for item in more)})" if more else ""
        parts = [f"{first.criterion.name}: {printable(explained(first, report), _LONGEST_MESSAGE)}{also}", agreement]
    number = len(report.known) + sum(result.acknowledged is not None for result in report.criteria)
    return " · ".join(filter(None, parts)) + (f", {number:,} acknowledged" if number else "")


def deciding_criteria(report: RunReport) -> list[CriterionResult]:
    """Return the criteria whose verdict is that of the run, `agreement` first."""
    found = [result for result in report.criteria if result.counts_as is report.verdict]
    return sorted(found, key=lambda result: (result.criterion.name != AGREEMENT, result.criterion.name))


def explained(result: CriterionResult, report: RunReport) -> str:
    """Return a criterion's message, and where it is INCONCLUSIVE, the commonest reason for missing reviews."""
    if result.verdict is not Verdict.INCONCLUSIVE:
        return result.message
    unmeasured = (item for item in report.outcomes if item.result is Result.UNMEASURED)
    reasons = Counter(item.message for item in unmeasured if item.criterion == result.criterion.name and item.message)
    commonest = next((text for text, _ in reasons.most_common(1)), "")
    return result.message if commonest in result.message else f"{result.message}: {commonest}"


def _agreement(report: RunReport) -> str:
    agreement = report.agreement
    result = next((item for item in report.criteria if item.criterion.name == AGREEMENT), None)
    if result is not None and result.verdict is Verdict.INCONCLUSIVE:
        return printable(explained(result, report), _LONGEST_MESSAGE)
    estimate = None if result is None else result.estimate
    rate, interval = (estimate.rate, estimate.interval) if estimate else (agreement.rate, agreement.interval)
    if rate is None or interval is None:
        return _NOT_MEASURED
    of_what = " of the whole store" if estimate else ""
    wanted = f"; {percent(report.facts.warn)} wanted" if rate < report.facts.warn else ""
    said = f"{percent(rate)}{of_what}, 95 % interval {percent_range(*interval)}"
    return f"{agreement.agreed} of {agreement.reviewed} agree ({said}){wanted}"
