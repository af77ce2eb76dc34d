"""The versions that decided the newest records."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.tables import TABLE, opened, write_table
from tests.support.written_back import execute

COLUMNS = "id integer primary key, text, category, model_version, prompt_version, embedding_model"


def versions(path: Path, rows: Iterable[tuple[object, object, object]], columns: str = COLUMNS) -> dict[str, str]:
    """Return the newest versions in a table of these rows, oldest first."""
    made = [(key, "text", "a", *found) for key, found in enumerate(rows, 1)]
    return opened(write_table(path / "a.db", made, columns)).latest_versions()


@pytest.mark.parametrize(("newest", "version"), [(99, "old"), (100, "new"), (200, "new")])
def test_the_most_frequent_of_the_last_200_rows_count(tmp_path: Path, newest: int, version: str) -> None:
    """Not a few manual corrections, nor thousands of older rows; of two equally frequent ones, the newer."""
    rows = [("old", None, None)] * 1000 + [("new", None, None)] * newest
    assert versions(tmp_path, rows) == {"model_version": version}


def test_the_order_is_that_of_the_rows(tmp_path: Path) -> None:
    """Not of the ids, which may be text in any order."""
    columns = COLUMNS.replace("integer primary key", "text primary key")
    made = [("z", "t", "a", "old", None, None), ("a", "t", "a", "new", None, None)]
    assert opened(write_table(tmp_path / "a.db", made, columns)).latest_versions() == {"model_version": "new"}


@pytest.mark.parametrize("nothing", [None, "", 0])
def test_rows_without_a_version_do_not_count(tmp_path: Path, nothing: object) -> None:
    """However many there are."""
    assert versions(tmp_path, [("m-1", nothing, "e-1")] + [(nothing, nothing, "e-1")] * 50) == {
        "model_version": "m-1",
        "embedding_model": "e-1",
    }


def test_versions_are_text(tmp_path: Path) -> None:
    """Numbers and bytes, too."""
    texts = {"model_version": "7", "prompt_version": "1.5", "embedding_model": "e-1"}
    assert versions(tmp_path, [(7, 1.5, b"e-1")] * 3) == texts


def test_columns_may_be_missing_or_have_other_names(tmp_path: Path) -> None:
    """Missing ones are skipped."""
    columns = 'id integer primary key, text, category, "the model"'
    path = write_table(tmp_path / "a.db", [(1, "t", "a", "m-1")], columns)
    assert opened(path).latest_versions() == {}
    assert opened(path, {"model_version": "the model"}).latest_versions() == {"model_version": "m-1"}


def test_rows_without_an_order_have_no_versions(tmp_path: Path) -> None:
    """Those of a view, of a table without row ids, and of an empty table."""
    rows = [(key, "t", "a", "old" if key <= 1000 else "new", None, None) for key in range(1, 1301)]
    path = write_table(tmp_path / "a.db", rows, COLUMNS)
    execute(
        path,
        f"create view seen as select * from {TABLE}",
        "create table by_id (id integer primary key, text, category, model_version) without rowid",
        "insert into by_id values (1, 't', 'a', 'm-1')",
        f"create table empty as select * from {TABLE} where id < 0",
    )
    assert [opened(path, table=table).latest_versions() for table in ("seen", "by_id", "empty")] == [{}, {}, {}]
