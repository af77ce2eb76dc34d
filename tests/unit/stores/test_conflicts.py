"""Texts that have several categories."""

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
    """Return the conflicts of a store with these rows: text, category and, if hashed, the hash."""
    numbered = [(key, *row) for key, row in enumerate(rows, 1)]
    columns = HASHED if hashed else "id integer primary key, text text, category text"
    return conflicts_of(opened(write_table(path / "a.db", numbered, columns)))


TEXTS = st.sampled_from(["a", "A", "a ", "é", "e\u0301", "it's", "%", "", "  ", "\n\t", None])
CATEGORIES = st.sampled_from(["x", "X", "y", "", None])


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(TEXTS, CATEGORIES), max_size=12), hashed=st.booleans())
def test_texts_with_several_categories_are_found(rows: list[tuple[str | None, str | None]], hashed: bool) -> None:
    """The same as in plain Python, with and without correct hashes."""
    there: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for key, (text, category) in enumerate(rows, 1):
        if text and text.strip() and category:
            there[text].append((key, category))
    right = [
        Conflict(len(found), len({category for _, category in found}), min(key for key, _ in found))
        for found in there.values()
        if len({category for _, category in found}) > 1
    ]
    with TemporaryDirectory() as folder:
        stored = [(*row, None if row[0] is None else digest(row[0])) if hashed else row for row in rows]
        assert sorted(map(repr, conflicts(Path(folder), stored, hashed=hashed))) == sorted(map(repr, right))


def test_the_most_frequent_comes_first(tmp_path: Path) -> None:
    """With the lowest id of its records."""
    rows = [("a", "x"), ("b", "x"), ("a", "y"), ("b", "y"), ("b", "z")]
    assert conflicts(tmp_path, rows) == [Conflict(3, 3, 2), Conflict(2, 2, 1)]


def test_two_texts_with_the_same_hash_are_told_apart(tmp_path: Path) -> None:
    """They neither make a conflict nor hide one."""
    rows = [("a", "x", "h"), ("b", "y", "h"), ("a", "z", "h")]
    assert conflicts(tmp_path, rows, hashed=True) == [Conflict(2, 2, 1)]


def test_a_wrong_hash_hides_only_its_own_record(tmp_path: Path) -> None:
    """Finding it would mean comparing all texts; record_integrity reports it."""
    rows = [("a", "x", digest("a")), ("a", "y", digest("a")), ("a", "y", "wrong")]
    assert conflicts(tmp_path, rows, hashed=True) == [Conflict(2, 2, 1)]


@pytest.mark.parametrize("missing", [None, ""])
def test_missing_and_empty_hashes_hide_no_conflict(tmp_path: Path, missing: str | None) -> None:
    """The texts are compared then."""
    assert conflicts(tmp_path, [("a", "x", missing), ("a", "y", missing), ("b", "y", missing)], hashed=True) == [
        Conflict(2, 2, 1)
    ]


def test_case_matters_whatever_the_collation(tmp_path: Path) -> None:
    """Texts are compared letter by letter."""
    columns = "id integer primary key, text text collate nocase, category text"
    rows = [(1, "US claims", "x"), (2, "us claims", "y")]
    assert conflicts_of(opened(write_table(tmp_path / "a.db", rows, columns))) == []


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    """Names that need quotes, too."""
    rows = [("k1", "a", "x", "h"), ("k2", "a", "y", "h"), ("k3", "b", "y", "i")]
    path = write_table(tmp_path / "a.db", rows, '"key" text, "the text" text, "select" text, "hash of it" text')
    renamed = {"id": "key", "text": "the text", "category": "select", "text_hash": "hash of it"}
    assert conflicts_of(opened(path, renamed)) == [Conflict(2, 2, "k1")]
