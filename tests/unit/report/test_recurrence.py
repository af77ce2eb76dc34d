"""Which disagreements are new, and which earlier runs have found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from drift_checks.core.outcomes import Decision, Outcome, Result
from drift_checks.core.records import RecordId
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.recurrence import Recurrence, recurrences
from tests.support.histories import NIGHTS
from tests.support.reports import report
from tests.unit.report.test_run_differences import found

DRAWN = (1, 2, 3)


def words(past: Sequence[RecordedRun], disagree: Sequence[int] = DRAWN) -> dict[RecordId, str]:
    """Return what a run after these says of the records that disagree in it."""
    made = [
        Outcome("agreement", Result.FAILED, "", key, "old", Decision("fraud", 0.5, "loan", 0.75)) for key in disagree
    ]
    found_again = recurrences(replace(report(made, record_ids=DRAWN), past=tuple(past)))
    return {key: recurrence.in_words for key, recurrence in found_again.items()}


def test_a_disagreement_is_new_if_the_run_before_reviewed_the_record_and_found_none() -> None:
    """Of a record that was not drawn then, nothing can be said."""
    assert words([found(NIGHTS[0], (1, 3), r1="loan")]) == {1: "second time", 3: "new since the run before"}


def test_every_run_that_found_it_counts() -> None:
    """Also those before one that drew other records, whatever the label."""
    past = [found(NIGHTS[0], DRAWN, r1="card"), found(NIGHTS[1], (9,)), found(NIGHTS[2], (1,), r1="loan")]
    assert words(past) == {1: "third time"}


def test_a_disagreement_that_was_gone_is_new_again() -> None:
    """It says both."""
    past = [found(NIGHTS[0], DRAWN, r1="loan"), found(NIGHTS[1], DRAWN)]
    assert words(past, [1]) == {1: "new since the run before, second time"}


def test_in_a_first_run_and_without_disagreements_nothing_is_said() -> None:
    """There is nothing to compare."""
    assert (words([]), words([found(NIGHTS[0], DRAWN, r1="loan")], [])) == ({}, {})


@pytest.mark.parametrize(("times", "said"), [(2, "second time"), (9, "ninth time"), (21, "in 21 runs")])
def test_many_times_are_a_number(times: int, said: str) -> None:
    """As a reader would say it."""
    assert Recurrence(new=False, times=times).in_words == said
