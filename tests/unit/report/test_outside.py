"""Answers outside the store's categories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from drift_checks.report.outside import find_outside, outside_in_words

STORED = {"finance", "human_capital", "law"}


@pytest.mark.parametrize(
    "answers",
    [
        ["finance"] * 53 + ["Finance"] * 5 + ["misc"] * 2,
        ["law", "misc"],
        ["Human Capital", "HUMAN-CAPITAL", "human_capital ", "Law"],
        ["__label__law", "law"],
        ["LABEL_3", "LABEL_0"],
        ["3", "law"],
        [f"class {chr(97 + number)}" for number in range(9)],
        ["a\x1b[31mb" * 100],
    ],
    ids=["case", "other", "spaces", "fastText", "labels", "numbers", "many", "hostile"],
)
def test_says_which_answers_are_outside(answers: list[str], snapshot: SnapshotAssertion) -> None:
    """The most frequent first, with a hint at what they may mean."""
    assert outside_in_words(find_outside(answers, STORED)) == snapshot


def test_numbers_are_no_indices_if_the_store_has_numbers() -> None:
    """Then another number is another category."""
    assert "indices" not in outside_in_words(find_outside(["7"], {"1", "2"}))


@given(st.lists(st.sampled_from([*sorted(STORED), "Law", "misc", "...", ""])))
def test_counts_what_is_not_stored(answers: list[str]) -> None:
    """A category of the store is never outside, however similar."""
    found = find_outside(answers, STORED)
    outside = [answer for answer in answers if answer not in STORED]
    assert (0 if found is None else sum(found.categories.values())) == len(outside)
    assert bool(outside_in_words(found)) is bool(outside)
