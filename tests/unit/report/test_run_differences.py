"""The records on which two runs differ."""

from __future__ import annotations

from drift_checks.report.history.recorded import RecordedDisagreement, RecordedRun
from drift_checks.report.run_differences import Difference, record_differences
from tests.support.histories import NIGHTS, altered, run


def found(night: str, drawn: tuple[int, ...], **labels: str) -> RecordedRun:
    """Return a run that drew these records, whose reviewer gave other labels to some of them."""
    disagreements = tuple(
        RecordedDisagreement(
            record_id=int(key[1:]),
            stratum="old",
            stored="fraud",
            reviewed=label,
            stored_confidence=None,
            reviewed_confidence=None,
        )
        for key, label in labels.items()
    )
    return altered(run(night), sample={"record_ids": drawn}, disagreements=disagreements)


def test_each_record_is_new_gone_changed_or_the_same() -> None:
    """If both runs drew it."""
    first = found(NIGHTS[0], (1, 2, 3, 4), r1="loan", r2="loan", r3="loan")
    second = found(NIGHTS[1], (1, 2, 3, 4), r2="card", r3="loan", r4="loan")
    kinds = {item.record_id: item.kind for item in record_differences(first, second)}
    assert kinds == {4: Difference.NEW, 1: Difference.GONE, 2: Difference.CHANGED, 3: Difference.SAME}


def test_a_record_that_one_run_did_not_draw_is_neither_new_nor_gone() -> None:
    """It says in which sample it is."""
    first, second = found(NIGHTS[0], (1,), r1="loan"), found(NIGHTS[1], (2,), r2="loan")
    kinds = {item.record_id: item.kind for item in record_differences(first, second)}
    assert kinds == {1: Difference.ONLY_FIRST, 2: Difference.ONLY_SECOND}


def test_an_acknowledged_disagreement_is_not_gone() -> None:
    """The reviewer still disagrees."""
    first, second = found(NIGHTS[0], (1,), r1="loan"), found(NIGHTS[1], (1,))
    accepted = altered(second, acknowledged=({"record_id": 1, "found": True},))
    assert [item.kind for item in record_differences(first, accepted)] == [Difference.ACKNOWLEDGED]
