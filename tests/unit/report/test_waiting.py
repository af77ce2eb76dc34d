"""Which records wait for a judgement."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from drift_checks.report.accuracy import judges_sentence
from drift_checks.report.history.recorded import RecordedDisagreement
from drift_checks.report.waiting import Reviewed
from drift_checks.reviews.judgements.judgement import Answer, Judged, Judgement, Origin
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


def answered(found: Reviewed, key: int, judge: str, answer: Answer) -> Judgement:
    """Return the answer of a judge who picked the record."""
    item = found.picked(str(key), judge)
    assert item is not None
    return item.judgement(f"text {key}", answer, judge, NOW + timedelta(1))


def test_a_corrected_judgement_replaces_the_one_by_turn() -> None:
    """It counts in the accuracy as the one before did."""
    first = [judgement(key) for key in (1, 2, 11)]
    corrected = answered(reviewed(*first), 1, "anna", Answer.REVIEWER)
    assert (corrected.origin, corrected.run_id) == (Origin.REVIEW, first[0].run_id)
    after = reviewed(*first, corrected)
    assert [item.answer for item in after.judgements(after.records["1"])] == [Answer.REVIEWER]
    assert after.reviews.accuracy().judged == reviewed(*first).reviews.accuracy().judged == 2
    assert after.disagreements() == (2, 4)


def test_a_picked_record_never_counts_in_the_accuracy() -> None:
    """It waits for its turn, whoever picked it, and its answer is not taken for one by turn even if it is corrected."""
    picked = answered(reviewed(), 1, "anna", Answer.REVIEWER)
    found = reviewed(picked)
    assert picked.origin is answered(found, 1, "anna", Answer.STORE).origin is Origin.PICKED
    assert found.reviews.accuracy().judged == found.disagreements()[0] == 0
    assert 1 in {item.record_id for item in found.waiting("anna")}
    by_turn = judgement(1, made=NOW + timedelta(2))
    assert reviewed(picked, by_turn).disagreements()[0] == 1


def test_whoever_contradicts_a_picked_record_sees_it_again() -> None:
    """An answer then keeps the origin of the one that it replaces."""
    by_turn = judgement(1)
    picked = answered(reviewed(by_turn), 1, "ben", Answer.REVIEWER)
    found = reviewed(by_turn, picked)
    for name, origin in (("anna", Origin.REVIEW), ("ben", Origin.PICKED)):
        item = next(found.waiting(name))
        assert item.again
        assert item.judgement("text 1", Answer.BOTH, name, NOW).origin is origin


def test_any_record_that_was_reviewed_or_judged_can_be_picked() -> None:
    """Also a doubtful label, or one that a run with other versions reviewed."""
    found = reviewed(judgement(50, stored="card"), issue=99)
    picked = [found.picked(key, "ben") for key in ("1", "99", "50", "51")]
    origins = [item and (item.stored, item.origin, item.before) for item in picked]
    assert origins == [
        ("fraud", Origin.PICKED, None),
        ("fraud", Origin.LABEL_ISSUE, None),
        ("card", Origin.PICKED, None),
        None,
    ]
