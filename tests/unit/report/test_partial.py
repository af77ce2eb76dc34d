"""A criterion that was checked in part: what its verdict may still say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from drift_checks.core.outcomes import Criterion, Outcome, Result, Statistic
from drift_checks.report.coverage import Coverage
from drift_checks.report.headline import headline
from drift_checks.report.page.html import render
from tests.support.reports import report, reviewed

CHOSEN = Coverage(12, 60, criteria=1, of_criteria=17, left_out={"agreement": 48})
STOPPED = Coverage(12, 60, criteria=1, of_criteria=17, cut_off={"agreement": 48})


@pytest.mark.parametrize(
    ("made", "coverage", "verdict", "exit_code"),
    [
        (reviewed(12, 0), CHOSEN, "OK", 0),
        (reviewed(11, 1), CHOSEN, "INCONCLUSIVE", 75),
        (reviewed(0, 12), CHOSEN, "INCONCLUSIVE", 75),
        (reviewed(12, 0), STOPPED, "INCONCLUSIVE", 75),
        (reviewed(0, 12), Coverage(60, 60), "CRITICAL", 1),
    ],
)
def test_verdict_on_a_part_of_the_records(
    made: Sequence[Outcome], coverage: Coverage, verdict: str, exit_code: int
) -> None:
    """It is OK if all of them pass; otherwise the rate of a part says nothing about the whole."""
    found = report(made, coverage=coverage, partial=True)
    assert (found.verdict, found.exit_code) == (verdict, exit_code)


@pytest.mark.parametrize(("effect", "verdict"), [("PSI", "CRITICAL"), ("", "CRITICAL")])
def test_statistics_stand_for_themselves(effect: str, verdict: str) -> None:
    """An effect, or a share of the whole store, does not depend on the checks that were left out."""
    criterion = Criterion(
        "mix", "Is it so?", effect=effect, warn=0.1 if effect else 0.9, critical=0.2 if effect else 0.5
    )
    statistic = Statistic("mix", "it moved", 0.3, 100) if effect else Statistic.share("mix", 1, 9, "9 of 10 lack it")
    made = [Outcome("mix", Result.PASSED, statistics=(statistic,), check="test_mix.py::test_mix")]
    assert report(made, [criterion], coverage=Coverage(left_out={"mix": 1}), partial=True).verdict == verdict


@pytest.mark.parametrize(
    ("coverage", "begins"),
    [
        (CHOSEN, "PARTIAL · 12 of 60 records, 1 of 17 criteria · INCONCLUSIVE · agreement: 2 of 12 disagree"),
        (
            Coverage(3, 3, chosen=True, criteria=17, of_criteria=17),
            "PARTIAL · 3 of 3 chosen records, 17 of 17 criteria · ",
        ),
        (Coverage(0, 60, criteria=1, of_criteria=17), "PARTIAL · 1 of 17 criteria · "),
    ],
)
def test_headline_begins_with_how_much_was_checked(coverage: Coverage, begins: str) -> None:
    """On the terminal, in report.json and on the page."""
    found = report(reviewed(10, 2), coverage=coverage, partial=True)
    assert (headline(found).startswith(begins), begins in render(found)) == (True, True)


def test_demo_comes_after_partial() -> None:
    """The headline begins with PARTIAL in every partial run."""
    found = report(reviewed(10, 2), coverage=CHOSEN, partial=True, demo=True)
    assert headline(found).startswith("PARTIAL · 12 of 60 records, 1 of 17 criteria · DEMO · INCONCLUSIVE · ")
