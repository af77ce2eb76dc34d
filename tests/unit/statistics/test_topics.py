"""Groups of texts that share rare words."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from drift_checks.statistics.topics import FEWEST_TEXTS, topics

SUBJECTS = tuple(
    (f"{name}card", f"{name}fee", f"{name}limit") for name in ("red", "blue", "lost", "new", "gift", "bank", "fast")
)


def about(subject: int, number: int) -> str:
    """Return a text with two of the words of a subject, and words that all texts have."""
    words = SUBJECTS[subject]
    return f"please help with my {words[number % 3]} and {words[(number + 1) % 3]}"


TEXTS = [about(number % 7, number) for number in range(63)]


def test_texts_about_the_same_are_together() -> None:
    """Named by their most typical words, not by those of all texts."""
    found = topics(TEXTS)
    for subject, words in enumerate(SUBJECTS):
        (name,) = {name for number, name in enumerate(found) if number % 7 == subject}
        assert set(name.split(", ")) == set(words)


def test_the_same_texts_give_the_same_groups() -> None:
    """In another order, too."""
    assert {frozenset(name.split(", ")): number for name, number in Counter(topics(TEXTS)).items()} == {
        frozenset(name.split(", ")): number for name, number in Counter(topics(TEXTS[::-1])).items()
    }


def test_a_few_texts_have_no_groups() -> None:
    """Nor have texts that share no rare word."""
    assert set(topics([about(0, number) for number in range(FEWEST_TEXTS - 1)])) == {""}
    assert set(topics(["the same text"] * 50)) == {""}


@given(texts=st.lists(st.text("ab cd\n", max_size=12) | st.just("alpha beta") | st.just("gamma delta"), max_size=60))
def test_any_texts_can_be_grouped(texts: list[str]) -> None:
    """Empty ones stand alone."""
    found = topics(texts)
    assert len(found) == len(texts)
    assert all(not name for text, name in zip(texts, found, strict=True) if not text.strip())
