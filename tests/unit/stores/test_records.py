"""The table of records."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.core.errors import StoreError
from tests.support.tables import TABLE, opened, write_table

ROWS = [(1, "one", "a"), (2, "two", "b"), (3, "three", "a"), (4, "four", None)]


def execute(path: Path, statement: str) -> None:
    """Change the file."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A table of four rows."""
    return write_table(tmp_path / "a.db", ROWS)


def test_rows_come_under_our_names(path: Path) -> None:
    """By id; ids that are not there are left out."""
    store = opened(path)
    rows = store.read(lambda connection: store.rows(connection, [2, 99]))
    assert rows == {2: {"id": 2, "text": "two", "category": "b"}}


def test_more_rows_than_a_statement_takes_are_read(tmp_path: Path) -> None:
    """In pages."""
    store = opened(write_table(tmp_path / "a.db", [(key, "t", "c") for key in range(1, 2001)]))
    rows = store.read(lambda connection: store.rows(connection, list(range(1, 2001))))
    assert list(rows) == list(range(1, 2001))


def test_columns_of_another_schema(tmp_path: Path) -> None:
    """They come under our names."""
    path = write_table(tmp_path / "a.db", [(1, "words", "label")], '"key" integer, "the text" text, "select" text')
    store = opened(path, {"id": "key", "text": "the text", "category": "select"})
    rows = store.read(lambda connection: store.rows(connection, [1]))
    assert rows == {1: {"id": 1, "text": "words", "category": "label"}}


def test_columns_that_the_store_lacks_are_known(path: Path) -> None:
    """Only three are indispensable."""
    store = opened(path)
    assert store.has("category")
    assert not store.has("confidence")


def test_categories_are_those_in_the_store(path: Path) -> None:
    """Sorted, without the missing one."""
    assert opened(path).categories() == ("a", "b")


def test_records_are_counted(path: Path) -> None:
    """All of them."""
    assert opened(path).count() == 4


def test_a_stream_yields_columns_of_every_record(tmp_path: Path) -> None:
    """Over several pages."""
    rows = [(key, f"text {key}", "c") for key in range(12_001)]
    store = opened(write_table(tmp_path / "a.db", rows))
    read = store.read(lambda connection: list(store.stream(connection, "id", "text")))
    assert read == [(key, text) for key, text, _ in rows]


def test_a_view_serves_as_a_table(path: Path) -> None:
    """Another schema may need one."""
    execute(path, f"create view seen as select id, text, category from {TABLE} where id > 2")
    assert opened(path, table="seen").count() == 2


def test_a_table_whose_name_needs_quotes(path: Path) -> None:
    """SQL is not written from it."""
    execute(path, f'alter table {TABLE} rename to "a ""table"" of; risks"')
    assert opened(path, table='a "table" of; risks').count() == 4


def test_a_missing_table_is_told_with_those_there(path: Path) -> None:
    """And the nearest."""
    with pytest.raises(StoreError) as refused:
        opened(path, table="risk_clasifications")
    assert str(refused.value) == (
        f"{path}: has no table 'risk_clasifications'; did you mean 'risk_classifications'? it has risk_classifications."
        " Name the table with --drift-table."
    )


def test_a_file_without_tables_says_so(tmp_path: Path) -> None:
    """It has none."""
    path = write_table(tmp_path / "a.db", [])
    execute(path, f"drop table {TABLE}")
    with pytest.raises(StoreError, match="it has none"):
        opened(path)


def test_a_missing_column_is_told_with_those_there(tmp_path: Path) -> None:
    """And the nearest."""
    path = write_table(tmp_path / "a.db", [], "id integer, texts text, category text")
    with pytest.raises(StoreError) as refused:
        opened(path)
    assert str(refused.value) == (
        f"{path}: table 'risk_classifications' has no column 'text'; did you mean 'texts'? it has id, texts, category."
        " Name the column with --drift-columns text=NAME."
    )


def test_a_named_column_must_be_there_though_dispensable(path: Path) -> None:
    """It was asked for."""
    with pytest.raises(StoreError, match="has no column 'score'"):
        opened(path, {"confidence": "score"})


def test_an_id_that_occurs_twice_is_told_of(tmp_path: Path) -> None:
    """Which of them would be reviewed?"""
    store = opened(write_table(tmp_path / "a.db", [(1, "a", "b"), (1, "c", "d")], "id integer, text, category"))
    with pytest.raises(StoreError, match="id 1 occurs twice in risk_classifications"):
        store.read(lambda connection: store.rows(connection, [1]))


def test_text_that_is_no_utf_8_can_be_read(path: Path) -> None:
    """One damaged text hides no other."""
    execute(path, f"update {TABLE} set text = cast(x'ff41' as text) where id = 1")
    store = opened(path)
    assert store.read(lambda connection: store.rows(connection, [1]))[1]["text"] == "\ufffdA"
