"""Anchors from judgements and from the gold set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.records import Record, RecordId, Stratum
from drift_checks.reviews.anchors import Anchors, GoldLine, find_anchors
from drift_checks.reviews.judgements.judgement import Answer, Judged, Judgement, Origin
from tests.support.histories import STORE
from tests.support.judgements import NOW, judgement

ANSWERS = st.sampled_from(Answer)
JUDGEMENTS = st.lists(
    st.builds(
        judgement,
        st.integers(1, 3),
        ANSWERS,
        st.sampled_from(["anna", "ben"]),
        category=st.sampled_from(["", "card", "loan"]),
        made=st.integers(0, 5).map(lambda hours: NOW + timedelta(hours=hours)),
    ),
    max_size=12,
)


def record(key: RecordId, text: str | None = None) -> Record:
    """Return a record of the store."""
    values = {"id": key, "text": f"text {key}" if text is None else text, "category": "fraud"}
    return Record(key, Stratum.BASELINE, values)


def found(
    made: Iterable[Judgement] = (), gold: Iterable[GoldLine] = (), store: Sequence[Record] | None = None
) -> Anchors:
    """Return the anchors of a store with three records."""
    there = [record(key) for key in (1, 2, 3)] if store is None else store
    return find_anchors(Judged(made, STORE), gold, lambda ids: [item for item in there if item.id in ids])


def rights(anchors: Anchors) -> dict[RecordId | None, set[str]]:
    """Return the right categories by record."""
    return {anchor.record_id: set(anchor.right) for anchor in anchors.all}


def line(right: str, key: str = "", text: str = "") -> GoldLine:
    """Return a line of a gold set."""
    return GoldLine(7, frozenset({right}), key, text)


def test_a_record_is_an_anchor_if_its_judge_named_the_right_category() -> None:
    """An answer that was withdrawn, "cannot tell", and "neither" without a category do not say what is right."""
    made = [
        judgement(1, Answer.STORE),
        judgement(2, Answer.OTHER, category="card"),
        judgement(3, Answer.UNKNOWN),
        judgement(4, Answer.OTHER),
        judgement(5, Answer.WITHDRAWN),
    ]
    assert rights(found(made, store=[record(key) for key in range(1, 6)])) == {1: {"fraud"}, 2: {"card"}}


def test_both_categories_may_be_right() -> None:
    """An answer with either of them is right."""
    assert rights(found([judgement(1, Answer.BOTH)])) == {1: {"fraud", "loan"}}


@given(JUDGEMENTS)
def test_all_judges_who_decided_name_the_categories_of_an_anchor(made: list[Judgement]) -> None:
    """Their newest answers count; one who cannot tell does not decide."""
    judged = Judged(made, STORE)
    anchors = rights(found(made))
    for key in (1, 2, 3):
        named = [item.right for item in judged.of_record(key) if item.decides]
        if named and named[0] and all(right == named[0] for right in named):
            assert anchors[key] == named[0]
        else:
            assert key not in anchors


def test_an_anchor_whose_text_changed_or_whose_record_is_gone_is_dropped_and_named() -> None:
    """What was judged is no longer there."""
    anchors = found([judgement(1), judgement(2), judgement(3)], store=[record(1), record(2, "another text")])
    assert rights(anchors) == {1: {"fraud"}}
    assert anchors.notes == (
        "the text of record 2 changed since it was judged, so it is no longer an anchor",
        "record 3 is gone or left out, so it is no longer an anchor",
    )


def test_an_anchor_knows_what_reviewers_answered_when_it_was_judged() -> None:
    """Two judges of one review tell of one answer; a label issue is no answer of a reviewer."""
    versions = {"reviewer": "mine:Classifier"}
    made = [
        judgement(1, judge="anna", versions=versions, run_id="a"),
        judgement(1, judge="ben", versions=versions, run_id="a"),
        judgement(2, Answer.REVIEWER, versions=versions, run_id="a"),
        judgement(3, Answer.REVIEWER, versions=versions, origin=Origin.LABEL_ISSUE),
    ]
    answers = {anchor.record_id: anchor.answers for anchor in found(made).all}
    assert answers == {1: (("mine:Classifier", False),), 2: (("mine:Classifier", True),), 3: ()}


def test_a_line_of_the_gold_set_names_a_record_or_a_text_of_its_own() -> None:
    """A text without a record is an anchor too; the gold set decides over a judgement."""
    anchors = found([judgement(1)], [line("card", "1"), line("loan", text="my loan"), line("card", "2", "text 2")])
    assert rights(anchors) == {1: {"card"}, 2: {"card"}, None: {"loan"}}
    assert next(anchor for anchor in anchors.all if not anchor.is_stored).text == "my loan"


def test_a_line_of_the_gold_set_is_dropped_if_the_store_has_another_text_or_no_such_record() -> None:
    """The others count, and the reason names the record, not its text."""
    anchors = found(gold=[line("card", "1", "text 1 as it was"), line("card", "x"), line("card", "3")])
    assert rights(anchors) == {3: {"card"}}
    assert anchors.notes == (
        "the text of record 1 is not the one in the gold set, so it is no anchor",
        "record x of the gold set is gone or left out, so it is no anchor",
    )


def test_new_anchors_leave_the_order_of_the_others_as_it_is() -> None:
    """The ones that are drawn first stay the same from night to night."""
    few = [anchor.key for anchor in found([judgement(1), judgement(3)]).all]
    more = [anchor.key for anchor in found([judgement(1), judgement(2), judgement(3)]).all]
    assert [key for key in more if key in few] == few


def test_a_category_that_no_record_has_is_kept_and_noted() -> None:
    """The store may have lost it, and the reviewer may still name it."""
    anchors = found(gold=[GoldLine(7, frozenset({"frau"}), "1", unknown="frau")])
    assert rights(anchors) == {1: {"frau"}}
    assert anchors.notes == ("line 7 of the gold set names 'frau', a category that no record has",)


def test_an_anchor_is_another_once_other_categories_are_right() -> None:
    """What the reviewer answered before is not compared with what is right now."""
    keys = [found(gold=[line(right, text="my card")]).all[0].key for right in ("card", "loan", "card")]
    assert keys[0] == keys[2] != keys[1]


def test_an_id_of_thousands_of_digits_is_no_record() -> None:
    """As any other id that the store lacks."""
    assert not found(gold=[line("card", "9" * 5000)]).all
