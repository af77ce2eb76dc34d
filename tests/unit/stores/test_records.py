"""The table of records."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.core.errors import StoreError
from tests.support.tables import TABLE, opened, write_table
from tests.support.written_back import execute

ROWS = [(1, "one", "a"), (2, "two", "b"), (3, "three", "a"), (4, "four", None)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A table of four rows."""
    return write_table(tmp_path / "a.db", ROWS)


def test_more_rows_than_a_statement_takes_are_read(tmp_path: Path) -> None:
    """In pages."""
    store = opened(write_table(tmp_path / "a.db", [(key, "t", "c") for key in range(1, 2001)]))
    rows = store.read(lambda connection: store.rows(connection, list(range(1, 2001))))
    assert list(rows) == list(range(1, 2001))


def test_columns_of_another_schema_have_our_names(tmp_path: Path) -> None:
    """Names that need quotes, too; unknown ids are skipped."""
    path = write_table(tmp_path / "a.db", [(1, "words", "label")], '"key" integer, "the text" text, "select" text')
    store = opened(path, {"id": "key", "text": "the text", "category": "select"})
    rows = store.read(lambda connection: store.rows(connection, [1, 99]))
    assert rows == {1: {"id": 1, "text": "words", "category": "label"}}


def test_counts_categories_and_columns(path: Path) -> None:
    """Categories are sorted, and only three columns are required."""
    store = opened(path)
    assert (store.count(), store.categories()) == (4, ("a", "b"))
    assert (store.has("category"), store.has("confidence")) == (True, False)


def test_a_stream_yields_columns_of_every_record(tmp_path: Path) -> None:
    """Over several pages."""
    rows = [(key, f"text {key}", "c") for key in range(12_001)]
    store = opened(write_table(tmp_path / "a.db", rows))
    read = store.read(lambda connection: list(store.stream(connection, "id", "text")))
    assert read == [(key, text) for key, text, _ in rows]


def test_a_table_or_view_whose_name_needs_quotes(path: Path) -> None:
    """The name is quoted in SQL; another schema may need a view."""
    execute(path, f'alter table {TABLE} rename to "a ""table"" of; risks"')
    execute(path, 'create view seen as select id, text, category from "a ""table"" of; risks" where id > 2')
    assert opened(path, table='a "table" of; risks').count() == 4
    assert opened(path, table="seen").count() == 2


def test_a_missing_table_is_reported(path: Path) -> None:
    """With the existing ones, and the nearest."""
    with pytest.raises(StoreError) as refused:
        opened(path, table="risk_clasifications")
    assert str(refused.value) == (
        f"{path}: has no table 'risk_clasifications' (it has risk_classifications); name the table with --drift-table"
        " NAME; did you mean 'risk_classifications'?"
    )


def test_a_missing_column_is_reported(tmp_path: Path) -> None:
    """With the existing ones, and the nearest."""
    path = write_table(tmp_path / "a.db", [], "id integer, texts text, category text")
    with pytest.raises(StoreError) as refused:
        opened(path)
    assert str(refused.value) == (
        f"{path}: table 'risk_classifications' has no column 'text' (it has id, texts, category); name the"
        " column with --drift-columns text=NAME; did you mean 'texts'?"
    )


def test_a_named_column_must_exist_even_if_it_is_optional(path: Path) -> None:
    """It was asked for."""
    with pytest.raises(StoreError, match="has no column 'score'"):
        opened(path, {"confidence": "score"})


def test_a_repeated_id_is_reported(tmp_path: Path) -> None:
    """It does not identify a record."""
    store = opened(write_table(tmp_path / "a.db", [(1, "a", "b"), (1, "c", "d")], "id integer, text, category"))
    with pytest.raises(StoreError, match="id 1 occurs twice in risk_classifications"):
        store.read(lambda connection: store.rows(connection, [1]))


def test_text_that_is_not_utf_8_can_be_read(path: Path) -> None:
    """One damaged text must not hide the others."""
    execute(path, f"update {TABLE} set text = cast(x'ff41' as text) where id = 1")
    store = opened(path)
    assert store.read(lambda connection: store.rows(connection, [1]))[1]["text"] == "\ufffdA"
