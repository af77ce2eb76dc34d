"""Which judged records get another category, and why the others do not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drift_checks.core.records import Damaged
from drift_checks.operations.repair.choosing import Change, Reason, StoredRow, choose
from drift_checks.reviews.judgements.judgement import Answer, Judged, Judgement, hash_of
from tests.support.histories import STORE
from tests.support.judgements import NOW, judgement

ROW = StoredRow(1, "text 1", "fraud", "fraud")


def chosen(*judgements: Judgement, row: StoredRow | None = ROW, least: int = 1) -> Change | Reason:
    """Return the change of the only record, or why it is left out."""
    changes, left_out = choose(Judged(judgements, STORE), {} if row is None else {1: row}, least)
    return changes[0] if changes else next(iter(left_out))


def by(judge: str, answer: Answer, category: str = "") -> Judgement:
    """Return a judgement of the record, which is fraud in the store and loan by the reviewer."""
    return judgement(1, answer, judge, category=category)


def test_the_category_that_all_judges_name_is_chosen() -> None:
    """The change says who judged, when the last of them did, and of which text."""
    later = judgement(1, Answer.OTHER, "ben", reviewed="card", category="loan", made=NOW + timedelta(days=1))
    found = chosen(by("anna", Answer.REVIEWER), later, by("eve", Answer.UNKNOWN), least=2)
    assert found == Change(1, hash_of("text 1"), "fraud", "loan", ("anna", "ben"), NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("reason", "judgements"),
    [
        (Reason.CORRECT, [by("anna", Answer.STORE)]),
        (Reason.CORRECT, [by("anna", Answer.STORE), by("ben", Answer.BOTH)]),
        (Reason.CORRECT, [judgement(1, Answer.BOTH, reviewed="fraud")]),
        (Reason.BOTH, [by("anna", Answer.BOTH)]),
        (Reason.UNKNOWN, [by("anna", Answer.UNKNOWN)]),
        (Reason.UNNAMED, [by("anna", Answer.OTHER)]),
        (Reason.CONTRADICTION, [by("anna", Answer.REVIEWER), by("ben", Answer.STORE)]),
        (Reason.CONTRADICTION, [by("anna", Answer.REVIEWER), by("ben", Answer.OTHER, "card")]),
        (Reason.CONTRADICTION, [by("anna", Answer.REVIEWER), by("ben", Answer.OTHER)]),
        (Reason.CHANGED_TEXT, [judgement(1, Answer.REVIEWER, text_hash=hash_of("before"))]),
        # Two categories that the record had before were both called right.
        (Reason.SEVERAL, [judgement(1, Answer.BOTH, stored="card", reviewed="loan")]),
        (Reason.SEVERAL, [judgement(1, Answer.BOTH, stored="card", reviewed="loan"), by("ben", Answer.REVIEWER)]),
    ],
)
def test_other_records_are_left_out(reason: Reason, judgements: list[Judgement]) -> None:
    """With the reason."""
    assert chosen(*judgements) is reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (None, Reason.GONE),
        (StoredRow(1, "text 1", "loan", "loan"), Reason.CORRECT),
        (StoredRow(Damaged(1, "is the id of several records"), "text 1", "fraud", "fraud"), Reason.UNREADABLE),
        (StoredRow(1, "text 1", Damaged(b"\xff", "is not UTF-8"), b"\xff"), Reason.UNREADABLE),
    ],
)
def test_the_store_is_read_as_it_is_now(row: StoredRow | None, reason: Reason) -> None:
    """A record that was removed, repaired or damaged meanwhile is left out."""
    assert chosen(by("anna", Answer.REVIEWER), row=row) is reason


def test_an_id_of_another_program_is_recognised() -> None:
    """It may be a number where the store has a text."""
    changes, _ = choose(Judged([by("anna", Answer.REVIEWER)], STORE), {"1": ROW}, 1)
    assert [item.record_id for item in changes] == ["1"]


def test_few_judges_and_unknown_categories_are_left_out_on_request() -> None:
    """Redaction withholds a category that is none of the known ones: it may quote a text."""
    judged = Judged([by("anna", Answer.REVIEWER)], STORE)
    assert chosen(by("anna", Answer.REVIEWER), least=2) is Reason.FEW_JUDGES
    assert choose(judged, {1: ROW}, 1, ["fraud", "card"]) == ([], {Reason.WITHHELD: [1]})
