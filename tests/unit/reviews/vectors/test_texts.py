"""Vectors that are made from texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drift_checks.core.records import Record, Stratum
from drift_checks.reviews.reviewers.neighbours import NeighboursReviewer
from drift_checks.reviews.vectors.texts import LONGEST_TEXT, TextVectors
from drift_checks.reviews.vectors.tfidf import TfidfVectoriser
from drift_checks.stores.records import RecordStore
from tests.support.tables import opened, write_table

WORDS = {"billing": "the invoice and the fee", "login": "a password for my account"}


class Letters:
    """Counts a few letters of a text."""

    basis, remark = "letters", ""

    def fit(self, texts: Iterator[Sequence[str]]) -> None:
        """Learn nothing."""

    def transform(self, texts: Sequence[str]) -> Any:
        """Return a vector for each text."""
        return np.array([[text.count(letter) for letter in "abcdefghij"] for text in texts], dtype=np.float32)


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    """Sixty texts of two categories in words of their own, and one that shares no words with them."""
    rows = [
        (number, f"{WORDS[name]} number {number}", name) for number in range(60) for name in [list(WORDS)[number % 2]]
    ]
    return opened(write_table(tmp_path / "records.db", [*rows, (60, "чужой", "login"), (61, "", "login")]))


def sampled(key: int, text: str) -> Record:
    """Return a record with this text."""
    return Record(key, Stratum.OLD, {"id": key, "text": text, "category": "?"})


def test_shared_words_make_texts_similar(store: RecordStore) -> None:
    """A text that shares none cannot be reviewed; the summary says what this can show."""
    vectors = TextVectors(store, TfidfVectoriser(), 1)
    records = [
        sampled(0, f"{WORDS['billing']} number 0"),
        sampled(99, "my account, a password"),
        sampled(60, "чужой"),
    ]
    made = list(NeighboursReviewer(vectors).review([*records, sampled(61, "")]))
    assert [review.category for review in made] == ["billing", "login", None, None]
    assert made[2].failure == "no other record has anything in common with it"
    assert (vectors.count, vectors.basis) == (61, "TF-IDF of the texts")
    assert "cannot recognise paraphrases" in vectors.remarks[0]


def test_letters_stand_for_words_where_no_spaces_are(tmp_path: Path) -> None:
    """As in Chinese."""
    rows = [(number, f"我的密码忘记了第{number}次", "login") for number in range(20)]
    rows += [(20 + number, f"这张发票多收费用{number}元", "billing") for number in range(20)]
    store = opened(write_table(tmp_path / "records.db", rows))
    [made] = NeighboursReviewer(TextVectors(store, TfidfVectoriser(), 1)).review([sampled(99, "发票费用不对")])
    assert made.category == "billing"


def test_a_part_of_a_large_store_is_compared(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn by the seed; the summary says how many."""
    monkeypatch.setattr("drift_checks.reviews.vectors.texts.MOST_TEXTS", 30)
    found = []
    for seed in (1, 1, 2):
        vectors = TextVectors(store, Letters(), seed)
        found.append([other.id for other in vectors.nearest_others([sampled(99, "abcdefghij")], 60)[99]])
        assert 15 <= vectors.count <= 45
        assert vectors.remarks == (f"{vectors.count} texts of 62 records, drawn by the seed, are compared",)
    assert found[0] == found[1] != found[2]


def test_a_text_is_compared_by_its_beginning(store: RecordStore) -> None:
    """A text of a hundred megabytes takes no longer."""
    seen: list[int] = []

    class Measuring(Letters):
        def transform(self, texts: Sequence[str]) -> Any:
            seen.extend(map(len, texts))
            return super().transform(texts)

    TextVectors(store, Measuring(), 1).nearest_others([sampled(1, "b" + "c" * 5000)], 3)
    assert max(seen) == LONGEST_TEXT
