"""Tables and expressions of a server, in SQL that every dialect of SQLAlchemy is expected to know.

Columns have types there. Each is read as text, whole numbers, numbers, timestamps or bytes, in what the server compares
and orders fastest; `column_types` turn the values into what SQLite would hold.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import SAWarning
from sqlalchemy.types import TypeEngine

from drift_checks.core.records import RecordId, StoredId, stored_ids
from drift_checks.stores.engines.column_types import Decimals, Moment
from drift_checks.stores.expressions import WHITE_SPACE, text_in_sql

# Columns that are read by their values, for which an index is used only if the column is left as it is.
KEYS = ("id", "chroma_id")
# Columns that are read as texts, whatever they hold.
NAMES = ("text", "category")
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?( UTC|Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?"
# Python decides about 29 February.
_DATE = (
    r"[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_ISO = rf"^{_DATE}([T ]{_TIME})?$"
# No number that this matches is too large or too small for a floating-point number.
_NUMBER = r"^ *[+-]?([0-9]{1,100}([.][0-9]{0,100})?|[.][0-9]{1,100})([eE][+-]?[0-9]{1,2})? *$"
_BIGGEST = 2**63


class StandardDialect:
    """Any dialect; `schema.table` names a table of another schema than the usual one."""

    ids_at_once = 500
    in_process = False
    # Whether SQLAlchemy knows how the dialect spells a regular expression; if not, a function that the server has.
    has_expressions = True
    expression_function = ""

    def __init__(self) -> None:
        # The schemas and names of the tables.
        self._there: dict[str, tuple[str, str]] = {}
        self._keys: dict[tuple[str | None, str], str | None] = {}

    def tables(self, connection: sa.Connection) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of the tables and those of the views, of the schema that is used without a name."""
        inspector = sa.inspect(connection)
        return inspector.get_table_names(), inspector.get_view_names()

    def columns(self, connection: sa.Connection, table: str) -> Mapping[str, TypeEngine[Any]]:
        """Return the columns of a table or view with their types."""
        with warnings.catch_warnings():
            # A type that SQLAlchemy does not know is read as text.
            warnings.simplefilter("ignore", SAWarning)
            schema, name = self._parts(table)
            return {found["name"]: found["type"] for found in sa.inspect(connection).get_columns(name, schema)}

    def table(self, name: str, *columns: sa.ColumnClause[Any]) -> sa.TableClause:
        """Return the table or view with this name."""
        schema, plain = self._parts(name)
        return sa.table(plain, *columns, schema=schema)

    def projected(self, connection: sa.Connection, ours: str, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        """Return the column, with a type that reads its values as SQLite would hold them."""
        kind = column.type
        is_name = ours in NAMES
        if isinstance(kind, sa.Boolean) and not is_name:
            return sa.case((column, 1), (sa.not_(column), 0))
        if isinstance(kind, sa.Integer) and not is_name:
            return sa.type_coerce(column, sa.BigInteger)
        if isinstance(kind, sa.Float) and not is_name:
            return sa.cast(column, sa.Double)
        if isinstance(kind, sa.Numeric) and not is_name:
            return sa.type_coerce(column, Decimals)
        if isinstance(kind, sa.DateTime | sa.Date):
            return sa.type_coerce(column, Moment(zoned=self.is_zoned(kind)))
        if isinstance(kind, sa.LargeBinary | sa.BINARY | sa.VARBINARY):
            return sa.type_coerce(column, sa.LargeBinary)
        if isinstance(kind, sa.Uuid) and ours in KEYS:
            return sa.type_coerce(column, sa.Uuid(as_uuid=False))
        if isinstance(kind, sa.String) and not isinstance(kind, sa.Enum):
            return sa.type_coerce(column, sa.String) if ours in KEYS else self.bytewise(column)
        return self.bytewise(sa.cast(column, sa.String))

    def as_double(self, value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return a value as a floating-point number."""
        return sa.cast(value, sa.Double)

    def is_zoned(self, kind: TypeEngine[Any]) -> bool:
        """Return whether values of a type for timestamps are instants."""
        return bool(getattr(kind, "timezone", False))

    def bytewise(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return a text so that it is compared byte by byte."""
        return sa.type_coerce(text, sa.String)

    def has_integer_key(self, connection: sa.Connection, table: str, column: str) -> bool:
        """Return whether the column is an integer primary key."""
        return self._integer_key(connection, *self._parts(table)) == column

    def _integer_key(self, connection: sa.Connection, schema: str | None, table: str) -> str | None:
        """Return the name of the column that is the integer primary key, if there is one."""
        if (schema, table) not in self._keys:
            try:
                key = sa.inspect(connection).get_pk_constraint(table, schema).get("constrained_columns") or []
            except (sa.exc.NoSuchTableError, NotImplementedError):
                # A view, or a database without keys.
                key = []
            is_whole = len(key) == 1 and key[0] in self._whole_columns(connection, schema, table)
            self._keys[schema, table] = key[0] if is_whole else None
        return self._keys[schema, table]

    def _whole_columns(self, connection: sa.Connection, schema: str | None, table: str) -> set[str]:
        columns = sa.inspect(connection).get_columns(table, schema)
        return {found["name"] for found in columns if isinstance(found["type"], sa.Integer)}

    def prefers_indexes(
        self, connection: sa.Connection, table: str, key: str, numbers: str | None, others: str | None
    ) -> bool:
        """Return False: the server decides how it reads rows."""
        return False

    def spread(
        self, connection: sa.Connection, rows: sa.Select[Any], places: int, at_each: int
    ) -> Sequence[Sequence[Any]]:
        """Return rows at several places of an integer primary key, or none without one."""
        if (key := self._key_of(connection, rows)) is None:
            return []
        first, last = connection.execute(
            sa.select(sa.func.min(key), sa.func.max(key)).select_from(*rows.get_final_froms())
        ).one()
        starts = [] if first is None else [first + (last - first) * place // places for place in range(places)]
        ends = [*starts[1:], last + 1] if starts else []
        return [
            row
            for start, end in zip(starts, ends, strict=True)
            for row in connection.execute(rows.where(key >= start, key < end).order_by(key).limit(at_each))
        ]

    def newest(self, connection: sa.Connection, rows: sa.Select[Any], number: int) -> Sequence[Sequence[Any]]:
        """Return the rows with the highest integer primary keys, or none without one."""
        key = self._key_of(connection, rows)
        return [] if key is None else connection.execute(rows.order_by(key.desc()).limit(number)).all()

    def _key_of(self, connection: sa.Connection, rows: sa.Select[Any]) -> sa.ColumnClause[int] | None:
        """Return the integer primary key of the table of these rows."""
        (table,) = rows.get_final_froms()
        assert isinstance(table, sa.TableClause)
        key = self._integer_key(connection, table.schema, table.name)
        return None if key is None else sa.column(key, sa.BigInteger)

    def at_positions(
        self, connection: sa.Connection, ids: sa.Select[Any], key: sa.ColumnElement[Any], positions: Sequence[int]
    ) -> Sequence[StoredId]:
        """Return the ids at these positions, in one pass."""
        position = sa.func.row_number(type_=sa.BigInteger).over(order_by=self.ordered(key)).label("drift_position")
        numbered = ids.with_only_columns(key.label("drift_id"), position).where(key.is_not(None)).subquery()
        found: list[StoredId] = []
        for start in range(0, len(positions), self.ids_at_once):
            wanted = [position + 1 for position in positions[start : start + self.ids_at_once]]
            # A server can stop at the last.
            there = sa.and_(numbered.c.drift_position <= wanted[-1], self.among(numbered.c.drift_position, wanted))
            query = sa.select(numbered.c.drift_id).where(there).order_by(numbered.c.drift_position)
            found += connection.execute(query).scalars()
        return found

    def with_ids(self, key: sa.ColumnElement[Any], ids: Sequence[RecordId]) -> sa.ColumnElement[bool]:
        """Return whether the column is one of these ids, as far as they can be of its type."""
        kind = key.type
        if isinstance(kind, sa.BigInteger | Decimals):
            return self.among(key, [number for number in map(_whole, ids) if number is not None])
        stored = list(stored_ids(ids))
        if isinstance(kind, sa.Double):
            return self.among(key, [float(form) for form in stored if isinstance(form, int | float)])
        if isinstance(kind, sa.LargeBinary):
            return self.among(key, [form for form in stored if isinstance(form, bytes)])
        texts = [form for form in stored if isinstance(form, str) and (not isinstance(kind, sa.Uuid) or _is_uuid(form))]
        return self.among(key, texts)

    def among(self, key: sa.ColumnElement[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
        """Return whether the column is one of these values."""
        return key.in_(values) if values else sa.false()

    def is_whole(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return whether the value is a whole number."""
        if isinstance(stored.type, Decimals):
            return stored == sa.func.floor(stored)
        return sa.true() if isinstance(stored.type, sa.Integer) else sa.false()

    def number(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the number in a value, NULL if there is none."""
        if isinstance(stored.type, sa.Integer | sa.Double | Decimals):
            return stored
        if not isinstance(stored.type, sa.String):
            return sa.null()
        return sa.case((self.matches(stored, _NUMBER), self.as_double(stored)))

    def as_number(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the number in a value, NULL if there is none."""
        return self.number(stored)

    def text(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the value as text."""
        return self.bytewise(stored if isinstance(stored.type, sa.String) else sa.cast(stored, sa.String))

    def matches(self, text: sa.ColumnElement[Any], pattern: str) -> sa.ColumnElement[bool]:
        """Return whether a text matches a regular expression; False if there are none, so that Python decides."""
        if self.has_expressions:
            return text.regexp_match(text_in_sql(pattern))
        name = self.expression_function
        return sa.Function(name, text, text_in_sql(pattern), type_=sa.Boolean) if name else sa.false()

    def begins_with_date(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return whether the value is a text in ISO 8601 that begins with an existing date."""
        return self.matches(stored, _ISO) if isinstance(stored.type, sa.String) else sa.false()

    def call(self, function: str, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
        """Raise NotImplementedError: a server does not know our functions."""
        raise NotImplementedError(function)

    def ordered(self, key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the column, whose texts are ordered byte by byte."""
        return self.bytewise(key) if isinstance(key.type, sa.String) else key

    def least(self, key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the lowest id of a group."""
        return sa.func.min(self.ordered(key))

    def is_blank(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return whether a text has nothing but white space."""
        for character in WHITE_SPACE:
            text = sa.func.replace(text, character, "")
        return text == ""

    def identity(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the text."""
        return text

    def digest(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any] | None:
        """Return None: databases have no common function for it."""
        return None

    def evaluated_once(self, rows: sa.Select[Any]) -> sa.Subquery:
        """Return the rows as a subquery."""
        return rows.subquery()

    def _parts(self, name: str) -> tuple[str | None, str]:
        """Return the schema, if it is known, and the name of a table."""
        return self._there.get(name, (None, name))


def _whole(key: RecordId) -> int | None:
    """Return the id as a number, if it is one."""
    try:
        number = int(key)
    except ValueError:
        return None
    return number if str(number) == str(key) and -_BIGGEST <= number < 2 * _BIGGEST else None


def _is_uuid(text: str) -> bool:
    """Return whether the text is a UUID as servers write it."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
