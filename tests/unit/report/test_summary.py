"""What the summary says of the sample and of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from drift_checks.report.history.accuracy import Accuracy
from drift_checks.report.history.recorded import OutsideFacts
from drift_checks.report.page.html import render
from drift_checks.report.summary import accuracy_in_words, summarise, without_baseline
from tests.support.pages import decided
from tests.support.reports import BASELINE, LOW, OLD, facts, report, reviewed

OUTSIDE = OutsideFacts(answers=60, categories={"<b>Fraud</b>": 9})


@pytest.mark.parametrize(
    ("judged", "drawn", "chosen", "expected"),
    [
        ([LOW, OLD], {LOW: 30, OLD: 20, BASELINE: 10}, False, "agreement in the sample is of the first 50; "),
        ([LOW, OLD], {LOW: 2_000, OLD: 0, BASELINE: 10}, False, "agreement in the sample is of the first 2,000; "),
        ([LOW, OLD], {LOW: 30, OLD: 20, BASELINE: 0}, False, ""),
        ([BASELINE], {LOW: 0, OLD: 0, BASELINE: 50}, False, ""),
        ([LOW, OLD], {LOW: 1, OLD: 1, BASELINE: 1}, True, ""),
    ],
)
def test_says_why_agreement_counts_fewer_records_than_were_drawn(
    judged: Sequence[str], drawn: dict[str, int], chosen: bool, expected: str
) -> None:
    """Nothing where it counts all of them."""
    said = without_baseline(facts(judged=judged, drawn=drawn, chosen=chosen))
    assert said.startswith(expected)
    assert bool(said) is bool(expected)


def test_answers_outside_the_categories_come_first() -> None:
    """On the terminal and on the page, where they are no markup."""
    made = report(reviewed(41, 9), reviewing={"outside": OUTSIDE})
    lines = list(summarise(made, None))
    said = "9 of 60 answers are outside the store's categories: '<b>Fraud</b>' (9)"
    assert lines[2].startswith(f"answers     {said}")
    page = render(made)
    assert page.index("9 of 60 answers are outside") < page.index('id="criteria"')
    assert "<b>Fraud" not in page
    assert not any(line.startswith("answers") for line in summarise(report(reviewed(41, 9)), None))


def test_disagreements_that_nobody_judged_come_with_how_to() -> None:
    """Unless they cannot be judged; and what judgements say takes the place of the hint."""
    made = report(reviewed(45, 5))
    assert accuracy_in_words(made) == ["`drift-checks judge` asks who is right, and tells how accurate both are"]
    assert accuracy_in_words(report(reviewed(50, 0))) == []
    for name in ("partial", "chosen", "redacted", "demo"):
        changed: dict[str, Any] = {name: True}
        assert accuracy_in_words(report(reviewed(45, 5), **changed)) == []
    found = Accuracy(judged=1, reviewed=50, runs=1, missing="none agree")
    said = accuracy_in_words(report(reviewed(45, 5), accuracy=found))
    assert said == ["no estimate yet: none agree", "1 of 50 reviewed records judged"]


def test_a_record_that_was_hunted_is_named_so_in_words() -> None:
    """Not by the name of its stratum."""
    lines = list(summarise(report([decided(1, "fraud", "loan", "label_issue"), decided(2, "a", "b", OLD)]), None))
    assert [line.rpartition("  ")[2] for line in lines if "→" in line] == ["likely label issue", "old"]
