"""The tables and expressions of MariaDB and MySQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.types import TypeEngine

from drift_checks.core.records import RecordId
from drift_checks.stores.engines.standard_dialect import NAMES, StandardDialect

_TABLES = """
select table_schema, table_name, table_type, table_schema = database() from information_schema.tables
where table_schema not in ('information_schema', 'mysql', 'performance_schema', 'sys')
"""
_COLUMNS = sa.text(
    "select column_name, data_type from information_schema.columns where table_name = :name"
    " and table_schema = coalesce(:schema, database()) order by ordinal_position"
)
_CHOICES = ("enum", "set")


class MySQLDialect(StandardDialect):
    """MariaDB and MySQL, whose texts are compared in the order of their bytes, with spaces at their ends."""

    ids_at_once = 10_000
    # MariaDB's and MySQL's names differ.
    collation = "utf8mb4_bin"

    def tables(self, connection: sa.Connection) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of the tables and those of the views; those of other databases have them in front."""
        found = connection.execute(sa.text(_TABLES)).all()
        kinds = {name if is_own else f"{schema}.{name}": kind for schema, name, kind, is_own in found}
        self._there = {name if is_own else f"{schema}.{name}": (schema, name) for schema, name, _, is_own in found}
        views = [name for name, kind in kinds.items() if kind.endswith("VIEW")]
        return [name for name in kinds if name not in views], views

    def columns(self, connection: sa.Connection, table: str) -> Mapping[str, TypeEngine[Any]]:
        """Return the columns with their types; SQLAlchemy would need the right SHOW VIEW for a view."""
        if not self._there:
            self.tables(connection)
        schema, name = self._parts(table)
        found = connection.execute(_COLUMNS, {"schema": schema, "name": name}).all()
        if not found:
            raise NoSuchTableError(name)
        return {column: self._type_of(connection, kind.lower()) for column, kind in found}

    def _type_of(self, connection: sa.Connection, kind: str) -> TypeEngine[Any]:
        if kind in _CHOICES:
            return sa.String()
        known: Mapping[str, type[TypeEngine[Any]]] = connection.dialect.ischema_names  # type: ignore[attr-defined]
        # A type that SQLAlchemy does not know is read as text.
        return known.get(kind, sa.types.NullType)()

    def projected(self, connection: sa.Connection, ours: str, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        """Return the column, with a type that reads its values as SQLite would hold them."""
        kind = column.type
        if isinstance(kind, mysql.BIT | mysql.YEAR):
            return sa.type_coerce(column, sa.BigInteger) + sa.literal_column("0", sa.BigInteger)
        if isinstance(kind, sa.JSON):
            return self.bytewise(sa.func.json_unquote(column, type_=sa.String))
        if isinstance(kind, sa.Float) and ours not in NAMES:
            return self.as_double(column)
        return super().projected(connection, ours, column)

    def bytewise(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return a text so that it is compared byte by byte."""
        converted = sa.func.convert(text.op("using")(sa.literal_column("utf8mb4")), type_=sa.String)
        return converted.collate(self.collation)

    def as_double(self, value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return a value as a floating-point number; older versions have no cast to one."""
        return sa.type_coerce(value.op("+")(sa.literal_column("0e0")), sa.Double)

    def with_ids(self, key: sa.ColumnElement[Any], ids: Sequence[RecordId]) -> sa.ColumnElement[bool]:
        """Return whether the column is one of these ids: the index finds those that are equal in any case."""
        there = super().with_ids(key, ids)
        if not isinstance(key.type, sa.String) or isinstance(there, sa.sql.elements.False_):
            return there
        return sa.and_(there, super().with_ids(self.bytewise(key), ids))

    def ordered(self, key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the column, whose texts are ordered byte by byte; UUIDs are not ordered as their texts."""
        return self.text(key) if isinstance(key.type, sa.Uuid) else super().ordered(key)

    def identity(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return a digest: of long texts, only the beginning is compared."""
        return sa.func.md5(text)

    def is_zoned(self, kind: TypeEngine[Any]) -> bool:
        """Return whether values of a type for timestamps are instants."""
        return isinstance(kind, sa.TIMESTAMP)
