"""What is asked of a file or a server of records: one module implements this for each database or format.

`sqlite.py` and `sqlite_dialect.py` are the example to follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from drift_checks.core.addresses import Location
from drift_checks.core.records import RecordId, StoredId

Result = TypeVar("Result")
# Functions of one stored value, by the names that they have in SQL.
Functions = Mapping[str, Callable[[Any], int | None]]


class Dialect(Protocol):
    """How an engine differs from others: what it knows of tables, and the expressions that are spelled differently."""

    @property
    def ids_at_once(self) -> int:
        """The largest number of ids that a query should have."""

    @property
    def in_process(self) -> bool:
        """Whether the engine runs in this process, and can call functions of ours."""

    def tables(self, connection: sa.Connection) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of the tables and those of the views."""

    def columns(self, connection: sa.Connection, table: str) -> Mapping[str, TypeEngine[Any]]:
        """Return the columns of a table or view with their types."""

    def table(self, name: str, *columns: sa.ColumnClause[Any]) -> sa.TableClause:
        """Return the table or view that `tables` calls so, for use in queries."""

    def projected(self, connection: sa.Connection, ours: str, column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
        """Return what is read of a column that has our name `ours`: text, whole numbers, numbers or bytes."""

    def has_integer_key(self, connection: sa.Connection, table: str, column: str) -> bool:
        """Return whether the column is an integer primary key."""

    def prefers_indexes(
        self, connection: sa.Connection, table: str, key: str, numbers: str | None, others: str | None
    ) -> bool:
        """Return whether rows are counted much faster from indexes on a column of numbers and on another column."""

    def spread(
        self, connection: sa.Connection, rows: sa.Select[Any], places: int, at_each: int
    ) -> Sequence[Sequence[Any]]:
        """Return some rows at each of several places of the table, or none if its rows have no order."""

    def newest(self, connection: sa.Connection, rows: sa.Select[Any], number: int) -> Sequence[Sequence[Any]]:
        """Return the rows at the end of the table, or none if its rows have no order."""

    def at_positions(
        self, connection: sa.Connection, ids: sa.Select[Any], key: sa.ColumnElement[Any], positions: Sequence[int]
    ) -> Sequence[StoredId]:
        """Return the ids at these positions (ascending) in the order of the ids, as far as there are so many."""

    def with_ids(self, key: sa.ColumnElement[Any], ids: Sequence[RecordId]) -> sa.ColumnElement[bool]:
        """Return whether the column `key` is one of these ids, in any form in which the engine may hold it."""

    def is_whole(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return whether a value is stored as a whole number."""

    def number(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return a number that is stored as one; anything else is NULL or no number between -1e300 and 1e300."""

    def as_number(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the number in a value, also if it is stored as text."""

    def text(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return a text as it is stored, which is compared byte by byte."""

    def matches(self, text: sa.ColumnElement[Any], pattern: str) -> sa.ColumnElement[bool]:
        """Return whether a text matches a regular expression; False if the engine has none."""

    def begins_with_date(self, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return whether a value is a timestamp in ISO 8601 whose first ten characters are an existing date."""

    def call(self, function: str, stored: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
        """Return the result of a registered function for a value."""

    def ordered(self, key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return a column of ids as they are ordered: numbers by their size, texts byte by byte."""

    def least(self, key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the lowest id of a group."""

    def is_blank(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return whether a text has nothing but white space."""

    def identity(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return what is equal for identical texts only, to group by."""

    def digest(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any] | None:
        """Return a number that is equal for equal texts and rarely for others; None if the engine makes none fast."""

    def evaluated_once(self, rows: sa.Select[Any]) -> sa.Subquery:
        """Return the rows as a subquery whose columns are not computed again each time they are used."""


class RecordFile(Protocol):
    """A file, several, or a server with records; nothing is ever written to it."""

    @property
    def path(self) -> Location:
        """What the user named."""

    @property
    def dialect(self) -> Dialect:
        """How to ask for what it holds."""

    @property
    def only_table(self) -> str | None:
        """The name of the only table, if the file is a table itself."""

    @property
    def row_id(self) -> str | None:
        """The name under which the number of a row can stand in for a column of ids, if it can."""

    def read(
        self, query: Callable[[sa.Connection], Result], functions: Functions | None = None, *, timed: bool = True
    ) -> Result:
        """Return what `query` returns, read as of one moment; it may be called again.

        `functions` are available in its SQL. Without `timed`, a query may take any time.

        Raises:
            StoreError: The file cannot be read, or a query failed or took too long.
        """

    def is_wrong_sql(self, error: DBAPIError) -> bool:
        """Return whether the error is in the SQL, not in the file."""

    def close(self) -> None:
        """Remove the private copy, if one was made."""
