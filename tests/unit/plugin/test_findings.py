"""One outcome per criterion and record, however often it was checked."""

from __future__ import annotations

import pytest

from drift_checks.core.outcomes import Outcome, Result
from drift_checks.plugin.findings import first_line, one_per_record


@pytest.mark.parametrize(
    ("results", "kept"),
    [
        (("passed", "passed"), "passed"),
        (("passed", "failed"), "failed"),
        (("failed", "broken"), "broken"),
        (("unmeasured", "passed"), "unmeasured"),
        (("not_needed", "unmeasured"), "unmeasured"),
    ],
)
def test_worst_outcome_of_a_record_counts(results: tuple[str, str], kept: str) -> None:
    """In whatever order they came."""
    for order in (results, results[::-1]):
        made = [Outcome("agreement", Result(result), record_id=1, check=result) for result in order]
        assert [item.result for item in one_per_record(made, [1])] == [kept]


def test_outcomes_are_in_the_order_of_the_sample() -> None:
    """A plugin may shuffle the checks."""
    made = [Outcome("agreement", Result.PASSED, record_id=key) for key in ("b", "c", "a")]
    assert [item.record_id for item in one_per_record(made, ["a", "b", "c"])] == ["a", "b", "c"]


def test_criteria_and_other_checks_are_kept_apart() -> None:
    """Each criterion has its outcome of a record, and each check of the store its own."""
    made = [
        Outcome("agreement", Result.PASSED, record_id=1),
        Outcome("record_integrity", Result.PASSED, record_id=1),
        *(Outcome("provenance", Result.PASSED, check=check) for check in ("one", "two", "two")),
    ]
    assert len(one_per_record(made, [1])) == 4


def test_first_line_that_says_something() -> None:
    """Libraries begin their messages with a blank line."""
    assert (first_line("\nnot equal:\n 1"), first_line(AssertionError())) == ("not equal:", "")
