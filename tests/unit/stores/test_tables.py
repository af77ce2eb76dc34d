"""A table in memory, written to a file that can be read as a store."""

from __future__ import annotations

import resource
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from drift_checks.core.errors import StoreError
from drift_checks.stores.tables import Table, TableFile

NAME = Path("/home/ann/tickets")
ROWS = [(7, "a debt", "financial"), (8, None, "other")]


def rows_of(table: Any, folder: Path) -> list[tuple[Any, ...]]:
    """Return the rows of the file of a table."""
    with closing(TableFile(table, NAME, folder)) as file:
        query = sa.text("SELECT id, text, category FROM tickets")
        return file.read(lambda connection: [tuple(row) for row in connection.execute(query)])


def relation() -> Any:
    """Return a table of a library that works without pyarrow."""
    return duckdb.sql("SELECT * FROM (VALUES (7, 'a debt', 'financial'), (8, NULL, 'other')) AS t(id, text, category)")


def pandas_table() -> Any:
    """Return a table whose ids are the index."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    index = pandas.Index([7, 8], name="id")
    category = pandas.Categorical(["financial", "other"])
    return pandas.DataFrame({"text": ["a debt", None], "category": category}, index=index)


def numbered_pandas_table() -> Any:
    """Return a table whose ids are the index, and also the numbers of the rows from 7."""
    pandas = pytest.importorskip("pandas")
    table = pandas_table()
    table.index = pandas.RangeIndex(7, 9, name="id")
    return table


def polars_table() -> Any:
    """Return a table of Polars."""
    return pytest.importorskip("polars").DataFrame(ROWS, schema=["id", "text", "category"], orient="row")


def arrow_table() -> Any:
    """Return a table of Arrow."""
    columns = dict(zip(("id", "text", "category"), map(list, zip(*ROWS, strict=True)), strict=True))
    return pytest.importorskip("pyarrow").table(columns)


@pytest.mark.parametrize("make", [relation, pandas_table, numbered_pandas_table, polars_table, arrow_table])
def test_a_table_becomes_a_file(make: Any, tmp_path: Path) -> None:
    """Whichever library it is of; a named index becomes a column."""
    table = make()
    assert isinstance(table, Table)
    assert rows_of(table, tmp_path) == ROWS


def test_a_stream_is_read_once(tmp_path: Path) -> None:
    """So one that has only one pass can be given."""
    assert rows_of(arrow_table().to_reader(), tmp_path) == ROWS


def test_the_file_is_removed(tmp_path: Path) -> None:
    """It holds the texts."""
    with closing(TableFile(relation(), NAME, tmp_path)):
        assert [path.name for path in tmp_path.glob("*/*.parquet")] == ["table.parquet"]
    assert list(tmp_path.iterdir()) == []


class Unreadable:
    """A table whose library cannot pass it on."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """Fail."""
        raise self.error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ImportError("no pyarrow"),
            "table: the Unreadable cannot be read without pyarrow; install it with: pip install pyarrow.",
        ),
        (
            ValueError("Could not convert 'a'", "column id"),
            "table: the Unreadable cannot be read (Could not convert 'a'); it must have columns with names of their"
            " own, each of one type.",
        ),
    ],
)
def test_an_unreadable_table_is_refused(error: Exception, said: str, tmp_path: Path) -> None:
    """In a sentence, and nothing is left."""
    with pytest.raises(StoreError) as refused:
        TableFile(Unreadable(error), NAME, tmp_path)
    assert str(refused.value) == said
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_refused(tmp_path: Path) -> None:
    """The sentence names the folder, and how to name another."""
    table = duckdb.sql("SELECT range AS id, 'text ' || range AS text, 'other' AS category FROM range(100000)")
    assert table is not None
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(StoreError, match=r"^snapshot-dir: no private copy of the DuckDBPyRelation can be made in"):
            TableFile(table, NAME, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_an_index_beside_a_column_of_its_name_is_refused(tmp_path: Path) -> None:
    """There can be only one."""
    table = pandas_table()
    with pytest.raises(StoreError, match="cannot insert id, already exists"):
        TableFile(table.assign(id=1), NAME, tmp_path)


def test_duckdb_is_needed(tmp_path: Path) -> None:
    """The sentence says how to install it."""
    code = (
        "import sys; sys.modules['duckdb'] = None; from pathlib import Path\n"
        "from drift_checks.stores.tables import TableFile; TableFile(object(), Path('tickets'), Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert "pip install 'drift-checks[duckdb]'" in done.stderr
