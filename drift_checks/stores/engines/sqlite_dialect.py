"""SQLite's tables and expressions."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import DBAPIError, SAWarning
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import TypeEngine

from drift_checks.core.records import RecordId, StoredId, stored_ids
from drift_checks.stores.engines.in_process_dialect import InProcessDialect
from drift_checks.stores.expressions import number_in_sql, text_in_sql

# Above this, scanning two indexes is faster than scanning the rows.
_WIDE_ROW_BYTES = 1500
# Positions closer to each other than this are found faster by listing all rows than by seeking each.
_MOST_BETWEEN = 50
_ROW_ID: sa.ColumnClause[int] = sa.literal_column("rowid")


class SqliteDialect(InProcessDialect):
    """SQLite, whose columns may hold values of any type."""

    ids_at_once = 500

    def tables(self, connection: sa.Connection) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of the tables and those of the views."""
        inspector = sa.inspect(connection)
        return inspector.get_table_names(), inspector.get_view_names()

    def columns(self, connection: sa.Connection, table: str) -> Mapping[str, TypeEngine[Any]]:
        """Return the columns of a table or view, without types: any column may hold any value."""
        return {str(found["name"]): sa.types.NullType() for found in columns_of(connection, table)}

    def projected(self, connection: sa.Connection, ours: str, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        """Return the column as it is."""
        return column

    def has_integer_key(self, connection: sa.Connection, table: str, column: str) -> bool:
        """Return whether the column is an integer primary key."""
        key = [found for found in columns_of(connection, table) if found.get("primary_key")]
        return [found["name"] for found in key] == [column] and isinstance(key[0]["type"], sa.Integer)

    def prefers_indexes(
        self, connection: sa.Connection, table: str, key: str, numbers: str | None, others: str | None
    ) -> bool:
        """Return whether the rows are wide and have both indexes, that on `numbers` of a column declared as numbers."""
        indexed = [index["column_names"] for index in sa.inspect(connection).get_indexes(table)]
        if [numbers] not in indexed or [others] not in indexed:
            return False
        return (
            self.has_integer_key(connection, table, key)
            and isinstance(_declared(connection, table, numbers), sa.Float | sa.Integer | sa.Numeric)
            and _row_bytes(connection, table) > _WIDE_ROW_BYTES
        )

    def spread(
        self, connection: sa.Connection, rows: sa.Select[Any], places: int, at_each: int
    ) -> Sequence[Sequence[Any]]:
        """Return rows at several places, or none if rows have no numbers, as those of a view."""
        query = rows.add_columns(_ROW_ID.label("drift_rowid")).order_by(_ROW_ID).limit(at_each)
        try:
            first, last = (
                connection.execute(sa.select(end(_ROW_ID)).select_from(*rows.get_final_froms())).scalar()
                for end in (sa.func.min, sa.func.max)
            )
            if not isinstance(first, int) or not isinstance(last, int):
                return []
            starts = [first + (last - first) * place // places for place in range(places + 1)]
            # No further than the next place: the rows of a condition may be few.
            parts = [query.where(_ROW_ID.between(*section)) for section in pairwise(starts)]
            found = [row for part in parts for row in connection.execute(part)]
        except DBAPIError:
            return []
        return list({row[-1]: row[:-1] for row in found}.values())

    def newest(self, connection: sa.Connection, rows: sa.Select[Any], number: int) -> Sequence[Sequence[Any]]:
        """Return the rows with the highest numbers, or none if rows have no numbers."""
        try:
            return connection.execute(rows.order_by(_ROW_ID.desc()).limit(number)).all()
        except DBAPIError:
            return []

    def at_positions(
        self, connection: sa.Connection, ids: sa.Select[Any], key: sa.ColumnElement[Any], positions: Sequence[int]
    ) -> Sequence[StoredId]:
        """Return the ids at these positions, by listing all ids or by seeking each."""
        ordered = ids.order_by(key)
        if not positions or positions[-1] >= _MOST_BETWEEN * len(positions):
            return list(_sought(connection, ordered, key, positions))
        listed = connection.execute(ordered.limit(positions[-1] + 1)).scalars().all()
        return [listed[position] for position in positions if position < len(listed)]

    def with_ids(self, key: sa.ColumnElement[Any], ids: Sequence[RecordId]) -> sa.ColumnElement[bool]:
        """Return whether the column is one of these ids, as a number, a text or bytes."""
        return key.in_(list(stored_ids(ids)))

    def is_whole(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return whether a value is stored as a whole number, whatever the column's declared type."""
        return sa.func.typeof(stored) == text_in_sql("integer")

    def number(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the value; in SQLite, any text is greater than any number."""
        return _without_affinity(stored)

    def as_number(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the number in a value; a text that only begins with one may count here."""
        return sa.cast(stored, sa.Numeric)

    def text(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the value, so that it is not converted when it is compared."""
        return _without_affinity(stored)

    def matches(self, text: sa.ColumnElement[Any], pattern: str) -> sa.ColumnElement[bool]:
        """Return False: SQLite has no regular expressions."""
        return sa.false()

    def begins_with_date(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return whether SQLite reads the value as the date at its beginning."""
        date = sa.func.substr(stored, number_in_sql(1), number_in_sql(10))
        ends_in_utc = sa.func.substr(stored, number_in_sql(-4)) == text_in_sql(" UTC")
        without_end = sa.func.date(sa.func.substr(stored, number_in_sql(1), number_in_sql(19)))
        return sa.or_(sa.func.date(stored) == date, sa.and_(ends_in_utc, without_end == date))

    def call(self, function: str, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
        """Return the result of a registered function for a value."""
        called: sa.ColumnElement[int] = getattr(sa.func, function)(stored)
        return called

    def digest(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any] | None:
        """Return None: SQLite has no function for it."""
        return None

    def evaluated_once(self, rows: sa.Select[Any]) -> sa.Subquery:
        """Return the rows with a limit, which keeps SQLite from evaluating each column again."""
        return rows.limit(-1).subquery()


def columns_of(connection: sa.Connection, table: str) -> list[ReflectedColumn]:
    """Return the properties of each column of a table."""
    with warnings.catch_warnings():
        # SQLAlchemy does not know the types of extensions, such as F32_BLOB(16).
        warnings.simplefilter("ignore", SAWarning)
        return sa.inspect(connection).get_columns(table)


def _sought(
    connection: sa.Connection, ordered: sa.Select[Any], key: sa.ColumnElement[Any], positions: Sequence[int]
) -> Iterator[StoredId]:
    """Yield the ids at these positions, one by one; records that repeat an id are passed over."""
    query = ordered.limit(1)
    last: StoredId | None = None
    position = -1
    for wanted in positions:
        onward = query if last is None else query.where(key > last)
        last = connection.execute(onward.offset(wanted - position - 1)).scalar_one_or_none()
        if last is None:
            return
        position = wanted
        yield last


def _declared(connection: sa.Connection, table: str, column: str | None) -> TypeEngine[Any] | None:
    return next((found["type"] for found in columns_of(connection, table) if found["name"] == column), None)


def _row_bytes(connection: sa.Connection, table: str) -> float:
    """Return the approximate size of a row in bytes, if the table makes up most of the file."""
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    page = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    rows = connection.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar_one()
    return float(pages * page / max(1, rows))


def _without_affinity(stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return the value with SQLite's unary plus, so that text and numbers are compared without conversion."""
    return sa.UnaryExpression(stored, operator=custom_op("+"))
