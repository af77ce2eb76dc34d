"""Which records wait for a judgement."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from drift_checks.report.accuracy import judges_sentence
from drift_checks.report.history.recorded import RecordedDisagreement
from drift_checks.report.waiting import Reviewed
from drift_checks.reviews.judgements.judgement import Answer, Judged, Judgement
from tests.support.histories import STORE, altered, criterion, run
from tests.support.judgements import NOW, judgement


def reviewed(*judgements: Judgement, issue: int | None = None) -> Reviewed:
    """Return a run in which records 1 to 4 disagree and 11 to 16 agree, with these judgements, and a label issue."""
    values = {
        "stratum": "old",
        "stored": "fraud",
        "reviewed": "loan",
        "stored_confidence": None,
        "reviewed_confidence": None,
    }
    disagreements = tuple(RecordedDisagreement(record_id=key, **values) for key in range(1, 5))  # type: ignore[arg-type]
    made = altered(run(), sample={"store_strata": {"old": 1000}})
    if issue is not None:
        details = {"issues": [{"id": issue, "stored": "fraud", "predicted": "loan"}]}
        made = replace(made, criteria=(*made.criteria, criterion("label_issues", statistics=({"details": details},))))
    made = replace(made, disagreements=disagreements, agreed_records={"old": {"fraud": tuple(range(11, 17))}})
    return Reviewed([made], Judged(judgements, STORE))


def test_disagreements_and_records_on_which_both_agree_wait_in_turn() -> None:
    """Until they are judged."""
    first = [item.agreed for item in reviewed().waiting("anna")][:4]
    assert set(first) == {True, False}
    ids = {item.record_id for item in reviewed(judgement(1), judgement(2, Answer.UNKNOWN)).waiting("anna")}
    assert ids == {3, 4, *range(11, 17)}


def test_a_contradiction_returns_to_both_judges_once() -> None:
    """Then it stays one."""
    anna, ben = judgement(1), judgement(1, Answer.REVIEWER, "ben")
    both = reviewed(anna, ben)
    assert next(both.waiting("anna")).again
    assert [next(both.waiting(name)).record_id == 1 for name in ("anna", "ben", "carla")] == [True, True, False]
    again = reviewed(anna, ben, replace(anna, made=NOW + timedelta(1)))
    assert [next(again.waiting(name)).record_id == 1 for name in ("anna", "ben")] == [False, True]
    assert (
        judges_sentence(both.judged, len(both.conflicts()))
        == "judges agree in 0 of 1 pairs (0 %, Krippendorff's alpha 0.00); judges contradict each other on 1 record"
    )


def test_an_answer_that_was_undone_does_not_count_as_a_second_look() -> None:
    """The contradiction still returns."""
    undone = [judgement(1, Answer.REVIEWER), judgement(1, Answer.WITHDRAWN), judgement(1)]
    made = [replace(item, made=NOW + timedelta(minutes=at)) for at, item in enumerate(undone)]
    assert next(reviewed(*made, judgement(1, Answer.REVIEWER, "ben")).waiting("anna")).again


def test_a_fifth_of_a_second_judges_records_has_been_judged_by_the_first() -> None:
    """So that their agreement can be measured; the first sees none of them again."""
    by_anna = [judgement(key) for key in (1, 2, 3)]
    by_ben = [judgement(key, reviewed="fraud", judge="ben") for key in (11, 12, 13, 14)]
    early, due = reviewed(*by_anna), reviewed(*by_anna, *by_ben)
    assert next(early.waiting("ben")).record_id not in (1, 2, 3)
    assert next(due.waiting("ben")).record_id in (1, 2, 3)
    assert next(due.waiting("anna")).record_id not in (1, 2, 3)
    known = [judgement(key, judge="ben") for key in (1,)]
    assert next(reviewed(*by_anna, *by_ben, *known).waiting("ben")).record_id not in (2, 3)


def test_a_label_issue_follows_three_records_of_the_sample() -> None:
    """Whoever judged them, and in which session."""
    three = [judgement(key, judge=name) for key, name in ((1, "anna"), (2, "ben"), (3, "ben"))]
    assert next(reviewed(*three[:2], issue=99).waiting("anna")).record_id != 99
    assert next(reviewed(*three, issue=99).waiting("anna")).record_id == 99
    judged = judgement(99, stored="fraud", reviewed="loan")
    assert 99 not in {item.record_id for item in reviewed(*three, judged, issue=99).waiting("anna")}
