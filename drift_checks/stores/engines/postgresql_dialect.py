"""PostgreSQL's tables and expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, REGCLASS
from sqlalchemy.types import TypeEngine

from drift_checks.stores.embeddings import PACKED, SentArray
from drift_checks.stores.engines.column_types import Array, Decimals, Moment, Packed
from drift_checks.stores.engines.standard_dialect import KEYS, NAMES, StandardDialect
from drift_checks.stores.expressions import WHITE_SPACE

_WHOLE = ("int2", "int4", "int8", "oid")
_AS_IT_IS: Mapping[str, TypeEngine[Any]] = {
    **dict.fromkeys(_WHOLE, sa.BigInteger()),
    "float8": sa.Double(),
    "numeric": Decimals(),
    "timestamptz": Moment(zoned=True),
    "timestamp": Moment(),
    "date": Moment(),
    "bytea": sa.LargeBinary(),
}
# Arrays of numbers, and the types of pgvector.
_ARRAYS = ("_float4", "_float8", "vector", "halfvec")
# The text of a 32-bit number is that of another 64-bit number.
_CONVERTED: Mapping[str, TypeEngine[Any]] = {"float4": sa.Double(), "bool": sa.Integer()}
_PAGE_BYTES, _LAST_PAGE = 8192, 2**32 - 1
_BIGGEST = 2**63
# Tables, partitioned and foreign ones, views and materialised views, but those of PostgreSQL and of extensions.
_TABLES = """
select n.nspname, c.relname, c.relkind::text, pg_table_is_visible(c.oid)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'f', 'v', 'm') and not c.relispartition
and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
and not exists (
    select from pg_catalog.pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e'
)
"""
# Of a domain, the type beneath it; and whether texts in the column are compared byte by byte anyway.
_COLUMNS = """
select a.attname, t.typname, t.typtype::text, t.typcategory::text,
    coalesce(case when l.collname = 'default' then d.datcollate else l.collname end in ('C', 'POSIX'), false)
    and (l.collname <> 'default' or d.datlocprovider = 'c')
from pg_catalog.pg_attribute a
join pg_catalog.pg_type own on own.oid = a.atttypid
join pg_catalog.pg_type t on t.oid = coalesce(nullif(own.typbasetype, 0), own.oid)
left join pg_catalog.pg_collation l on l.oid = a.attcollation
join pg_catalog.pg_database d on d.datname = current_database()
where a.attrelid = to_regclass(:name) and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""


class Declared(sa.types.NullType):
    """The type of a column as PostgreSQL names it.

    Attributes:
        kind: Its `typtype`, such as `e` for an enumeration.
        category: Its `typcategory`, such as `A` for arrays.
        is_bytewise: Whether its texts are compared byte by byte.
    """

    cache_ok = True

    def __init__(self, name: str, kind: str = "b", category: str = "U", is_bytewise: bool = False) -> None:
        self.name, self.kind, self.category, self.is_bytewise = name, kind, category, is_bytewise


class _Bytewise(sa.String):
    """A text that is compared byte by byte anyway, as an index on it is ordered."""


class PostgresDialect(StandardDialect):
    """PostgreSQL, whose types are compared by themselves; texts in the order of their bytes."""

    # One parameter is an array of them.
    ids_at_once = 50_000

    def __init__(self) -> None:
        super().__init__()
        # As in `pg_class.relkind`, by schema and name.
        self._kinds: dict[tuple[str | None, str], str] = {}

    def tables(self, connection: sa.Connection) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of the tables and those of the views; tables of other schemas have them in front."""
        found = connection.execute(sa.text(_TABLES)).all()
        self._kinds = {(schema, name): kind for schema, name, kind, _ in found}
        self._there = {own if is_own else f"{schema}.{own}": (schema, own) for schema, own, _, is_own in found}
        views = [name for name, full in self._there.items() if self._kinds[full] in "vm"]
        return [name for name in self._there if name not in views], views

    def columns(self, connection: sa.Connection, table: str) -> Mapping[str, TypeEngine[Any]]:
        """Return the columns of a table or view with their types."""
        if not self._there:
            self.tables(connection)
        return self._columns(connection, *self._parts(table))

    def _columns(self, connection: sa.Connection, schema: str | None, table: str) -> dict[str, Declared]:
        full = connection.dialect.identifier_preparer.format_table(sa.table(table, schema=schema))
        return {name: Declared(*how) for name, *how in connection.execute(sa.text(_COLUMNS), {"name": full})}

    def projected(self, connection: sa.Connection, ours: str, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        """Return the column, with a type that reads its values as SQLite would hold them."""
        kind = column.type if isinstance(column.type, Declared) else Declared("unknown")
        if ours not in NAMES:
            if kind.name in _AS_IT_IS:
                return sa.type_coerce(column, _AS_IT_IS[kind.name])
            if kind.name in _CONVERTED:
                return sa.cast(column, _CONVERTED[kind.name])
        if kind.name in ("text", "varchar"):
            text = sa.type_coerce(column, _Bytewise if kind.is_bytewise else sa.String)
            return text if ours in KEYS else self.bytewise(text)
        if kind.name == "uuid" and ours in KEYS:
            return sa.type_coerce(column, sa.Uuid(as_uuid=False))
        if ours == PACKED and kind.name in _ARRAYS:
            array = column if kind.category == "A" else sa.cast(column, ARRAY(sa.REAL))
            return sa.func.array_send(array, type_=Packed(SentArray))
        if kind.category == "A":
            return sa.type_coerce(sa.cast(column, sa.String), Array)
        # A text in JSON is read without its quotes.
        is_json = kind.name in ("json", "jsonb")
        return self.bytewise(column.op("#>>")(sa.literal_column("'{}'")) if is_json else sa.cast(column, sa.Text))

    def bytewise(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return a text so that it is compared byte by byte."""
        return text if isinstance(text.type, _Bytewise) else sa.type_coerce(text, sa.String).collate("C")

    def spread(
        self, connection: sa.Connection, rows: sa.Select[Any], places: int, at_each: int
    ) -> Sequence[Sequence[Any]]:
        """Return rows at several places of the table's file, or else of its integer primary key."""
        (table,) = rows.get_final_froms()
        assert isinstance(table, sa.TableClause)
        kind = self._kinds.get((table.schema, table.name), "v")
        if kind not in "rm":
            return super().spread(connection, rows, places, at_each) if kind == "p" else []
        name = sa.literal(connection.dialect.identifier_preparer.format_table(table))
        size = connection.execute(sa.select(sa.func.pg_relation_size(sa.cast(name, REGCLASS)))).scalar_one()
        starts = sorted({size // _PAGE_BYTES * place // places for place in range(places)})
        parts: list[sa.ColumnElement[bool]] = [
            sa.literal_column(f"ctid >= '({start},0)' and ctid < '({end},0)'")
            for start, end in pairwise([*starts, _LAST_PAGE])
        ]
        # A small file has fewer places.
        most = at_each * places // len(parts)
        return [row for part in parts for row in connection.execute(rows.where(part).limit(most))]

    def among(self, key: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
        """Return whether the column is one of these values, which are one parameter."""
        if isinstance(key.type, sa.BigInteger):
            values = [number for number in values if number < _BIGGEST]
        if isinstance(key.type, sa.String):
            values = [text for text in values if _is_storable(text)]
        kind = sa.Numeric() if isinstance(key.type, Decimals) else key.type
        listed = sa.literal(list(values), ARRAY(sa.String() if isinstance(kind, sa.String) else kind))
        return key == sa.any_(listed) if values else sa.false()

    def is_blank(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return whether a text has nothing but white space."""
        return sa.func.btrim(text, WHITE_SPACE) == ""

    def identity(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return a digest: texts of a megabyte would be sorted."""
        return sa.func.md5(text)

    def ordered(self, key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the column, whose texts are ordered byte by byte; UUIDs are ordered as their texts."""
        return self.bytewise(key) if isinstance(key.type, sa.String) else key

    def least(self, key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the lowest id of a group; before version 18, UUIDs have no lowest."""
        return sa.func.min(self.text(key) if isinstance(key.type, sa.Uuid | sa.LargeBinary) else self.ordered(key))

    def _whole_columns(self, connection: sa.Connection, schema: str | None, table: str) -> set[str]:
        columns = self._columns(connection, schema, table)
        return {name for name, kind in columns.items() if kind.name in _WHOLE}


def _is_storable(text: str) -> bool:
    """Return whether PostgreSQL can hold the text: it has no NUL, and is UTF-8."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
