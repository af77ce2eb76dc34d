"""A record's text on the page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.secrets import know_secrets
from drift_checks.core.text import html_size
from drift_checks.report.page.excerpts import Excerpt, Piece, excerpt

TEXTS = st.text(max_size=900) | st.text("ab &\"'<\n\u202e漢", max_size=900)
SENTENCES = "The U.S. firm vs. the bank lost the case on Monday. " * 20


def shown(found: Excerpt) -> str:
    """Return the text that the page shows, folded or not."""
    return "".join(piece.text for piece in found.all)


@given(text=TEXTS, allowed=st.integers(0, 3000), start=st.integers(0, 900), length=st.integers(0, 900))
def test_an_excerpt_is_the_beginning_of_the_text(text: str, allowed: int, start: int, length: int) -> None:
    """It is as long as allowed, counts the characters left out, and evidence changes nothing of it."""
    evidence = {"stored": text[start : start + length], "reviewed": text[:start]}
    cut = excerpt(text, allowed, evidence)
    assert text.startswith(shown(cut))
    assert len(shown(cut)) + cut.left_out == len(text)
    assert html_size(shown(cut)) <= allowed
    assert not cut.left_out or html_size(text[: len(shown(cut)) + 1]) > allowed
    assert all(piece.text for piece in cut.all)


@given(text=st.text("ab ", min_size=1, max_size=900))
def test_a_short_enough_text_is_shown_whole(text: str) -> None:
    """If it is long, it is folded at a space."""
    cut = excerpt(text, 20_000)
    assert shown(cut) == text
    assert sum(len(piece.text) for piece in cut.beginning) <= 320
    assert (not cut.rest) is (len(text) <= 320)


def test_a_long_text_is_folded_at_the_end_of_a_sentence() -> None:
    """The full stop of an abbreviation ends none."""
    cut = excerpt(SENTENCES, 20_000)
    assert cut.beginning[-1].text.endswith("on Monday.")
    assert cut.rest[0].text.startswith(" The U.S.")


def test_cited_words_are_marked_with_who_cites_them() -> None:
    """Where the two overlap, both are named."""
    found = excerpt("rates rose in May", 900, {"stored": "rates rose", "reviewed": "rose in"})
    assert found.all == (
        *(Piece("rates ", "stored"), Piece("rose", "stored reviewed")),
        *(Piece(" in", "reviewed"), Piece(" May")),
    )


@pytest.mark.parametrize(
    ("evidence", "marked"),
    [
        ("lost the   case\non", ["lost the case on"]),
        ("Lost the case", []),
        ("lost a case", []),
        ("", []),
        (None, []),
        ("  ", []),
        ("x" * 3_000, []),
    ],
    ids=["white space", "case", "other words", "empty", "none", "blank", "too long"],
)
def test_only_the_same_words_are_marked(evidence: str | None, marked: list[str]) -> None:
    """White space may differ."""
    found = excerpt("The bank lost the case on Monday.", 900, {"reviewed": evidence})
    assert [piece.text for piece in found.all if piece.cited_by] == marked


def test_evidence_that_is_the_whole_text_is_not_marked() -> None:
    """It singles out nothing."""
    assert excerpt(" all of it ", 900, {"stored": "all of it"}).all == (Piece(" all of it "),)


def test_evidence_may_be_folded_or_cut() -> None:
    """Both parts of it are marked; what is left out is not."""
    found = excerpt(SENTENCES, 400, {"stored": SENTENCES[200:1_000]})
    assert [found.beginning[-1].cited_by, found.rest[0].cited_by] == ["stored", "stored"]
    assert len(shown(found)) == 400


def test_evidence_hides_no_secret() -> None:
    """The words are compared as they are shown."""
    know_secrets({"RISK_API_KEY": "Credential1234"})
    try:
        found = excerpt("the key is Credential1234 today", 900, {"stored": "is Credential1234"})
    finally:
        know_secrets({})
    assert [(piece.text, piece.cited_by) for piece in found.all] == [
        ("the key ", ""),
        ("is …", "stored"),
        (" today", ""),
    ]
