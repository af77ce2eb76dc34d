"""Sessions of several judges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drift_checks.core.files import Claims
from drift_checks.operations.judging.session import JudgingSession, Shown
from drift_checks.report.waiting import Waiting
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer
from tests.support.judgements import NOW
from tests.support.judging import ListedRecords


class Desk:
    """Opens sessions of one process."""

    def __init__(self, folder: Path, claims: Claims) -> None:
        self.file, self.claims = JudgementFile(folder), claims
        self.records = ListedRecords(self.file)

    def session(self, judge: str, owner: str = "") -> JudgingSession:
        """Open a session."""
        return JudgingSession(self.records, self.file, self.claims, judge, lambda: NOW, owner=owner or judge)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Sessions over five records."""
    with Claims(tmp_path / "claims") as claims:
        yield Desk(tmp_path, claims)


def shown(session: JudgingSession) -> object:
    """Return the id of the record that a session shows."""
    assert isinstance(session.current, Shown)
    return session.current.waiting.record_id


def test_two_sessions_show_different_records(desk: Desk) -> None:
    """Also after answers, which the other session does not repeat, and if both are of the same judge."""
    anna, again = desk.session("anna", "one"), desk.session("anna", "two")
    seen = []
    for session in (anna, again, anna, again):
        seen.append(shown(session))
        session.answer(Answer.STORE)
    assert seen == [1, 2, 3, 4]


def test_a_skipped_record_is_shown_to_others(desk: Desk) -> None:
    """It does not return to the one who skipped it."""
    anna, ben = desk.session("anna"), desk.session("ben")
    anna.skip()
    ben.answer(Answer.STORE)
    assert (shown(anna), shown(ben)) == (3, 1)


def test_a_pause_lets_others_have_the_record(desk: Desk) -> None:
    """Also one that was put back by an undo."""
    anna = desk.session("anna")
    anna.answer(Answer.STORE)
    anna.undo()
    anna.pause()
    assert shown(desk.session("ben")) == 1
    anna.resume()
    assert shown(anna) == 2


def test_a_contradiction_returns_after_another_record(desk: Desk) -> None:
    """At once, the judge would only repeat the answer."""
    again = Waiting(1, "fraud", "loan", desk.records.run, "old", again=True)
    waiting = desk.records.waiting
    desk.records.waiting = lambda judge: iter([again, *waiting(judge)])  # type: ignore[method-assign]
    anna = desk.session("anna")
    anna.answer(Answer.STORE)
    assert shown(anna) == 2
    anna.answer(Answer.STORE)
    assert shown(anna) == 1
