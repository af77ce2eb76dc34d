"""What a function of ours says about each value of a column, as an expression of SQL.

SQLite and DuckDB call the function. A server has no such functions: there, Python decides about the few different
values about which SQL is not certain, and the expression names them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import sqlalchemy as sa

from drift_checks.core.errors import StoreError
from drift_checks.core.text import quoted
from drift_checks.stores.columns.timestamps import TimestampForm
from drift_checks.stores.engines.base import Dialect
from drift_checks.stores.engines.column_types import Decimals
from drift_checks.stores.expressions import Span, by_time, number_in_sql
from drift_checks.stores.records import RecordStore

Code = sa.ColumnElement[int]
# A server compares each row with a list of so many values in little time.
_MOST_VALUES = 10_000
_UNDECIDED = -1


@dataclass(frozen=True)
class Decision:
    """A function of the values in the column with our name `ours`; SQL calls it `name` if it knows it."""

    connection: sa.Connection
    store: RecordStore
    ours: str
    name: str
    function: Callable[[Any], int | None]

    @property
    def dialect(self) -> Dialect:
        """How the engine spells expressions."""
        return self.store.file.dialect

    @property
    def stored(self) -> sa.ColumnElement[Any]:
        """The column."""
        return self.store.column(self.ours)

    @property
    def unreadable(self) -> Code:
        """What the function says about a value that cannot be read."""
        return _literal(self.function(None))

    def code(self, certain: Callable[[Code], Code]) -> Code:
        """Return what the function says: `certain` of an expression that is used where SQL is not certain.

        Raises:
            StoreError: A server would have to be told about too many values.
        """
        if self.dialect.in_process:
            return certain(self.dialect.call(self.name, self.stored))
        return sa.case((self.stored.is_(None), self.unreadable), else_=certain(self._decided_by_value(certain)))

    def _decided_by_value(self, certain: Callable[[Code], Code]) -> Code:
        # Equal numbers may be written with different numbers of digits.
        shown = sa.cast(self.stored, sa.String) if isinstance(self.stored.type, Decimals) else self.stored
        undecided = number_in_sql(_UNDECIDED)
        code = certain(undecided)
        if all(part is not undecided for part in sa.sql.visitors.iterate(code)):
            return self.unreadable
        query = sa.select(shown).distinct().where(self.stored.is_not(None), code == undecided)
        values = self.connection.execute(query.limit(_MOST_VALUES + 1)).scalars().all()
        if len(values) > _MOST_VALUES:
            raise StoreError(
                self.store.file.path,
                f"the column {self.store.columns[self.ours]} has more than {_MOST_VALUES:,} values that SQL cannot read"
                f" as {self.ours}s, such as {quoted(values[0])}",
                f"name a column of {_BETTER[self.ours]} with --drift-columns={self.ours}=NAME",
            )
        known: dict[int | None, list[Any]] = {}
        for value in values:
            known.setdefault(self.function(value), []).append(value)
        cases = [(shown.in_(found), _literal(code)) for code, found in known.items() if code is not None]
        return sa.case(*cases, else_=self.unreadable) if cases else self.unreadable


_BETTER = {"confidence": "numbers", "timestamp": "timestamps"}


def _literal(code: int | None) -> Code:
    # A bare number would be the position of a column in GROUP BY, and a bare NULL would be a text.
    return sa.cast(sa.null(), sa.Integer) if code is None else number_in_sql(code)


def code_of_time(decision: Decision, form: TimestampForm, naive: tzinfo, *spans: Span) -> Code:
    """Return the code of a timestamp of this form, whose spans are those of the decision."""
    dialect, stored, unreadable = decision.dialect, decision.stored, decision.unreadable
    return decision.code(lambda exact: by_time(dialect, stored, form, naive, exact, unreadable, *spans))
