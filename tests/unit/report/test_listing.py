"""The records that a report lists, and the file of all of them."""

from __future__ import annotations

import csv
from io import StringIO

from drift_checks.core.outcomes import AGREEMENT, Decision, Outcome, Result
from drift_checks.report.listing import as_csv, listed_records

SURE = Decision("a", 0.9, "b", 0.9)


def outcome(
    key: int, result: Result = Result.FAILED, name: str = AGREEMENT, decision: Decision = SURE, message: str = "why"
) -> Outcome:
    """Return the outcome of a record."""
    return Outcome(name, result, message, key, "old", decision)


def test_most_important_come_first() -> None:
    """Disagreements of which both were sure, other disagreements, failures, missing reviews, acknowledged ones."""
    unsure = Decision("a", 0.1, "b", 0.2)
    found = listed_records(
        [
            outcome(1, Result.ACKNOWLEDGED),
            outcome(2, Result.UNMEASURED),
            outcome(3, name="record_integrity"),
            outcome(4, decision=unsure),
            outcome(5),
            outcome(6, Result.PASSED),
            outcome(7, Result.UNMEASURED, "record_integrity"),
        ]
    )
    assert [item.record_id for item in found] == [5, 4, 3, 2, 1]


def test_file_has_a_line_for_each_outcome_that_did_not_pass() -> None:
    """Its cells are no formulas to a spreadsheet."""
    listed = listed_records(
        [outcome(1, message="=1+1"), outcome(1, name="record_integrity"), outcome(2, Result.PASSED)]
    )
    lines = list(csv.DictReader(StringIO(as_csv(listed))))
    assert [(line["record_id"], line["criterion"], line["message"]) for line in lines] == [
        ("1", AGREEMENT, "'=1+1"),
        ("1", "record_integrity", "why"),
    ]
    assert (lines[0]["stored"], lines[0]["reviewed"], lines[0]["reviewed_confidence"]) == ("a", "b", "0.9")
