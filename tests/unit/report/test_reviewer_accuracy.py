"""A reviewer that moved by what it said of anchors, in the headline and the summary."""

from __future__ import annotations

from typing import Any

import pytest

from drift_checks.core.outcomes import Criterion, Outcome, Result, Statistic
from drift_checks.report.acknowledgements import Acknowledged
from drift_checks.report.headline import reason
from drift_checks.report.page.html import render
from drift_checks.report.reviewer_accuracy import reviewer_findings, reviewer_moved
from drift_checks.report.run import RunReport
from drift_checks.report.summary import summarise
from drift_checks.report.verdict import Verdict
from tests.support.reports import AGREEMENT, known_criterion, report, reviewed

CRITERION = Criterion("reviewer_accuracy", "Is the reviewer right?", effect="fall", warn=0.1, least=5)
OTHER = Criterion("class_mix", "Another one?", effect="index", warn=0.1)
SENTENCE = "own:answer is right on 4 of 10 anchors; before, it was right on 95 % of them"


def made(
    p_value: float | None, *, fall: float = 0.5, agreed: int = 20, reviewer: str = "own:answer", **changed: Any
) -> RunReport:
    """Return a run of 50 records with an accuracy that fell."""
    details = {"sentence": SENTENCE, "is_compared": p_value is not None}
    value = 0.0 if p_value is None else fall
    statistic = Statistic(reviewer, SENTENCE, value, 10, p_value=p_value, details=details)
    other = Statistic("another test of the run", "", 0.0, 100, p_value=0.5)
    outcomes = [
        *reviewed(agreed, 50 - agreed),
        Outcome("reviewer_accuracy", Result.PASSED, statistics=(statistic,)),
        Outcome("class_mix", Result.PASSED, statistics=(other,)),
    ]
    return report(outcomes, [AGREEMENT, CRITERION, OTHER], reviewer=reviewer, **changed)


def test_a_reviewer_that_moved_is_named_where_the_verdict_is() -> None:
    """So that nobody repairs the store for it, or is paged for it without a word."""
    run = made(1e-6)
    assert run.verdict is Verdict.CRITICAL
    assert f"below 75 % · the reviewer moved: {SENTENCE}" in reason(run)
    assert f"The reviewer moved: {SENTENCE}." in render(run).replace("\N{NO-BREAK SPACE}", " ")
    assert f"anchors     the reviewer moved: {SENTENCE}" in list(summarise(run, None))


def test_it_is_said_once_if_nothing_else_is_wrong() -> None:
    """The criterion's own message is the reason then."""
    found = reason(made(1e-6, agreed=50))
    assert found.count(SENTENCE) == 1
    assert found.startswith("reviewer_accuracy: ")


def test_neighbours_tell_of_the_store() -> None:
    """They vote with its labels, so the store may well have moved."""
    moved = reviewer_moved(made(1e-6, reviewer="neighbours"))
    assert moved == f"labels or vectors near the anchors changed: {SENTENCE}"
    assert reviewer_findings(made(0.5, fall=0, reviewer="neighbours")) == ""


def test_a_store_is_named_if_agreement_fell_and_the_reviewer_is_as_accurate_as_before() -> None:
    """Only if that was compared, and only if there is a finding to explain."""
    steady = made(0.5, fall=0.05)
    assert reviewer_findings(steady) == f"no sign that the reviewer moved, so look at the store: {SENTENCE}"
    assert reviewer_findings(made(0.5, fall=0.05, agreed=50)) == ""
    assert reviewer_findings(made(None)) == ""


def test_a_fall_that_chance_may_explain_is_said_with_reserve() -> None:
    """One that this test alone finds, and one that it does not: neither clears the reviewer."""
    run = made(0.008)
    assert run.criteria[1].verdict is Verdict.OK
    assert f"· perhaps the reviewer moved: {SENTENCE}" in reason(run)
    assert reviewer_moved(made(0.05)) == ""
    assert reviewer_findings(made(0.05)) == f"too early to say whether the reviewer moved: {SENTENCE}"


def test_an_acknowledged_finding_is_not_repeated() -> None:
    """Somebody knows."""
    run = made(1e-6, acknowledged=Acknowledged((known_criterion("reviewer_accuracy", Verdict.WARNING),)))
    assert "the reviewer moved" not in reason(run)


@pytest.mark.parametrize("criteria", [[AGREEMENT], [AGREEMENT, CRITERION]])
def test_nothing_is_said_without_anchors(criteria: list[Criterion]) -> None:
    """As in a run that was made before anybody judged."""
    assert reviewer_findings(report(list(reviewed(20, 30)), criteria)) == ""
