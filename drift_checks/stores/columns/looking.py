"""A look into the tables of a file of records: their columns, and values from all over each table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from drift_checks.core.errors import StoreAway, StoreChanged, StoreError, StoreLocked
from drift_checks.stores.engines.base import RecordFile

# The rows to look at: some at each of several places.
_PLACES, _AT_EACH = 12, 25
# A column's values are counted in a table of at most this size.
_COUNTED = 200_000
# Longer values are cut: nobody needs a hundred megabytes to tell a text from a title.
LONGEST = 4_000
# Tables of SQLite, of migrations, and our own.
_OTHERS = ("sqlite_", "alembic_version", "django_", "embedding_archives", "drift_metrics")
# What SQLite's full-text search appends to the name of a table.
_PARTS = ("_content", "_data", "_idx", "_docsize", "_config", "_segments", "_segdir", "_stat")


@dataclass(frozen=True)
class Column:
    """A column: its name, and its values in the rows looked at, None for NULL.

    Attributes:
        is_key: Whether it is the table's primary key.
        is_unique: Whether no value occurs twice in the table; None if that is unknown.
    """

    name: str
    values: tuple[object, ...] = ()
    is_key: bool = False
    is_unique: bool | None = None

    @property
    def present(self) -> list[object]:
        """The values that are not NULL."""
        return [value for value in self.values if value is not None]


@dataclass(frozen=True)
class Table:
    """A table or view: its columns, whose values come from the same rows, and its number of rows.

    Of a view, only the rows looked at are counted.

    Attributes:
        row_id: The name under which the number of a row can stand in for an id.
        needs_no_id: Whether it does so without being named.
        is_file: Whether the file is a table itself, which needs no name.
    """

    name: str
    columns: tuple[Column, ...]
    size: int = 0
    is_view: bool = False
    row_id: str | None = None
    needs_no_id: bool = False
    is_file: bool = False

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]


def column_names(file: RecordFile) -> dict[str, list[str]]:
    """Return the names of the columns of each table and view, without a look at rows."""

    def names(connection: sa.Connection) -> dict[str, list[str]]:
        only = file.only_table
        tables, views = file.dialect.tables(connection)
        there = [only] if only is not None else _own([*tables, *views])
        return {name: _columns(connection, file, name, views) for name in there}

    return file.read(names)


def _columns(connection: sa.Connection, file: RecordFile, name: str, views: Sequence[str]) -> list[str]:
    try:
        return list(file.dialect.columns(connection, name))
    except DBAPIError:
        # A view of a table that is gone, or with a function of the application, stops nobody from reading others.
        if name not in views:
            raise
        return []


def look_at(file: RecordFile, name: str) -> Table:
    """Return a table with values from all over it; without columns if it is a view that cannot be read."""
    try:
        return file.read(lambda connection: _looked(connection, file, name))
    except (StoreAway, StoreLocked, StoreChanged):
        raise
    except StoreError:
        if name not in file.read(lambda connection: file.dialect.tables(connection)[1]):
            raise
        return Table(name, (), is_view=True)


def _own(there: list[str]) -> list[str]:
    """Return the names without tables that serve the database or another table."""
    parts = {f"{name}{part}" for name in there for part in _PARTS}
    return [name for name in there if name not in parts and not name.lower().startswith(_OTHERS)]


def _looked(connection: sa.Connection, file: RecordFile, name: str) -> Table:
    dialect = file.dialect
    types = dialect.columns(connection, name)
    table = dialect.table(name, *(sa.column(own, kind) for own, kind in types.items()))
    is_view = name in dialect.tables(connection)[1] and file.only_table is None
    read = {column.name: dialect.projected(connection, "", column) for column in table.c}
    query = sa.select(*(_shortened(column).label(name) for name, column in read.items())).select_from(table)
    spread = [] if is_view else dialect.spread(connection, query, _PLACES, _AT_EACH)
    rows = spread or connection.execute(query.limit(_PLACES * _AT_EACH)).all()
    # Counting the rows of a view may take as long as making all of them.
    size = len(rows) if is_view else int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
    columns = []
    for place, column in enumerate(table.c):
        values = tuple(_as_stored(row[place]) for row in rows)
        is_key = dialect.has_integer_key(connection, name, column.name)
        is_unique: bool | None = is_key or _is_distinct(values)
        if is_unique and not is_key:
            is_unique = None if is_view or size > _COUNTED else _is_unique(connection, table, read[column.name])
        columns.append(Column(column.name, values, is_key, is_unique))
    own = file.row_id
    # SQLite finds the rows at several places of a table by their numbers.
    row_id = own or ("rowid" if spread and file.only_table is None else None)
    return Table(name, tuple(columns), size, is_view, row_id, own is not None, file.only_table is not None)


def _as_stored(value: object) -> object:
    """Return a value of a column with a type of its own as SQLite would hold it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, UUID):
        return str(value)
    return json.dumps(value, default=str) if isinstance(value, list | dict) else value


def _is_distinct(values: Sequence[object]) -> bool:
    return bool(values) and None not in values and len(set(values)) == len(values)


def _is_unique(connection: sa.Connection, table: sa.TableClause, column: sa.ColumnElement[Any]) -> bool:
    query = sa.select(sa.func.count(), sa.func.count(column.distinct())).select_from(table)
    rows, different = connection.execute(query).one()
    return bool(rows == different)


def _shortened(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return the column with long texts cut; columns without a type may hold texts, too."""
    if type(column.type) is not sa.types.NullType and not isinstance(column.type, sa.String):
        return column
    cut = sa.func.substr(column, 1, LONGEST)
    return sa.case((sa.func.length(column) > LONGEST, cut), else_=column)
