"""What is withheld of the texts of records."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.records import Record, Review, Stratum
from drift_checks.core.redaction import WITHHELD, redacted, withhold

LEAST = 8
# Without the letters of the mark itself, which is no quotation.
LETTERS = st.text(alphabet="abcABC ßİſ\N{KELVIN SIGN}ǅ漢\n😀", max_size=40)


def folded(text: str) -> list[str]:
    """Return the letters in one case, those whose other case is longer as they are."""
    return [one if len(one := letter.casefold()) == 1 else letter for letter in text]


def runs(text: str) -> set[tuple[str, ...]]:
    """Return the runs of eight letters that stand in a text, in one case."""
    letters = folded(text)
    return {tuple(letters[start : start + LEAST]) for start in range(len(letters) - LEAST + 1)}


@given(text=LETTERS, quoted=st.tuples(st.integers(0, 40), st.integers(0, 40)), around=st.tuples(LETTERS, LETTERS))
def test_no_run_of_the_text_survives(text: str, quoted: tuple[int, int], around: tuple[str, str]) -> None:
    """In whichever case a message quotes it."""
    quotation = text[slice(*sorted(quoted))].swapcase()
    message = f"{around[0]}{quotation}{around[1]}"
    assert not runs(text) & {run for part in withhold(message, text).split(WITHHELD) for run in runs(part)}


@given(message=LETTERS, text=LETTERS)
def test_what_does_not_stand_in_the_text_survives(message: str, text: str) -> None:
    """Each letter that is in no such run, in its place."""
    letters, forbidden = folded(message), runs(text)
    starts = [place for place in range(len(letters) - LEAST + 1) if tuple(letters[place : place + LEAST]) in forbidden]
    hidden = {start + step for start in starts for step in range(LEAST)}
    kept = "".join(
        letter if place not in hidden else "" if place - 1 in hidden else WITHHELD
        for place, letter in enumerate(message)
    )
    assert withhold(message, text) == kept


@pytest.mark.parametrize(
    ("message", "text", "left"),
    [
        ("cannot read 'Card number 4111'", "my card NUMBER 4111.", f"cannot read '{WITHHELD}'"),
        ("1234567 is seven letters", "1234567", "1234567 is seven letters"),
        ("12345678 is eight", "12345678", f"{WITHHELD} is eight"),
        ("abcdefgh or hgfedcba", "abcdefgh hgfedcba", f"{WITHHELD}or{WITHHELD}"),
        ("", "any text", ""),
        ("any message", "", "any message"),
    ],
)
def test_what_is_left_of_a_message(message: str, text: str, left: str) -> None:
    """One mark for each quotation, the words around it as they were."""
    assert withhold(message, text) == left


@pytest.mark.parametrize("letters", ["a", "ab", "abcdefghijklm"])
def test_long_texts_take_no_longer_than_their_length(letters: str) -> None:
    """A hundred thousand characters of each, which repeat themselves, in less than a second."""
    long = (letters * 100_000)[:100_000]
    before = time.process_time()
    assert withhold(f"{long}!", long) == f"{WITHHELD}!"
    assert time.process_time() - before < 1


def test_a_review_keeps_its_decision_and_no_text() -> None:
    """What it says of the text is omitted, what it decided is not."""
    record = Record(1, Stratum.OLD, {"text": "the secret of the house", "category": "fraud"})
    review = Review(
        1, "cyber", 0.9, "no answer to 'the SECRET of the house'", "since it is secret", "the secret", model="m-1"
    )
    left = redacted(review, record)
    assert left == Review(1, "cyber", 0.9, f"no answer to '{WITHHELD}'", model="m-1")


def test_a_review_that_did_not_fail_has_no_failure() -> None:
    """None stays none."""
    record = Record(1, Stratum.OLD, {"text": None, "category": "fraud"})
    assert redacted(Review(1, "cyber", 0.9), record) == Review(1, "cyber", 0.9)


def test_a_quotation_is_found_anywhere_in_a_long_text() -> None:
    """Also where two of the parts meet that are searched one after the other."""
    text = "." * 99_996 + "confidential" + "." * 150_000
    assert withhold("it says Confidential!", text) == f"it says {WITHHELD}!"
