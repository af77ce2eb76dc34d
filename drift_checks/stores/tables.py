"""A table in memory, as pandas, Polars and Arrow have it, written to a private file that can be read as a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from drift_checks.core.errors import StoreError
from drift_checks.core.text import printable
from drift_checks.stores.engines.duckdb_file import DuckDBFile
from drift_checks.stores.engines.snapshot import Snapshot
from drift_checks.stores.engines.sources import Format, Source

_LONGEST_REASON = 200


@runtime_checkable
class Table(Protocol):
    """A table that the Arrow PyCapsule interface can read."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """Return the capsule of a stream of record batches."""


class TableFile(DuckDBFile):
    """A table in a private Parquet file, which is removed when it is closed; messages call it by `name`.

    A pandas index becomes a column, unless it has no name and only numbers the rows.

    Raises:
        StoreError: The table cannot be read, or the file not written.
    """

    def __init__(self, table: Table, name: Path, snapshot_dir: Path, query_seconds: float | None = None) -> None:
        self._private = Snapshot(snapshot_dir)
        try:
            file = self._private.folder / "table.parquet"
            _write(table, file)
            super().__init__(Source(name, Format.PARQUET, (file,)), snapshot_dir, query_seconds)
        except BaseException:
            self._private.close()
            raise

    def close(self) -> None:
        """Remove the file."""
        super().close()
        self._private.close()


def _write(table: Table, file: Path) -> None:
    try:
        import duckdb
    except ImportError:
        problem, remedy = "tables are read by DuckDB, which is not installed", "pip install 'drift-checks[duckdb]'"
        raise StoreError("table", problem, f"install it with: {remedy}") from None
    kind = type(table).__name__
    try:
        # The capsule, because DuckDB reads the tables of libraries that it knows by way of pyarrow.
        stream = _with_index(table).__arrow_c_stream__()
    except ImportError:
        problem = f"the {kind} cannot be read without pyarrow"
        raise StoreError("table", problem, "install it with: pip install pyarrow") from None
    except Exception as error:
        raise _unreadable(kind, error) from None
    target = str(file).replace("'", "''")
    try:
        with duckdb.connect() as connection:
            connection.register("given", stream)
            connection.execute(f"COPY given TO '{target}' (FORMAT parquet)")
    except duckdb.IOException as error:
        problem = f"no private copy of the {kind} can be made in {file.parent} ({_reason(error)})"
        raise StoreError("snapshot-dir", problem, "name another folder with --drift-snapshot-dir") from None
    except duckdb.Error as error:
        raise _unreadable(kind, error) from None


def _with_index(table: Any) -> Table:
    """Return a pandas table with a named index as a column, also if that only numbers the rows."""
    names = getattr(getattr(table, "index", None), "names", ())
    has_name = any(name is not None for name in names)
    found: Table = table.reset_index() if has_name else table
    return found


def _unreadable(kind: str, error: Exception) -> StoreError:
    remedy = "it must have columns with names of their own, each of one type"
    return StoreError("table", f"the {kind} cannot be read ({_reason(error)})", remedy)


def _reason(error: Exception) -> str:
    first = str(error.args[0] if error.args else error).partition("\n")[0]
    return printable(first, _LONGEST_REASON)
