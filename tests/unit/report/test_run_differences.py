"""The records on which two runs differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drift_checks.core.outcomes import Decision, Outcome, Result
from drift_checks.core.records import RecordId
from drift_checks.report.document import record
from drift_checks.report.history.recorded import KnownDisagreement, RecordedDisagreement, RecordedRun
from drift_checks.report.run_differences import Difference, Seen, SincePrevious, record_differences
from tests.support.histories import NIGHTS, altered, run
from tests.support.reports import known_record, report
from tests.unit.report.test_known import SAID, knowing


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
    made = altered(run(night), sample={"record_ids": drawn}, disagreements=disagreements)
    return replace(made, agreed_records={})


def kinds(first: RecordedRun, second: RecordedRun) -> dict[RecordId, Difference]:
    """Return the kind of each record that disagrees in either run."""
    return {item.record_id: item.kind for item in record_differences(Seen.by(first), Seen.by(second))}


def test_each_record_is_new_gone_changed_or_the_same() -> None:
    """If both runs drew it."""
    first = found(NIGHTS[0], (1, 2, 3, 4), r1="loan", r2="loan", r3="loan")
    second = found(NIGHTS[1], (1, 2, 3, 4), r2="card", r3="loan", r4="loan")
    assert kinds(first, second) == {4: Difference.NEW, 1: Difference.GONE, 2: Difference.CHANGED, 3: Difference.SAME}


def test_a_record_that_one_run_did_not_draw_is_neither_new_nor_gone() -> None:
    """It says in which sample it is."""
    first, second = found(NIGHTS[0], (1,), r1="loan"), found(NIGHTS[1], (2,), r2="loan")
    assert kinds(first, second) == {1: Difference.ONLY_FIRST, 2: Difference.ONLY_SECOND}


@pytest.mark.parametrize(("agreed", "kind"), [((1,), Difference.GONE), ((2,), Difference.NOT_REVIEWED)])
def test_a_record_that_was_not_reviewed_is_not_gone(agreed: tuple[int, ...], kind: Difference) -> None:
    """A run records on which records store and reviewer agreed."""
    first, second = found(NIGHTS[0], (1, 2), r1="loan"), found(NIGHTS[1], (1, 2))
    assert kinds(first, replace(second, agreed_records={"old": {"fraud": agreed}})) == {1: kind}


def test_a_disagreement_that_was_acknowledged_or_judged_is_settled_and_not_gone() -> None:
    """With the reason; once it counts again, it is not new."""
    counted, known = found(NIGHTS[0], (1,), r1="loan"), found(NIGHTS[1], (1,))
    values = vars(counted.disagreements[0])
    known = replace(known, known_disagreements=(KnownDisagreement(**values, why="judged by anna"),))
    for runs, kind in (((counted, known), Difference.SETTLED), ((known, counted), Difference.REOPENED)):
        (difference,) = record_differences(*map(Seen.by, runs))
        assert (difference.kind, difference.why) == (kind, "judged by anna")


def test_ids_are_in_their_natural_order() -> None:
    """Numbers by their value."""
    second = found(NIGHTS[1], (9, 10), r10="loan", r9="loan")
    assert list(kinds(found(NIGHTS[0], (9, 10)), second)) == [9, 10]


def outcome(key: int, result: Result) -> Outcome:
    """Return the outcome of agreement for a record."""
    return Outcome("agreement", result, "", key, "old", Decision("financial", 0.5, "regulatory", 0.75))


def test_a_run_and_its_record_say_the_same_of_its_records() -> None:
    """So that the page of a run shows what `compare` prints."""
    results = (Result.PASSED, Result.FAILED, Result.UNMEASURED, Result.FAILED)
    made = [outcome(key, result) for key, result in enumerate(results, 1)]
    seen = Seen.in_report(report(made, acknowledged=knowing(known_record(4)), record_ids=(1, 2, 3, 4)))
    assert seen == Seen.by(record(report(made, acknowledged=knowing(known_record(4)), record_ids=(1, 2, 3, 4))))
    assert (set(seen.disagreements), seen.known, seen.reviewed) == ({2}, {4: SAID}, {1, 2, 4})


def test_a_first_run_is_compared_with_none() -> None:
    """There is no section on its page."""
    assert SincePrevious.of(report([outcome(1, Result.FAILED)])) is None


def test_the_page_names_some_of_many_records() -> None:
    """And how many there are."""
    now = [outcome(key, Result.FAILED) for key in range(1, 101)]
    ids = tuple(range(1, 101))
    since = SincePrevious.of(replace(report(now, record_ids=ids), past=(found(NIGHTS[0], ids),)))
    assert since is not None
    shown, number = since.found[Difference.NEW]
    assert (since.shared, len(shown), number) == (100, 30, 100)
