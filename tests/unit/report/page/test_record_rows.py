"""The records that a report lists."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.outcomes import AGREEMENT, Outcome, Result
from drift_checks.core.records import RecordId
from drift_checks.core.text import html_size, shorten_html, spelled_out
from drift_checks.report.acknowledgements import Acknowledged
from drift_checks.report.details import Details, Near, Reasons
from drift_checks.report.page.excerpts import Excerpt
from drift_checks.report.page.record_rows import Failure, RecordRow, record_rows
from tests.support.pages import decided, described, known_report, with_details
from tests.support.reports import LOW, OLD, outcomes, report, reviewed

TEXTS = st.text(max_size=900) | st.text("ab &\"'<\n\u202e漢", max_size=900)


def rows(*made: Outcome, details: tuple[Details, ...] = ()) -> list[RecordRow]:
    """Return the rows of these outcomes."""
    return record_rows(with_details(report(made), details))


def test_disagreements_come_first_then_failures_then_missing_reviews() -> None:
    """The most confident come first in each group."""
    assert [row.record_id for row in record_rows(known_report())] == [1, 2, 3, 10, "four", 30]


def test_disagreements_with_the_same_pair_stand_together() -> None:
    """The most frequent pair comes first, and in it the most confident; others keep their order."""
    made = [
        decided(1, "a", "b", confidences=(0.9, 0.9)),
        decided(2, "b", "c", confidences=(0.5, 0.5)),
        decided(3, "b", "c", confidences=(0.8, 0.8)),
        decided(4, "c", "c", criterion="record_integrity"),
        decided(5, "b", "c", criterion="record_integrity"),
    ]
    assert [row.record_id for row in rows(*made)] == [3, 2, 1, 4, 5]


def test_each_row_has_its_own_anchor() -> None:
    """Its id, so that a link is the same in each run; ids that look alike also have a number."""
    found = rows(*(decided(key, "a", "b") for key in (1, "1", "01", "a b", "a_b")))
    anchors = [row.anchor.removeprefix("record-") for row in found]
    assert anchors == ["1--1", "1--2", "01", "a_b--4", "a_b--5"]


def test_all_failures_of_a_record_are_in_one_row() -> None:
    """Except agreement, which the two categories show."""
    damage = decided(1, "fraud", "cyber", criterion="record_integrity", message="the hash does not fit")
    (row,) = rows(decided(1, "fraud", "cyber"), damage)
    assert (row.disagrees, row.pair, row.not_reviewed) == (True, "fraud → cyber", "")
    assert row.failures == (Failure("record_integrity", "the hash does not fit"),)
    assert row.criteria == [AGREEMENT, "record_integrity"]


def test_a_record_that_was_not_reviewed_says_why() -> None:
    """It is not a disagreement."""
    (row,) = rows(*reviewed(0, 0, 1))
    assert (row.disagrees, row.pair, row.not_reviewed, row.criteria) == (False, "", "the reviewer is down", [])


@pytest.mark.parametrize(
    "made",
    [
        outcomes(Result.PASSED, 3),
        outcomes(Result.NOT_NEEDED, 3),
        outcomes(Result.UNMEASURED, 3, criterion="record_integrity", message="no hash"),
        [Outcome("record_integrity", Result.FAILED, "10 of 100 are damaged")],
    ],
    ids=["passed", "not needed", "not measured by another criterion", "whole store"],
)
def test_other_records_are_not_listed(made: list[Outcome]) -> None:
    """The page shows those outcomes by criterion."""
    assert rows(*made) == []


def test_a_broken_check_is_listed_with_its_message() -> None:
    """It counts as a failure here."""
    (row,) = rows(*outcomes(Result.BROKEN, 1, criterion="record_integrity", message="no such column"))
    assert row.failures == (Failure("record_integrity", "no such column"),)


def test_the_decision_is_that_of_any_outcome_of_the_record() -> None:
    """A criterion that needs no review may come first."""
    bare = replace(decided(1, "fraud", "cyber", criterion="record_integrity"), decision=None)
    (row,) = rows(bare, decided(1, "fraud", "cyber"))
    assert row.pair == "fraud → cyber"


def test_a_record_without_details_has_no_text() -> None:
    """Nor has a redacted one, which differs from an empty text."""
    (row,) = rows(decided(1, "fraud", "cyber"))
    assert (row.details, row.text, row.near, row.stored_reasons) == (None, None, (), Reasons("", ""))
    made = [decided(key, "fraud", "cyber") for key in (1, 2)]
    details = (Details(1, LOW, None, Reasons(), Reasons()), Details(2, LOW, "", Reasons(), Reasons()))
    assert [row.text for row in rows(*made, details=details)] == [None, Excerpt(())]


def test_a_record_links_into_the_users_system() -> None:
    """Its id is written so that it cannot leave its place in the address."""
    (row,) = record_rows(report([decided("../a b?&c", "a", "b")], record_url="https://app/item/{id}"))
    assert row.link == "https://app/item/..%2Fa%20b%3F%26c"
    assert rows(decided(1, "a", "b"))[0].link == ""


def test_a_record_says_what_people_judged() -> None:
    """Each judge in a sentence of its own."""
    said = ["judged by ben on 2026-01-16: cannot tell", "judged by anna on 2026-01-15: the store is right"]
    made = report([decided(1, "a", "b"), decided(2, "a", "b")], acknowledged=Acknowledged(judged={1: said}))
    assert [row.judged for row in record_rows(made)] == [said, []]


def test_a_judgement_for_which_a_record_does_not_count_is_not_repeated() -> None:
    """Those of other judges are."""
    said = ["judged by ben on 2026-01-16: cannot tell", "judged by anna on 2026-01-15: the store is right"]
    known = Acknowledged(judged={1: said}, settled={(1, "a"): said[1]})
    (row,) = record_rows(report([decided(1, "a", "b")], acknowledged=known))
    assert (row.known, row.judged) == (said[1], said[:1])


def test_a_page_of_many_records_shows_fewer_neighbours() -> None:
    """The categories of all of them are counted."""
    details = tuple(described(key, "a text") for key in range(61))
    found = rows(*(decided(key, "a", "b") for key in range(61)), details=details)
    assert len(found[0].near) == 2
    assert found[0].nearest_categories == "1 class-0, 1 class-1, 1 class-2, 1 class-3, 1 class-4"


def test_evidence_that_stands_in_the_text_is_not_repeated() -> None:
    """There it is marked, unless it is all of the text; evidence that the text lacks is quoted."""
    reasons = [Reasons("the text"), Reasons("the", "why"), Reasons("nothing of it")]
    details = tuple(Details(key, LOW, "the text", found, Reasons()) for key, found in enumerate(reasons))
    found = rows(*(decided(key, "a", "b") for key in range(3)), details=details)
    assert [row.stored_reasons for row in found] == [Reasons("", ""), Reasons("", "why"), Reasons("nothing of it", "")]
    assert [row.text is not None and row.text.cites("stored") for row in found] == [False, True, False]


@given(text=TEXTS, most=st.integers(0, 3000))
def test_a_text_that_was_cut_says_so(text: str, most: int) -> None:
    """A text that fits is unchanged."""
    cut = shorten_html(text, most)
    assert html_size(cut.removesuffix("…")) <= most
    assert cut == text if html_size(text) <= most else (cut[-1] == "…" and text.startswith(cut[:-1]))


@given(text=st.text())
def test_spelled_out_text_controls_nothing(text: str) -> None:
    """Only layout and letters remain, and spelling it out again changes nothing."""
    assert spelled_out(spelled_out(text)) == spelled_out(text)
    assert not set(spelled_out(text)) & set("\x00\x07\x1b\x7f\x9b\u202e\u2066\ufeff\ud800")


@pytest.mark.parametrize(
    "text", ["a\nb\tc", "👩\N{ZERO WIDTH JOINER}🚀", "می\N{ZERO WIDTH NON-JOINER}خواهم", "5 % <b>"]
)
def test_harmless_text_is_unchanged(text: str) -> None:
    """Including markup, which the page escapes."""
    assert spelled_out(text) == text


def long_details(letter: str, key: RecordId) -> Details:
    """Return a record whose texts are all long."""
    long = Reasons(letter * 5000, letter * 5000)
    return Details(key, LOW, letter * 5000, long, long, near=(Near("1", "a", 0.5, letter * 200),) * 5)


def size(row: RecordRow) -> int:
    """Return the bytes that the texts of a row take in the page."""
    said = [text for why in (row.stored_reasons, row.reviewed_reasons) for text in (why.evidence, why.rationale)]
    text = "".join(piece.text for piece in row.text.all) if row.text else ""
    return sum(html_size(item or "") for item in (*said, text, *(near.text for near in row.near)))


@pytest.mark.parametrize(("letter", "number"), [("x", 1), ('"', 20), ("漢", 200), ("\x07", 200)])
def test_all_texts_together_fit_into_the_page(letter: str, number: int) -> None:
    """Whatever escaping adds; an ellipsis marks each cut."""
    details = tuple(long_details(letter, key) for key in range(number))
    found = rows(*(decided(key, "a", "b", message=letter * 500) for key in range(number)), details=details)
    assert sum(map(size, found)) <= 55_000 + number * 9 * len("…".encode())


def test_a_few_texts_are_shown_whole() -> None:
    """There is room for them."""
    (row,) = rows(decided(1, "a", "b", OLD), details=(described(1, "z" * 15_000, OLD, words="w"),))
    assert row.text is not None
    assert (sum(len(piece.text) for piece in row.text.all), row.text.left_out) == (15_000, 0)
    assert [near.text for near in row.near] == [f"wbeside {number}" for number in range(5)]
    assert row.stored_reasons == Reasons("wstored evidence", "wstored rationale")
    assert row.reviewed_reasons == Reasons("wnew evidence", "wnew rationale")
