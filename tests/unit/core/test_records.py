"""Records, samples and reviews."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.records import Record, Review, Sample, Stratum, read_number

FINITE = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**15), 10**15)


@given(number=FINITE, padding=st.sampled_from(["", " ", "\n"]))
def test_a_number_is_read_as_number_and_as_text(number: float, padding: str) -> None:
    """Columns of either kind occur, and a confidence of 1 may be stored as a whole number."""
    assert read_number(number) == number
    assert read_number(f"{padding}{number!r}{padding}") == number


@given(st.one_of(st.text(), st.binary(), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(FINITE)))
def test_nothing_that_is_stored_raises(value: object) -> None:
    """It is a finite number, or None."""
    number = read_number(value)
    assert number is None or math.isfinite(number)


@pytest.mark.parametrize(
    "value",
    ["", "high", "NaN", "inf", "-Infinity", "1e999", "0,5", "50 %", math.nan, math.inf, 10**400, None, True, b"0.5"],
)
def test_what_is_no_finite_number_is_none(value: object) -> None:
    """Not 0, which would be of low confidence."""
    assert read_number(value) is None


def record(**values: object) -> Record:
    """Return a record of these columns."""
    return Record(1, Stratum.OLD, {"id": 1, "text": "a", "category": "b", **values})


@pytest.mark.parametrize(
    ("stored", "text"), [("words", "words"), (None, ""), (b"caf\xc3\xa9", "café"), (b"\xff", "\ufffd"), (12, "12")]
)
def test_a_text_is_text_however_it_is_stored(stored: object, text: str) -> None:
    """SQLite keeps whatever it is given."""
    assert record(text=stored).text == text
    assert record(category=stored).category == text


def test_a_record_knows_which_columns_the_store_has() -> None:
    """A column that is there may be empty."""
    assert record(confidence=None).has("confidence")
    assert not record().has("confidence")
    assert record().confidence is None


def test_a_sample_counts_what_was_drawn() -> None:
    """Every stratum that the store was divided into is named."""
    sample = Sample(
        records=(record(), record()),
        sizes={Stratum.OLD: 5, Stratum.BASELINE: 7},
        judged=(Stratum.OLD,),
        seed=1,
        as_of=datetime(2026, 1, 1, tzinfo=UTC),
        naive_timezone="UTC",
    )
    assert sample.drawn() == {Stratum.OLD: 2, Stratum.BASELINE: 0}
    assert sample.store_size == 12


@pytest.mark.parametrize(
    ("review", "made"),
    [
        (Review(1, category="a"), True),
        (Review(1), False),
        (Review(1, failure="down"), False),
        (Review(1, category="a", failure="cut short"), False),
    ],
)
def test_a_review_with_a_failure_was_not_made(review: Review, made: bool) -> None:
    """Nor one without a category."""
    assert review.made is made
