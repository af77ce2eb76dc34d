"""Writing a finished run back to a database server, in one transaction: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchTableError

from drift_checks.core.errors import StoreError
from drift_checks.core.text import printable
from drift_checks.stores.engines.database import DatabaseServer
from drift_checks.stores.records import RecordStore
from drift_checks.stores.write_back import (
    CREATED,
    MARKS,
    METRIC_COLUMNS,
    METRICS,
    OR_WITHOUT,
    Fault,
    WrittenBack,
    fault_of_records,
    metric_values,
    stamp_like,
)

RIGHTS = f"INSERT and SELECT on {METRICS}, USAGE on the sequence of its id, if any, and UPDATE on the table of records"
_PAGE = 500
_WAIT_SECONDS = 30
# A lock that another program holds is waited for so long, and a moment means the same in each session.
_BEGINNINGS: Mapping[str, tuple[str, ...]] = {
    "postgresql": (f"set local lock_timeout = '{_WAIT_SECONDS}s'", "set local timezone = 'UTC'"),
    "mysql": (f"set session innodb_lock_wait_timeout = {_WAIT_SECONDS}", "set session time_zone = '+00:00'"),
}
_BEGINNINGS = {**_BEGINNINGS, "mariadb": _BEGINNINGS["mysql"]}


def refuse_unwritable_server(store: RecordStore, server: DatabaseServer) -> None:
    """Refuse a database for which `write_back_to_server` would certainly fail, without writing.

    Raises:
        StoreError: The records are a view, a table or column is missing, or the user lacks a right.
    """
    with server.writing() as connection:
        fault = _fault(connection, store)
    if fault is not None:
        problem, remedy = fault
        raise StoreError(server.path, problem, f"{remedy}, {OR_WITHOUT}")


def write_back_to_server(store: RecordStore, server: DatabaseServer, written: WrittenBack) -> bool:
    """Add the run's row to `drift_metrics` and mark its records reviewed; skip ids that the store no longer has.

    Returns:
        Whether it was written: False if the database already has the row of this run.

    Raises:
        StoreError: The server cannot be reached, or refuses the change; nothing was written, unless the error says
            that nobody knows.
    """
    with _nothing_written(), server.writing() as connection:
        for statement in _BEGINNINGS.get(connection.dialect.name, ()):
            connection.exec_driver_sql(statement)
        metrics, records = _reflected(connection, store)
        stamp = _moment(connection, metrics.c["timestamp"], store, written)
        there = sa.select(metrics.c["timestamp"]).where(metrics.c["timestamp"] == stamp).limit(1)
        if connection.execute(there).first() is not None:
            return False
        values = metric_values(written, stamp, may_be_null=bool(metrics.c["avg_confidence_change"].nullable))
        if CREATED in metrics.c and _must_be_given(metrics.c[CREATED]):
            values[CREATED] = _moment(connection, metrics.c[CREATED], store, written)
        connection.execute(sa.insert(metrics).values(values))
        _mark(connection, store, records, written)
        _commit(connection, server)
    return True


def _mark(connection: sa.Connection, store: RecordStore, records: sa.Table, written: WrittenBack) -> None:
    at, number = (records.c[store.columns[ours]] for ours in MARKS)
    values = {at: _moment(connection, at, store, written), number: sa.func.coalesce(number, 0) + 1}
    ids = list(dict.fromkeys(written.record_ids))
    for start in range(0, len(ids), _PAGE):
        these = store.file.dialect.with_ids(records.c[store.columns["id"]], ids[start : start + _PAGE])
        connection.execute(sa.update(records).where(these).values(values))


def _commit(connection: sa.Connection, server: DatabaseServer) -> None:
    try:
        connection.commit()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        problem = "was lost while this run was being written back, and nobody knows whether it was"
        remedy = f"look for its row in {METRICS}; a resumed run adds it only if it is missing"
        raise StoreError(server.path, problem, remedy) from None


@contextmanager
def _nothing_written() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        if "nobody knows" in error.problem:
            raise
        problem = f"{error.problem}, so nothing of this run was written back"
        raise type(error)(error.what, problem, error.remedy or f"grant the user {RIGHTS}, {OR_WITHOUT}") from None


def _reflected(connection: sa.Connection, store: RecordStore) -> tuple[sa.Table, sa.Table]:
    """Return the two tables with the types of their columns."""
    found = sa.MetaData()
    schema = getattr(store.file.dialect.table(store.name), "schema", None)
    name = store.file.dialect.table(store.name).name
    return (
        sa.Table(METRICS, found, autoload_with=connection, resolve_fks=False),
        sa.Table(name, found, schema=schema, autoload_with=connection, resolve_fks=False),
    )


def _moment(connection: sa.Connection, column: sa.Column[Any], store: RecordStore, written: WrittenBack) -> object:
    """Return the moment of the run as this column holds others."""
    if isinstance(column.type, sa.DateTime):
        # Without a zone, the type holds the time of the application, or of the session, which is in UTC.
        zone = UTC if isinstance(column.type, sa.TIMESTAMP) and not _is_plain(connection) else written.naive
        moment: datetime = written.moment.astimezone(UTC if column.type.timezone else zone)
        return moment if column.type.timezone else moment.replace(tzinfo=None)
    if isinstance(column.type, sa.Date):
        day: date = written.moment.astimezone(written.naive).date()
        return day
    return stamp_like(connection, column, store, written)


def _is_plain(connection: sa.Connection) -> bool:
    """Return whether TIMESTAMP holds no instant here, as in SQL's standard; MariaDB and MySQL differ."""
    return connection.dialect.name not in ("mysql", "mariadb")


def _must_be_given(column: sa.Column[Any]) -> bool:
    is_filled = column.server_default is not None or column.computed or column.identity
    return not is_filled and column.autoincrement is not True


def _fault(connection: sa.Connection, store: RecordStore) -> Fault | None:
    """Return what prevents writing, and the remedy."""
    if (fault := fault_of_records(store)) is not None:
        return fault
    try:
        metrics, records = _reflected(connection, store)
    except NoSuchTableError:
        return (
            f"has no table {METRICS!r} that the user may see, to which --drift-write-back adds a row",
            f"create it with the columns {', '.join(METRIC_COLUMNS)}, grant the user INSERT and SELECT on it",
        )
    if missing := [name for name in METRIC_COLUMNS if name not in metrics.c]:
        problem = f"table {METRICS!r} has no {', '.join(missing)}, which --drift-write-back fills"
        return problem, "add it to the table"
    filled = (*METRIC_COLUMNS, CREATED)
    required = [
        item.name
        for item in metrics.c
        if item.name not in filled
        and not item.nullable
        and _must_be_given(item)
        and item is not metrics.autoincrement_column
    ]
    if required:
        names = ", ".join(required)
        return (
            f"table {METRICS!r} requires a value for {names}, which --drift-write-back does not know",
            "give it a default",
        )
    return _fault_of_rights(connection, metrics, records, store)


def _may_number(connection: sa.Connection, metrics: sa.Table) -> bool:
    """Return whether the user may take a number from PostgreSQL's sequence of the table, if it has one."""
    numbered = metrics.autoincrement_column
    is_sequence = numbered is not None and "nextval" in str(getattr(numbered.server_default, "arg", ""))
    if numbered is None or not is_sequence or connection.dialect.name != "postgresql":
        return True
    table = connection.dialect.identifier_preparer.format_table(metrics)
    asked = sa.text("select has_sequence_privilege(pg_get_serial_sequence(:table, :column), 'USAGE')")
    # NULL for a sequence that does not belong to the column.
    return connection.execute(asked, {"table": table, "column": numbered.name}).scalar_one() is not False


def _fault_of_rights(
    connection: sa.Connection, metrics: sa.Table, records: sa.Table, store: RecordStore
) -> Fault | None:
    """Return why the server would not execute the statements; EXPLAIN checks rights and changes nothing."""
    if connection.dialect.name not in _BEGINNINGS:
        return None
    at, number = (records.c[store.columns[ours]] for ours in MARKS)
    nothing = sa.false()
    row = sa.insert(metrics).from_select(
        [*METRIC_COLUMNS], sa.select(*(metrics.c[name] for name in METRIC_COLUMNS)).where(nothing)
    )
    mark = sa.update(records).where(nothing).values({at: at, number: sa.func.coalesce(number, 0) + 1})
    try:
        for statement in (row, mark):
            compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
            connection.exec_driver_sql(f"EXPLAIN {compiled}")
        if not _may_number(connection, metrics):
            return "does not let the user write back (no right to use the sequence)", f"grant the user {RIGHTS}"
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        said = printable(getattr(error.orig, "args", ("",))[-1], 200)
        return f"does not let the user write back ({said})", f"grant the user {RIGHTS}"
    return None
