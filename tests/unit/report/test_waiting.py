"""Which records wait for a judgement."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from drift_checks.report.accuracy import judges_sentence
from drift_checks.report.history.recorded import RecordedDisagreement
from drift_checks.report.waiting import Reviewed
from drift_checks.reviews.judgements.judgement import Answer, Judged, Judgement
from tests.support.histories import STORE, altered, run
from tests.support.judgements import NOW, judgement


def reviewed(*judgements: Judgement) -> Reviewed:
    """Return a run in which records 1 to 4 disagree and 11 to 16 agree, with these judgements."""
    values = {
        "stratum": "old",
        "stored": "fraud",
        "reviewed": "loan",
        "stored_confidence": None,
        "reviewed_confidence": None,
    }
    disagreements = tuple(RecordedDisagreement(record_id=key, **values) for key in range(1, 5))  # type: ignore[arg-type]
    made = altered(run(), sample={"store_strata": {"old": 1000}})
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
    assert [next(both.waiting(name)).record_id == 1 for name in ("anna", "ben", "carla")] == [True, True, False]
    again = reviewed(anna, ben, replace(anna, made=NOW + timedelta(1)))
    assert [next(again.waiting(name)).record_id == 1 for name in ("anna", "ben")] == [False, True]
    assert (
        judges_sentence(both.judged, len(both.conflicts()))
        == "judges agree in 0 of 1 pairs (0 %, Krippendorff's alpha 0.00); judges contradict each other on 1 record"
    )
