"""The verdict of a run in one line, with what decided it: for the terminal, the page, report.json and every alert."""

from __future__ import annotations

from drift_checks.core.outcomes import AGREEMENT
from drift_checks.core.text import percent, percent_range, printable, tenths
from drift_checks.report.history.accuracy import why_not_judged
from drift_checks.report.reviewer_accuracy import CRITERION as REVIEWER_ACCURACY
from drift_checks.report.reviewer_accuracy import reviewer_moved
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.report.verdict import Verdict
from drift_checks.settings.declarations import ACCURACY, SAMPLE

_LONGEST_MESSAGE = 160


def headline(report: RunReport) -> str:
    """Return the verdict and its reason, as in `CRITICAL · 33 of 50 agree (66 %, …), below 75 %`."""
    verdict = str(report.verdict) if report.facts.interrupted is None else "INTERRUPTED"
    demo = ["DEMO"] if report.facts.demo else []
    return " · ".join([*coverage(report), *demo, verdict, reason(report)])


def coverage(report: RunReport) -> list[str]:
    """Return what a partial run begins with: `PARTIAL` and how much was checked; an interruption says that itself."""
    facts = report.facts
    return ["PARTIAL", str(facts.coverage)] if facts.partial and facts.interrupted is None else []


def reason(report: RunReport) -> str:
    """Return what decided the verdict, then the agreement if something else decided, then what is acknowledged.

    If the reviewer moved, that follows the reason, since the store may be sound.
    """
    if report.facts.interrupted is not None:
        return report.facts.interrupted
    deciding, agreement = deciding_criteria(report), _agreement(report)
    names = [result.criterion.name for result in deciding]
    if names[:1] == [AGREEMENT]:
        decided = [agreement]
    elif report.verdict is Verdict.OK:
        decided = ["every measured criterion holds", agreement]
    elif deciding:
        decided = [_finding(deciding[0]), agreement]
    else:
        decided = [_finding(report.criteria_worst_first[0]) if report.criteria else "nothing was checked"]
    if report.verdict is not Verdict.OK and names[1:]:
        decided.insert(1, f"also {', '.join(names[1:])}")
    if names != [REVIEWER_ACCURACY] and (moved := reviewer_moved(report)):
        decided.insert(1, printable(moved, _LONGEST_MESSAGE))
    acknowledged = len(report.known) + sum(result.acknowledged is not None for result in report.criteria)
    return " · ".join([*decided, *([f"{acknowledged:,} acknowledged"] if acknowledged else [])])


def deciding_criteria(report: RunReport) -> list[CriterionResult]:
    """Return the criteria whose verdict is that of the run, `agreement` first."""
    found = [result for result in report.criteria if result.counts_as is report.verdict]
    return sorted(found, key=lambda result: (result.criterion.name != AGREEMENT, result.criterion.name))


def rests_on_accuracy(report: RunReport) -> bool:
    """Whether the verdict on agreement is one on how many of the store's labels are right."""
    facts = report.facts
    return facts.judge == ACCURACY and not facts.chosen and facts.accuracy is not None and facts.accuracy.decides


def _finding(result: CriterionResult) -> str:
    # Whole, because it says what to do.
    message = why_not_judged(result.message) or printable(result.message, _LONGEST_MESSAGE)
    return f"{result.criterion.name}: {message}"


def _agreement(report: RunReport) -> str:
    result = next((item for item in report.criteria if item.criterion.name == AGREEMENT), None)
    if result is not None and result.verdict is Verdict.INCONCLUSIVE:
        return _finding(result)
    agreement, estimate = report.agreement, None if result is None else result.estimate
    judged = estimate or agreement.judged(SAMPLE)
    if judged is None:
        return "every reviewed record is acknowledged" if agreement.acknowledged else "agreement was not measured"
    bound = None if result is None else _missed_threshold(result)
    # A rate just below its threshold must not read as the threshold itself.
    share = (tenths if bound is not None and percent(judged.rate) == percent(bound) else percent)(judged.rate)
    interval = f"95 % interval {percent_range(*judged.interval)}"
    below = "" if bound is None else f", below {percent(bound)}"
    sample = f"{agreement.agreed} of {agreement.reviewed}"
    if rests_on_accuracy(report):
        return f"an estimated {share} of the store's labels are right ({interval}){below}; {sample} agree in the sample"
    if estimate is None:
        return f"{sample} agree ({share}, {interval}){below}"
    if estimate.is_exact:
        return f"{share} of the whole store agree, all of which was reviewed{below}"
    return f"an estimated {share} of the whole store agree ({interval}){below}; {sample} in the sample"


def _missed_threshold(result: CriterionResult) -> float | None:
    if result.verdict is Verdict.CRITICAL:
        return result.critical
    return result.warn if result.verdict is Verdict.WARNING else None
