"""Which versions decided the records that came last."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.support.tables import TABLE, opened, write_table
from tests.support.written_back import execute

COLUMNS = "id integer primary key, text, category, model_version, prompt_version, embedding_model"


def versions(path: Path, rows: Iterable[tuple[object, object, object]], columns: str = COLUMNS) -> dict[str, str]:
    """Return the versions that are told of a table of these, oldest first."""
    made = [(key, "text", "a", *found) for key, found in enumerate(rows, 1)]
    return opened(write_table(path / "a.db", made, columns)).latest_versions()


def test_the_versions_of_the_rows_are_told(tmp_path: Path) -> None:
    """By our names."""
    assert versions(tmp_path, [("m-1", "p-1", "e-1")] * 3) == {
        "model_version": "m-1",
        "prompt_version": "p-1",
        "embedding_model": "e-1",
    }


@pytest.mark.parametrize(("newest", "told"), [(99, "old"), (101, "new"), (200, "new")])
def test_most_of_the_last_200_rows_tell(tmp_path: Path, newest: int, told: str) -> None:
    """A few corrected by hand do not, nor do thousands of earlier rows."""
    rows = [("old", None, None)] * 1000 + [("new", None, None)] * newest
    assert versions(tmp_path, rows) == {"model_version": told}


def test_of_two_as_frequent_the_newer_is_told(tmp_path: Path) -> None:
    """A change in the middle of the last rows."""
    assert versions(tmp_path, [("old", None, None)] * 5 + [("new", None, None)] * 5) == {"model_version": "new"}


def test_the_order_is_that_of_the_rows(tmp_path: Path) -> None:
    """Not that of ids, which may be text in any order."""
    columns = COLUMNS.replace("integer primary key", "text primary key")
    made = [("z", "t", "a", "old", None, None), ("a", "t", "a", "new", None, None)]
    assert opened(write_table(tmp_path / "a.db", made, columns)).latest_versions() == {"model_version": "new"}


@pytest.mark.parametrize("nothing", [None, "", 0])
def test_rows_without_a_version_do_not_count(tmp_path: Path, nothing: object) -> None:
    """However many they are."""
    assert versions(tmp_path, [("m-1", nothing, "e-1")] + [(nothing, nothing, "e-1")] * 50) == {
        "model_version": "m-1",
        "embedding_model": "e-1",
    }


def test_versions_are_text(tmp_path: Path) -> None:
    """Numbers too."""
    assert versions(tmp_path, [(7, 1.5, None)]) == {"model_version": "7", "prompt_version": "1.5"}


def test_columns_may_be_missing_or_have_other_names(tmp_path: Path) -> None:
    """Those that are missing are left out."""
    columns = 'id integer primary key, text, category, "the model"'
    path = write_table(tmp_path / "a.db", [(1, "t", "a", "m-1")], columns)
    assert opened(path).latest_versions() == {}
    assert opened(path, {"model_version": "the model"}).latest_versions() == {"model_version": "m-1"}


def test_an_empty_table_tells_nothing(tmp_path: Path) -> None:
    """There is nothing that came last."""
    assert versions(tmp_path, []) == {}


def test_a_table_that_keeps_its_rows_by_their_ids_tells_nothing(tmp_path: Path) -> None:
    """It does not know which came last."""
    path = write_table(tmp_path / "a.db", [])
    execute(
        path,
        "create table by_id (id integer primary key, text, category, model_version) without rowid",
        "insert into by_id values (1, 't', 'a', 'm-1')",
    )
    assert opened(path, table="by_id").latest_versions() == {}


def views_have_rowids() -> bool:
    """Whether this SQLite gives the rows of a view a rowid, which is null."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("create view seen as select 1 as a")
        with suppress(sqlite3.OperationalError):
            return connection.execute("select rowid from seen").fetchall() == [(None,)]
    return False


def test_a_view_tells_nothing(tmp_path: Path) -> None:
    """Its rows have no order."""
    rows = [(key, "t", "a", "old" if key <= 1000 else "new", None, None) for key in range(1, 1301)]
    path = write_table(tmp_path / "a.db", rows, COLUMNS)
    execute(path, f"create view seen as select * from {TABLE}")
    assert opened(path, table="seen").latest_versions() == {}


def test_versions_kept_as_bytes_are_text(tmp_path: Path) -> None:
    """As a text or a category kept so is."""
    assert versions(tmp_path, [(b"m-1", None, None)]) == {"model_version": "m-1"}
