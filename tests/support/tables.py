"""Small SQLite files for tests of reading records."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from drift_checks.core.records import RecordId, Stratum
from drift_checks.stores.engines.sqlite import SqliteFile
from drift_checks.stores.records import RecordStore
from drift_checks.stores.strata import Bounds, StrataQueries

Result = TypeVar("Result")
TABLE = "risk_classifications"


def write_table(
    path: Path,
    rows: Iterable[Sequence[object]],
    columns: str = "id integer primary key, text, category",
    indexed: Sequence[str] = (),
) -> Path:
    """Create a SQLite file with a table of these columns, rows and indexes; return its path."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("pragma synchronous = off")
        connection.execute(f"create table {TABLE} ({columns})")
        for row in rows:
            connection.execute(f"insert into {TABLE} values ({', '.join('?' * len(row))})", row)
        for name in indexed:
            connection.execute(f"create index by_{name} on {TABLE} ({name})")
    return path


def opened(path: Path, renamed: Mapping[str, str] | None = None, table: str = TABLE) -> RecordStore:
    """Return the table of the file; private copies are made beside it."""
    return RecordStore(SqliteFile(path, path.parent / "snapshots"), table, renamed or {})


def with_strata(store: RecordStore, bounds: Bounds, query: Callable[[StrataQueries], Result]) -> Result:
    """Return what `query` returns for the strata of the store."""
    return store.file.read(lambda connection: query(StrataQueries(connection, store, bounds)), bounds.functions)


def strata_by_id(store: RecordStore, bounds: Bounds, ids: Sequence[RecordId]) -> dict[RecordId, Stratum]:
    """Return the stratum of each of these records, as SQL computes it."""
    return with_strata(store, bounds, lambda strata: strata.parts_of(ids))
