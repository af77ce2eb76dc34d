"""Whether the reviewer moved by what it said of anchors, for the summary, the page and alerts."""

from __future__ import annotations

from drift_checks.core.outcomes import AGREEMENT
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.report.verdict import FAILED, Verdict
from drift_checks.settings.declarations import NEIGHBOURS

CRITERION = "reviewer_accuracy"


def reviewer_moved(report: RunReport) -> str:
    """Return a sentence that says that the reviewer moved; empty unless that is certain."""
    result = _result(report, CRITERION)
    if result is None or result.verdict is not Verdict.WARNING or result.acknowledged is not None:
        return ""
    sentence = _sentence(result)
    if report.facts.reviewer.name == NEIGHBOURS:
        return f"labels or vectors near the anchors changed: {sentence}" if sentence else ""
    return f"the reviewer moved: {sentence}" if sentence else ""


def reviewer_findings(report: RunReport) -> str:
    """Return whether the reviewer moved, in a sentence; empty if there is no reason to ask."""
    if moved := reviewer_moved(report):
        return moved
    result, agreement = _result(report, CRITERION), _result(report, AGREEMENT)
    has_failed = agreement is not None and agreement.verdict in FAILED
    if result is None or result.verdict is not Verdict.OK or not has_failed:
        return ""
    if report.facts.reviewer.name == NEIGHBOURS or not _is_compared(result):
        return ""
    return f"no sign that the reviewer moved, so look at the store: {_sentence(result)}"


def _result(report: RunReport, name: str) -> CriterionResult | None:
    return next((item for item in report.criteria if item.criterion.name == name), None)


def _sentence(result: CriterionResult) -> str:
    return next((str(item.statistic.details.get("sentence", "")) for item in result.statistics), "")


def _is_compared(result: CriterionResult) -> bool:
    return any(item.statistic.details.get("is_compared") for item in result.statistics)
