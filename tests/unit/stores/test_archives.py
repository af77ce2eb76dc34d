"""Counting archived embeddings."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.stores.archives import ArchiveCounts, count_archives
from tests.support.tables import opened, write_table

COLUMNS = "id integer primary key, text, category, archive_version integer default 0"


def counts(
    folder: Path,
    versions: Sequence[object],
    archived: Sequence[object] | None,
    columns: str = COLUMNS,
    declared: str = "id integer primary key, classification_id integer, embedding_json text",
) -> ArchiveCounts | None:
    """Return the counts of a store with these versions of the records 1, 2, … and these archives."""
    rows = [(key, "text", "other", version) for key, version in enumerate(versions, 1)]
    path = write_table(folder / "a.db", rows, columns)
    if archived is not None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"create table embedding_archives ({declared})")
            connection.executemany(
                "insert into embedding_archives (classification_id) values (?)", [(key,) for key in archived]
            )
    store = opened(path)
    return store.read(lambda connection: count_archives(connection, store))


@settings(max_examples=40)
@given(
    versions=st.lists(st.sampled_from([None, 0, 1, 2, 7]), max_size=12),
    archived=st.lists(st.integers(0, 14) | st.none(), max_size=12),
)
def test_records_without_their_archive_are_counted(versions: list[int | None], archived: list[int | None]) -> None:
    """Archives of other records, repeated ones and those of no record change nothing."""
    changed = [key for key, version in enumerate(versions, 1) if version]
    missing = [key for key in changed if key not in archived]
    with TemporaryDirectory() as folder:
        found = counts(Path(folder), versions, archived)
    assert found == ArchiveCounts(len(changed), len(missing), len(versions) - len(changed))


def test_a_store_without_versions_or_archives_has_no_counts(tmp_path: Path) -> None:
    """Nothing shows which records were classified again, or the application keeps no archive."""
    assert counts(tmp_path, [1], [1], "id integer primary key, text, category, version integer") is None
    (tmp_path / "other").mkdir()
    assert counts(tmp_path / "other", [1], None) is None


@pytest.mark.parametrize("declared", ["classification_id text", "classification_id"])
def test_ids_stored_as_text_are_found(tmp_path: Path, declared: str) -> None:
    """The archive may declare its column differently."""
    assert counts(tmp_path, [1, 1], ["1"], declared=declared) == ArchiveCounts(2, 1, 0)


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    """As the user named them."""
    path = write_table(tmp_path / "a.db", [("k", "text", "other", 2)], '"key" text, text, category, "select" integer')
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table embedding_archives (classification_id text)")
    store = opened(path, {"id": "key", "archive_version": "select"})
    assert store.read(lambda connection: count_archives(connection, store)) == ArchiveCounts(1, 1, 0)
