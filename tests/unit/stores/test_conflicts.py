"""Texts that stand under more than one category."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.stores.conflicts import Conflict, find_conflicts
from drift_checks.stores.records import RecordStore
from tests.support.tables import opened, write_table

HASHED = "id integer primary key, text text, category text, text_hash text"


def digest(text: str) -> str:
    """Return the hash that the application keeps of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def conflicts_of(store: RecordStore) -> list[Conflict]:
    """Return the conflicts of a store."""
    return store.read(lambda connection: find_conflicts(connection, store))


def conflicts(path: Path, rows: Sequence[tuple[object, ...]], *, hashed: bool = False) -> list[Conflict]:
    """Return the conflicts of a store with these rows: text, category and, where there are hashes, the hash."""
    numbered = [(key, *row) for key, row in enumerate(rows, 1)]
    columns = HASHED if hashed else "id integer primary key, text text, category text"
    return conflicts_of(opened(write_table(path / "a.db", numbered, columns)))


TEXTS = st.sampled_from(["a", "A", "a ", "é", "e\u0301", "it's", "%", "", "  ", None])
CATEGORIES = st.sampled_from(["x", "X", "y", "", None])


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(TEXTS, CATEGORIES), max_size=12), hashed=st.booleans())
def test_the_texts_under_several_categories_are_found(rows: list[tuple[str | None, str | None]], hashed: bool) -> None:
    """Those that plain Python finds, with and without right hashes."""
    there: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for key, (text, category) in enumerate(rows, 1):
        if text and text.strip() and category is not None:
            there[text].append((key, category))
    right = [
        Conflict(len(found), len({category for _, category in found}), min(key for key, _ in found))
        for found in there.values()
        if len({category for _, category in found}) > 1
    ]
    with TemporaryDirectory() as folder:
        stored = [(*row, None if row[0] is None else digest(row[0])) if hashed else row for row in rows]
        assert sorted(map(repr, conflicts(Path(folder), stored, hashed=hashed))) == sorted(map(repr, right))


def test_one_category_is_no_conflict(tmp_path: Path) -> None:
    """However often the text is there."""
    assert conflicts(tmp_path, [("a", "x")] * 5) == []


def test_the_most_frequent_comes_first(tmp_path: Path) -> None:
    """With the first of its records."""
    rows = [("a", "x"), ("b", "x"), ("a", "y"), ("b", "y"), ("b", "z")]
    assert conflicts(tmp_path, rows) == [Conflict(3, 3, 2), Conflict(2, 2, 1)]


@pytest.mark.parametrize("text", ["", "  ", None])
def test_without_a_text_there_is_no_conflict(tmp_path: Path, text: str | None) -> None:
    """Records that lack their text say nothing of each other."""
    assert conflicts(tmp_path, [(text, "x"), (text, "y")]) == []


def test_a_record_without_a_category_is_in_no_conflict(tmp_path: Path) -> None:
    """It contradicts nobody."""
    assert conflicts(tmp_path, [("a", "x"), ("a", None), ("a", None)]) == []


def test_two_texts_of_one_hash_are_no_conflict(tmp_path: Path) -> None:
    """A wrong hash accuses nobody."""
    assert conflicts(tmp_path, [("a", "x", "h"), ("b", "y", "h")], hashed=True) == []


def test_two_texts_of_one_hash_hide_no_conflict(tmp_path: Path) -> None:
    """Each is compared with its like."""
    rows = [("a", "x", "h"), ("b", "y", "h"), ("a", "z", "h")]
    assert conflicts(tmp_path, rows, hashed=True) == [Conflict(2, 2, 1)]


def test_a_wrong_hash_hides_its_own_record_alone(tmp_path: Path) -> None:
    """It is for record_integrity to find; looking for it here would mean to compare all texts."""
    rows = [("a", "x", digest("a")), ("a", "y", digest("a")), ("a", "y", "wrong")]
    assert conflicts(tmp_path, rows, hashed=True) == [Conflict(2, 2, 1)]


def test_missing_hashes_hide_no_conflict(tmp_path: Path) -> None:
    """A column of hashes that was never filled is as if there were none."""
    assert conflicts(tmp_path, [("a", "x", None), ("a", "y", None)], hashed=True) == [Conflict(2, 2, 1)]


def test_empty_hashes_hide_no_conflict(tmp_path: Path) -> None:
    """They are all alike, so the texts are compared."""
    rows = [("a", "x", ""), ("a", "y", ""), ("b", "y", "")]
    assert conflicts(tmp_path, rows, hashed=True) == [Conflict(2, 2, 1)]


def test_a_text_of_line_feeds_and_tabs_is_empty(tmp_path: Path) -> None:
    """It has no word that could be classified."""
    assert conflicts(tmp_path, [("\n\t", "x"), ("\n\t", "y")]) == []


def test_case_tells_texts_apart_whatever_the_collation(tmp_path: Path) -> None:
    """Word for word is letter for letter."""
    columns = "id integer primary key, text text collate nocase, category text"
    rows = [(1, "US claims", "x"), (2, "us claims", "y")]
    assert conflicts_of(opened(write_table(tmp_path / "a.db", rows, columns))) == []


def test_columns_of_another_schema(tmp_path: Path) -> None:
    """Under names that need quotes."""
    rows = [("k1", "a", "x", "h"), ("k2", "a", "y", "h"), ("k3", "b", "y", "i")]
    path = write_table(tmp_path / "a.db", rows, '"key" text, "the text" text, "select" text, "hash of it" text')
    renamed = {"id": "key", "text": "the text", "category": "select", "text_hash": "hash of it"}
    assert conflicts_of(opened(path, renamed)) == [Conflict(2, 2, "k1")]


def test_an_empty_store_has_none(tmp_path: Path) -> None:
    """Nor fails."""
    assert conflicts(tmp_path, []) == []
