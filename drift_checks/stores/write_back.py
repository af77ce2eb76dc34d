"""Writing a finished run back to the application's SQLite file: with `write_back_server`, all that writes to a store.

One transaction adds a row to the table `drift_metrics` and marks the reviewed records. The application may read and
write at the same time, thanks to SQLite's locks.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from drift_checks.core.errors import StoreError, StoreLocked
from drift_checks.core.records import RecordId, stored_ids
from drift_checks.stores.columns.timestamps import iso_utc, written_like
from drift_checks.stores.engines.sources import require_sqlite
from drift_checks.stores.engines.sqlite import error_code
from drift_checks.stores.engines.sqlite_dialect import columns_of
from drift_checks.stores.records import RecordStore

METRICS = "drift_metrics"
_COUNTS = ("total_reviewed", "agreements", "disagreements")
METRIC_COLUMNS = (*_COUNTS, "agreement_rate", "avg_confidence_change", "timestamp")
CREATED = "created_at"
MARKS = ("last_reviewed_at", "review_count")
BUSY_SECONDS = 30.0

_PAGE = 500
_LOOKED_AT = 200
_RETRY_SECONDS = 0.002
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
OR_WITHOUT = "or run without --drift-write-back"
_METRICS = sa.table(METRICS, *map(sa.column, (*METRIC_COLUMNS, CREATED)))


@dataclass(frozen=True, slots=True)
class WrittenBack:
    """What a finished run adds to the application's store.

    Attributes:
        record_ids: The ids of the reviewed records, as in the store; each is marked once.
        agreement_rate: From 0 to 1.
        confidence_change: The mean of reviewed minus stored confidence, from -1 to 1; None if it was not measured.
        moment: When the run took place, with a zone; it identifies the run.
        naive: The zone of the store's timestamps that have none.
    """

    record_ids: tuple[RecordId, ...]
    total_reviewed: int
    agreements: int
    agreement_rate: float
    confidence_change: float | None
    moment: datetime
    naive: tzinfo = UTC

    def __post_init__(self) -> None:
        if self.moment.tzinfo is None:
            raise ValueError(f"the moment {self.moment} has no zone")


def refuse_unwritable_file(store: RecordStore) -> None:
    """Refuse a store for which `write_back` would certainly fail, without writing or taking a write lock.

    Raises:
        StoreError: A file or its folder is not writable, the records are a view, a table or column is missing, or the
            store would not accept the row.
    """
    path = require_sqlite(store.file.path, "--drift-write-back")
    _refuse_without_rights(path)
    if fault := store.read(lambda connection: _fault(connection, store)):
        problem, remedy = fault
        raise StoreError(path, problem, f"{remedy}, {OR_WITHOUT}")


def write_back_to_file(store: RecordStore, written: WrittenBack, busy_seconds: float = BUSY_SECONDS) -> bool:
    """Add the run's row to `drift_metrics` and mark its records reviewed, in one transaction.

    No other thread may read the file through `SqliteFile` meanwhile: a process that closes a file loses all its locks
    on it, including those of this transaction. Ids that the store no longer has are skipped.

    Returns:
        Whether it was written: False if the store already has the row of this run.

    Raises:
        StoreError: The file stays locked or cannot be written, or the application's triggers refuse the change;
            nothing was written.
    """
    with _transaction(require_sqlite(store.file.path, "--drift-write-back"), busy_seconds) as connection:
        stamp = stamp_like(connection, _METRICS.c.timestamp, store, written)
        if _has_row(connection, stamp, iso_utc(written.moment)):
            return False
        _add_row(connection, store, written, stamp)
        if not _has_row(connection, stamp):
            # Without the row, a resumed run would mark its records a second time.
            raise StoreError(
                store.file.path,
                f"a trigger keeps the row of this run out of {METRICS}, so nothing of it was written back",
                f"change the trigger, {OR_WITHOUT}",
            )
        ids = list(dict.fromkeys(written.record_ids))
        moment = stamp_like(connection, _written(store, MARKS[0]), store, written)
        for start in range(0, len(ids), _PAGE):
            there = _written(store, "id").in_(list(stored_ids(ids[start : start + _PAGE])))
            connection.execute(_mark(store, there, moment))
        connection.commit()
    return True


def _has_row(connection: sa.Connection, *stamps: object) -> bool:
    found = sa.select(_METRICS.c.timestamp).where(_METRICS.c.timestamp.in_(stamps)).limit(1)
    return connection.execute(found).first() is not None


def _add_row(connection: sa.Connection, store: RecordStore, written: WrittenBack, stamp: object) -> None:
    there = _metric_columns(connection)
    values = metric_values(written, stamp, may_be_null=there["avg_confidence_change"]["nullable"])
    if CREATED in there and _is_empty_by_default(there[CREATED]):
        values[CREATED] = stamp_like(connection, _METRICS.c[CREATED], store, written)
    connection.execute(sa.insert(_METRICS).values(values))


def metric_values(written: WrittenBack, stamp: object, *, may_be_null: bool) -> dict[str, object]:
    """Return the values of a run's row; a confidence change that was not measured is 0 if it may not be NULL."""
    change = written.confidence_change
    return {
        "total_reviewed": written.total_reviewed,
        "agreements": written.agreements,
        "disagreements": written.total_reviewed - written.agreements,
        "agreement_rate": written.agreement_rate,
        "avg_confidence_change": 0.0 if change is None and not may_be_null else change,
        "timestamp": stamp,
    }


def stamp_like(
    connection: sa.Connection, column: sa.ColumnElement[Any], store: RecordStore, written: WrittenBack
) -> object:
    """Return the moment as this column holds others, or else as the records' `timestamp` does.

    The application may compare the values of the column as text.
    """
    columns = [column, *([store.column("timestamp")] if store.has("timestamp") else [])]
    for stored in columns:
        values = connection.execute(sa.select(stored).where(stored.is_not(None)).limit(_LOOKED_AT)).scalars().all()
        if (stamp := written_like(values, written.moment, written.naive)) is not None:
            return stamp
    return iso_utc(written.moment)


def _mark(store: RecordStore, which: sa.ColumnElement[bool], moment: object) -> sa.Update:
    at, count = (_written(store, ours) for ours in MARKS)
    return sa.update(store.base).where(which).values({at: moment, count: sa.func.coalesce(count, 0) + 1})


def _written(store: RecordStore, ours: str) -> sa.ColumnClause[Any]:
    """Return the column of the table itself."""
    return store.base.c[store.columns[ours]]


def _metric_columns(connection: sa.Connection) -> dict[str, ReflectedColumn]:
    """Return the properties of each column by its lower-case name, because SQL ignores case."""
    return {found["name"].lower(): found for found in columns_of(connection, METRICS)}


def _refuse_without_rights(path: Path) -> None:
    # SQLite keeps its journals beside the target of a link.
    real = path.resolve()
    files = [real.with_name(real.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]
    for file in files:
        if file.exists() and not os.access(file, os.W_OK):
            raise StoreError(file, "is not writable", f"give this user write permission, {OR_WITHOUT}")
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise StoreError(
            real.parent,
            f"is not writable, and SQLite needs to create a journal beside {real.name}",
            f"give this user write permission, {OR_WITHOUT}",
        )


Fault = tuple[str, str]


def fault_of_records(store: RecordStore) -> Fault | None:
    """Return why no record in the table can be marked as reviewed, and the remedy."""
    if store.is_view:
        problem = f"{store.name!r} is a view, whose rows cannot be marked as reviewed"
        return problem, "name the table with --drift-table"
    for ours in MARKS:
        if not store.has(ours):
            return (
                f"table {store.name!r} has no column {ours!r}, which --drift-write-back updates",
                f"name the column with --drift-columns={ours}=NAME, add it to the table",
            )
    return None


def _fault(connection: sa.Connection, store: RecordStore) -> Fault | None:
    """Return what in the schema prevents writing, and the remedy."""
    inspector = sa.inspect(connection)
    views = [name.lower() for name in inspector.get_view_names()]
    if (fault := fault_of_records(store)) is not None:
        return fault
    if METRICS in views or not inspector.has_table(METRICS):
        return (
            f"has no table {METRICS!r}, to which --drift-write-back adds a row",
            f"create it with the columns {', '.join(METRIC_COLUMNS)}",
        )
    return _fault_of_metrics(connection) or _fault_of_statements(connection, store)


def _fault_of_metrics(connection: sa.Connection) -> Fault | None:
    there = _metric_columns(connection)
    missing = [name for name in METRIC_COLUMNS if name not in there]
    if missing:
        return f"table {METRICS!r} has no {_named(missing)}, which --drift-write-back fills", "add it to the table"
    filled = (*METRIC_COLUMNS, CREATED)
    required = [known["name"] for name, known in there.items() if name not in filled and _must_be_given(known)]
    if required:
        return (
            f"table {METRICS!r} requires a value for {_named(required)}, which --drift-write-back does not know",
            "give it a default",
        )
    return None


def _must_be_given(known: ReflectedColumn) -> bool:
    """Return whether a row needs a value for this column; SQLite generates an integer primary key."""
    numbered = known.get("primary_key") and isinstance(known["type"], sa.Integer)
    return _is_empty_by_default(known) and not (known["nullable"] or numbered)


def _is_empty_by_default(known: ReflectedColumn) -> bool:
    return known.get("default") is None and not known.get("computed")


def _fault_of_statements(connection: sa.Connection, store: RecordStore) -> Fault | None:
    """Return why SQLite cannot compile the statements with their triggers; EXPLAIN does not execute them."""
    row = sa.insert(_METRICS).values(dict.fromkeys(METRIC_COLUMNS, ""))
    try:
        for statement in (row, _mark(store, _written(store, "id") == "", "")):
            compiled = statement.compile(dialect=connection.dialect)
            nothing = (None,) * len(compiled.positiontup or ())
            connection.exec_driver_sql(f"EXPLAIN {compiled}", nothing)
    except DBAPIError as error:
        return f"does not accept what --drift-write-back writes ({error.orig})", "change the table or its triggers"
    return None


def _named(columns: list[str]) -> str:
    return f"column{'s' * (len(columns) > 1)} {', '.join(map(repr, columns))}"


@contextmanager
def _transaction(path: Path, busy_seconds: float) -> Iterator[sa.Connection]:
    """Hold the write lock of the file; what is not committed is rolled back."""
    # A path after two slashes would be taken for a host. The mode keeps SQLite from creating a missing file.
    address = f"file:/{quote(os.fsencode(path.resolve()).lstrip(b'/'))}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = sa.create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            _begin(connection, busy_seconds)
            yield connection
    except DBAPIError as error:
        raise _explained(path, error.orig, busy_seconds) from None
    finally:
        engine.dispose()


def _begin(connection: sa.Connection, busy_seconds: float) -> None:
    """Take the write lock of the file; from then on SQLite itself waits for readers."""
    # SQLite retries ten times a second, which hardly ever hits a gap if the application writes constantly.
    end = time.monotonic() + busy_seconds
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except DBAPIError as error:
            if error_code(error.orig) not in _BUSY or time.monotonic() >= end:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(busy_seconds * 1000)}")
            return


def _explained(path: Path, error: BaseException | None, busy_seconds: float) -> StoreError:
    code = error_code(error)
    problem = f"cannot be written to ({error})"
    nothing = "so nothing of this run was written back"
    if code in _BUSY:
        problem = f"was locked by another program for {busy_seconds:g} s, {nothing}"
        return StoreLocked(path, problem, "run the review again when that has finished writing")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        problem, remedy = f"is damaged ({error})", "restore it from a backup"
    elif code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        remedy = f"give this user write permission for the file and its folder, {OR_WITHOUT}"
    elif code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        remedy = "check that the disk has room and no errors"
    else:
        problem = f"does not accept what --drift-write-back writes ({error})"
        remedy = f"change the table or its triggers, {OR_WITHOUT}"
    return StoreError(path, f"{problem}, {nothing}", remedy)
