"""Whether the reviewer moved, from what it said of anchors, for the summary, the page and alerts."""

from __future__ import annotations

from drift_checks.core.outcomes import AGREEMENT, Statistic
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.report.verdict import FAILED, Verdict
from drift_checks.settings.declarations import NEIGHBOURS

CRITERION = "reviewer_accuracy"


def reviewer_moved(report: RunReport) -> str:
    """Return a sentence that says that the reviewer moved; empty without evidence.

    It begins with `perhaps` if this test alone is significant, but not after the correction for all tests of the run.
    """
    found = _found(report)
    if found is None or not _fell(*found):
        return ""
    result, statistic = found
    by_chance = statistic.p_value is None or statistic.p_value > report.facts.error_rate
    if result.acknowledged is not None or (result.verdict is not Verdict.WARNING and by_chance):
        return ""
    perhaps = "" if result.verdict is Verdict.WARNING else "perhaps "
    if _is_of_neighbours(report):
        return f"{perhaps}labels or vectors near the anchors changed: {_sentence(statistic)}"
    return f"{perhaps}the reviewer moved: {_sentence(statistic)}"


def reviewer_findings(report: RunReport) -> str:
    """Return whether the reviewer moved, in a sentence; empty if there is no reason to ask, or nothing to compare."""
    if moved := reviewer_moved(report):
        return moved
    found = _found(report)
    agreement = next((item for item in report.criteria if item.criterion.name == AGREEMENT), None)
    has_failed = agreement is not None and agreement.verdict in FAILED
    if found is None or not has_failed or _is_of_neighbours(report) or not found[1].details.get("is_compared"):
        return ""
    if _fell(*found):
        return f"too early to say whether the reviewer moved: {_sentence(found[1])}"
    return f"no sign that the reviewer moved, so look at the store: {_sentence(found[1])}"


def _found(report: RunReport) -> tuple[CriterionResult, Statistic] | None:
    """Return the criterion with its statistic; None if it was not measured."""
    result = next((item for item in report.criteria if item.criterion.name == CRITERION), None)
    statistics = [] if result is None else [item.statistic for item in result.statistics]
    there = next((item for item in statistics if "sentence" in item.details), None)
    return None if result is None or there is None else (result, there)


def _fell(result: CriterionResult, statistic: Statistic) -> bool:
    return statistic.value is not None and result.warn is not None and statistic.value > result.warn


def _sentence(statistic: Statistic) -> str:
    return str(statistic.details["sentence"])


def _is_of_neighbours(report: RunReport) -> bool:
    """Whether the reviewer votes with the store's labels, so that these may have moved."""
    return report.facts.reviewer.name == NEIGHBOURS
