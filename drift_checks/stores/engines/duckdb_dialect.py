"""DuckDB's tables and expressions.

Columns have types there. Each is read as text, whole numbers, numbers or bytes, so that the rest of the code finds what
SQLite would hold: a timestamp is a text in ISO 8601, and an array or a structure a text in JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from drift_checks.core.records import RecordId, StoredId, stored_ids
from drift_checks.stores.embeddings import PACKED, SortKey, read_embedding
from drift_checks.stores.engines.column_types import Packed
from drift_checks.stores.engines.in_process_dialect import InProcessDialect
from drift_checks.stores.expressions import text_in_sql

# The number of a row, from 0.
ROW_ID = "rowid"
_WHOLE = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
_NUMBERS = ("FLOAT", "DOUBLE", "DECIMAL")
_NESTED = ("STRUCT", "MAP", "UNION")
_TIMESTAMPS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE")
_ZONED = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
# Whatever matches this and begins with an existing date is read by `read_instant`.
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?: UTC|Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?"
_ISO = rf"\d{{4}}-\d\d-\d\d(?:[T ]{_TIME})?"
_MOST_IDS = 50_000
_VECTOR = re.compile(r"(?:FLOAT|DOUBLE)\[\d*\]")
_ORDER = "ASC NULLS LAST"


class Declared(sa.types.NullType):
    """The type of a column as DuckDB names it."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name


class _IsoText(sa.String):
    """A text that is made from a timestamp."""


class DuckDBDialect(InProcessDialect):
    """DuckDB; `names` are the names of what files are read as, which are tables to the user, though views to DuckDB.

    With `texts`, all columns are texts, and ids that are all whole numbers are read as such.
    """

    ids_at_once = _MOST_IDS

    def __init__(self, names: Sequence[str] = (), *, texts: bool = False) -> None:
        self._names = names
        self._texts = texts
        self._is_number: dict[str, bool] = {}
        self._has_sort_keys: bool | None = None

    def tables(self, connection: sa.Connection) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of the tables and those of the views."""
        if self._names:
            return self._names, ()
        there = connection.exec_driver_sql(
            "select table_name, table_type from information_schema.tables"
            " where table_catalog = current_database() and table_schema = current_schema()"
        ).all()
        return [name for name, kind in there if kind != "VIEW"], [name for name, kind in there if kind == "VIEW"]

    def columns(self, connection: sa.Connection, table: str) -> Mapping[str, TypeEngine[Any]]:
        """Return the columns of a table or view with their declared types."""
        described = connection.exec_driver_sql(f"describe {quoted_name(table)}")
        return {row[0]: Declared(str(row[1])) for row in described}

    def projected(self, connection: sa.Connection, ours: str, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        """Return what is read of a column: its values as text, whole numbers, numbers or bytes."""
        name = getattr(column.type, "name", "")
        plain = name.partition("(")[0]
        if column.name == ROW_ID and not name:
            return sa.cast(column, sa.BigInteger) + 1
        if self._texts:
            is_number = ours == "id" and self._holds_whole_numbers(connection, column)
            return sa.cast(column, sa.BigInteger if is_number else sa.String)
        if plain in _WHOLE + _NUMBERS and ours not in ("text", "category"):
            # NULL in place of a number that is too large for SQLite.
            return sa.try_cast(column, sa.BigInteger) if plain in _WHOLE else sa.cast(column, sa.Double)
        if plain == "BLOB":
            return sa.type_coerce(column, sa.LargeBinary)
        if name in _TIMESTAMPS:
            return sa.cast(column if name == "DATE" else sa.cast(column, sa.TIMESTAMP), _IsoText)
        if name in _ZONED:
            in_utc = sa.func.make_timestamp(sa.func.epoch_us(column))
            return sa.type_coerce(sa.cast(in_utc, sa.String).concat("Z"), _IsoText)
        if _VECTOR.fullmatch(name) and ours == PACKED and self._sort_keys_are_known(connection):
            key = sa.func.create_sort_key(sa.try_cast(column, sa.ARRAY(sa.REAL)), text_in_sql(_ORDER))
            return sa.type_coerce(sa.case((column.is_not(None), key)), Packed(SortKey))
        if name.endswith("]"):
            # A copy with the items of the wanted rows only: all that were read with them would be converted.
            return sa.cast(sa.func.to_json(sa.func.list_resize(column, sa.func.len(column))), sa.String)
        return sa.cast(sa.func.to_json(column) if plain in _NESTED else column, sa.String)

    def _sort_keys_are_known(self, connection: sa.Connection) -> bool:
        """Return whether this version of DuckDB makes the sort keys that can be read."""
        if self._has_sort_keys is None:
            numbers = [1.5, -2.25, 0.0]
            query = f"select create_sort_key({numbers}::float[], '{_ORDER}')"
            try:
                made = read_embedding(SortKey(connection.exec_driver_sql(query).scalar_one()))
            except DBAPIError:
                made = None
            self._has_sort_keys = made is not None and made.tolist() == numbers
        return self._has_sort_keys

    def _holds_whole_numbers(self, connection: sa.Connection, column: sa.ColumnClause[Any]) -> bool:
        """Return whether all texts in the column are whole numbers as computers write them."""
        if column.name not in self._is_number:
            written = sa.cast(sa.try_cast(column, sa.BigInteger), sa.String)
            other = sa.select(column).where(column.is_not(None), written.is_distinct_from(column)).limit(1)
            self._is_number[column.name] = connection.execute(other).first() is None
        return self._is_number[column.name]

    def has_integer_key(self, connection: sa.Connection, table: str, column: str) -> bool:
        """Return False: whether ids are dense whole numbers is asked of the values."""
        return False

    def prefers_indexes(
        self, connection: sa.Connection, table: str, key: str, numbers: str | None, others: str | None
    ) -> bool:
        """Return False: DuckDB stores columns, so that it never reads whole rows."""
        return False

    def spread(
        self, connection: sa.Connection, rows: sa.Select[Any], places: int, at_each: int
    ) -> Sequence[Sequence[Any]]:
        """Return as many rows as asked for, all over the table."""
        wanted, size = places * at_each, _size(connection, rows)
        if rows.whereclause is None and size > wanted:
            # What comes before a place need not be read, which may be many vectors.
            parts = [rows.limit(at_each).offset(size * place // places) for place in range(places)]
            return [row for part in parts for row in connection.execute(part)]
        step = max(1, size // wanted)
        number = (sa.func.row_number().over() % step).label("drift_remainder")
        numbered = rows.add_columns(number).subquery()
        *columns, remainder = numbered.columns
        return connection.execute(sa.select(*columns).where(remainder == 0).limit(wanted)).all()

    def newest(self, connection: sa.Connection, rows: sa.Select[Any], number: int) -> Sequence[Sequence[Any]]:
        """Return the rows at the end of the file."""
        return connection.execute(rows.limit(number).offset(max(0, _size(connection, rows) - number))).all()

    def at_positions(
        self, connection: sa.Connection, ids: sa.Select[Any], key: sa.ColumnElement[Any], positions: Sequence[int]
    ) -> Sequence[StoredId]:
        """Return the ids at these positions, in one pass."""
        position = sa.func.row_number().over(order_by=key).label("drift_position")
        numbered = ids.with_only_columns(key.label("drift_id"), position).where(key.is_not(None)).subquery()
        wanted = _among(numbered.c.drift_position, [position + 1 for position in positions], sa.BigInteger)
        query = sa.select(numbered.c.drift_id).where(wanted).order_by(numbered.c.drift_position)
        return connection.execute(query).scalars().all()

    def with_ids(self, key: sa.ColumnElement[Any], ids: Sequence[RecordId]) -> sa.ColumnElement[bool]:
        """Return whether the column is one of these ids, as far as they can be of its type."""
        if isinstance(key.type, sa.BigInteger):
            whole = [number for number in map(_whole, ids) if number is not None]
            return _among(key, whole, sa.BigInteger)
        stored = list(stored_ids(ids))
        if isinstance(key.type, sa.Double):
            return _among(key, [float(form) for form in stored if isinstance(form, int | float)], sa.Double)
        if isinstance(key.type, sa.LargeBinary):
            return _among(key, [form for form in stored if isinstance(form, bytes)], sa.LargeBinary)
        return _among(key, [form for form in stored if isinstance(form, str)], sa.String)

    def is_whole(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return whether the column's type is that of whole numbers."""
        return sa.true() if isinstance(stored.type, sa.BigInteger) else sa.false()

    def number(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the number in a value, NULL if there is none."""
        if isinstance(stored.type, sa.BigInteger | sa.Double):
            return stored
        return sa.null() if isinstance(stored.type, sa.LargeBinary) else sa.try_cast(stored, sa.Double)

    def as_number(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the number in a value, NULL if there is none."""
        return self.number(stored)

    def text(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the value as text."""
        return stored if isinstance(stored.type, sa.String) else sa.cast(stored, sa.String)

    def matches(self, text: sa.ColumnElement[Any], pattern: str) -> sa.ColumnElement[bool]:
        """Return whether a text matches a regular expression."""
        return sa.func.regexp_matches(text, text_in_sql(pattern))

    def begins_with_date(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return whether the value is a text in ISO 8601 that begins with an existing date."""
        if isinstance(stored.type, _IsoText):
            return sa.true()
        if not isinstance(stored.type, sa.String):
            return sa.false()
        date = sa.try_cast(sa.func.substr(stored, 1, 10), sa.Date)
        return sa.and_(self.matches(stored, f"^{_ISO}$"), date.is_not(None))

    def call(self, function: str, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
        """Return the result of a registered function: there is one for texts and one for bytes."""
        if isinstance(stored.type, sa.LargeBinary):
            called: sa.ColumnElement[int] = getattr(sa.func, of_bytes(function))(stored)
        else:
            called = getattr(sa.func, function)(self.text(stored))
        return called

    def digest(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any] | None:
        """Return DuckDB's hash of the text."""
        return sa.func.hash(text)

    def evaluated_once(self, rows: sa.Select[Any]) -> sa.Subquery:
        """Return the rows as a subquery, which DuckDB evaluates once."""
        return rows.subquery()


def of_bytes(function: str) -> str:
    """Return the name under which a function of bytes is registered."""
    return f"{function}_of_bytes"


def quoted_name(name: str) -> str:
    """Return the name of a table or column in quotes."""
    return '"{}"'.format(name.replace('"', '""'))


def _size(connection: sa.Connection, rows: sa.Select[Any]) -> int:
    counted = rows.with_only_columns(sa.func.count())
    return int(connection.execute(counted).scalar_one())


def _among(
    key: sa.ColumnElement[Any], values: Sequence[StoredId], kind: type[TypeEngine[Any]]
) -> sa.ColumnElement[bool]:
    """Return whether the column is one of these values, which are one parameter: a list of parameters is slow."""
    listed = sa.cast(sa.literal(list(values), sa.types.NullType()), sa.ARRAY(kind))
    return key.in_(sa.select(sa.func.unnest(listed)).scalar_subquery()) if values else sa.false()


def _whole(key: RecordId) -> int | None:
    """Return the id as a number, if it is one and DuckDB can hold it."""
    try:
        number = int(key)
    except ValueError:
        return None
    return number if str(number) == str(key) and -(2**63) <= number < 2**63 else None
