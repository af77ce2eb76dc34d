"""What people say about a record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drift_checks.core.records import Record, Stratum
from drift_checks.reviews.judgements.judgement import Answer, Judged, said_of, settled_records, standing
from tests.support.histories import STORE
from tests.support.judgements import NOW, judgement


@pytest.mark.parametrize(
    ("answer", "category", "expected"),
    [
        (Answer.STORE, "", [True, False, False]),
        (Answer.REVIEWER, "", [False, True, False]),
        (Answer.BOTH, "", [True, True, False]),
        (Answer.OTHER, "card", [False, False, True]),
        (Answer.OTHER, "", [False, False, None]),
        (Answer.UNKNOWN, "", [None, None, None]),
    ],
)
def test_an_answer_says_which_categories_are_right(answer: Answer, category: str, expected: list[bool | None]) -> None:
    """Also of a category that nobody had chosen when it was judged."""
    made = judgement(answer=answer, category=category)
    assert [made.says_of(name) for name in ("fraud", "loan", "card")] == expected


def test_the_newest_answer_of_a_judge_stands() -> None:
    """One that was withdrawn does not: the one before it stands again."""
    first, other = judgement(), judgement(judge="ben")
    later = replace(first, answer=Answer.REVIEWER, made=NOW + timedelta(1))
    withdrawn = replace(other, answer=Answer.WITHDRAWN, made=NOW + timedelta(1))
    assert standing([later, first, other, withdrawn]) == [later]
    assert standing([later, first, replace(withdrawn, judge="anna", made=NOW + timedelta(2))]) == [first]


def test_a_record_is_settled_while_its_text_and_category_are_those_judged() -> None:
    """Judges who contradict each other settle nothing."""
    records = [
        Record(key, Stratum.OLD, {"id": key, "text": text, "category": category})
        for key, text, category in [
            (1, "text 1", "fraud"),
            (2, "changed", "fraud"),
            (3, "text 3", "loan"),
            (4, "text 4", "fraud"),
        ]
    ]
    made = [*map(judgement, (1, 2, 3, 4)), judgement(4, Answer.REVIEWER, "ben")]
    found = settled_records(Judged(made, STORE), records)
    assert found == {(1, "fraud"): "judged by anna on 2026-01-15: the store is right"}


def test_each_judge_says_something_of_a_text() -> None:
    """The newest first; what was said of an earlier text of the record is not said of this one."""
    later = judgement(1, Answer.UNKNOWN, "ben", made=NOW + timedelta(1))
    judged = Judged([judgement(1), later, judgement(2), judgement(3)], STORE)
    assert said_of(judged, {1: "text 1", 2: "changed", 4: "text 4"}) == {
        1: ["judged by ben on 2026-01-16: cannot tell", "judged by anna on 2026-01-15: the store is right"]
    }


def test_a_category_that_a_judge_typed_is_withheld() -> None:
    """It may be any text."""
    made = [judgement(1, Answer.OTHER, category="a secret")]
    assert said_of(Judged(made, STORE), {1: "text 1"}, redacted=True) == {
        1: ["judged by anna on 2026-01-15: another category is right"]
    }
