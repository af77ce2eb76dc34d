"""What earlier runs said of the records that a report lists."""

from __future__ import annotations

from dataclasses import replace

from drift_checks.report.history.recorded import RecordedDisagreement, RecordedRun
from drift_checks.report.past_reviews import past_reviews
from tests.support.histories import NIGHTS, run


def night(number: int, reviewed: str | None) -> RecordedRun:
    """Return a run that drew records 1 and 2, in which the reviewer named this category for record 1."""
    made = run(NIGHTS[number])
    said = (
        [
            RecordedDisagreement(
                record_id=1,
                stratum="old",
                stored="a",
                reviewed=reviewed,
                stored_confidence=None,
                reviewed_confidence=None,
            )
        ]
        if reviewed
        else []
    )
    return replace(made, sample=replace(made.sample, record_ids=(1, 2)), disagreements=tuple(said))


def test_the_newest_reviews_come_first() -> None:
    """Up to a number; a record that no run drew has none."""
    found = past_reviews([night(0, "b"), night(1, None), night(2, "c")], [1, 9], 2)
    assert {key: [past.reviewed for past in each] for key, each in found.items()} == {1: ["c", None]}


def test_a_record_agreed_only_if_every_record_was_reviewed() -> None:
    """The history does not say which reviews failed."""
    whole = night(0, None)
    for failed, agreed in ((0, True), (1, False)):
        made = replace(whole, reviewer=replace(whole.reviewer, failed=failed))
        assert past_reviews([made], [2], 3)[2][0].agreed is agreed
