"""The strata of a store, computed in SQL: their sizes, and the records at random positions.

So that a million rows take a second, a usual timestamp well away from the bound is compared as text or as a number, and
a numeric confidence as a number. Anything else (near the bound, unusual, unreadable) goes through the Python functions
that read records. SQLite accepts some invalid dates, such as 30 February: they count in a stratum's size, but the
Python functions decide about each record that is drawn.

A value that cannot be read says nothing, so the other column alone decides.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import ROUND_FLOOR, Decimal, localcontext
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from drift_checks.core.records import Stratum
from drift_checks.stores.columns.confidences import NUMBERS, ConfidenceForm
from drift_checks.stores.columns.timestamps import ISO, TimestampForm
from drift_checks.stores.deciding import Decision, code_of_time
from drift_checks.stores.engines.base import Functions
from drift_checks.stores.engines.column_types import Decimals
from drift_checks.stores.expressions import Span, number_in_sql
from drift_checks.stores.parts import PartQueries
from drift_checks.stores.records import RecordStore

_BASELINE, _LOW_CONFIDENCE, _OLD = range(3)
# The decimals that MariaDB can hold.
_MOST_PLACES = 38
# The stratum that each code stands for.
STRATA = {_LOW_CONFIDENCE: Stratum.LOW_CONFIDENCE, _OLD: Stratum.OLD, _BASELINE: Stratum.BASELINE}


@dataclass(frozen=True)
class Bounds:
    """What separates the strata: a confidence and an instant; and the zone and the forms in which columns are read."""

    low_confidence_below: float
    old_before: datetime
    naive: tzinfo
    confidences: ConfidenceForm = NUMBERS
    timestamps: TimestampForm = ISO

    def is_low(self, confidence: object) -> int | None:
        """Return 1 or 0, or None if the confidence is unreadable."""
        number = self.confidences.read(confidence)
        return None if number is None else int(number <= self.low_confidence_below)

    def is_old(self, timestamp: object) -> int | None:
        """Return 1 or 0, or None if the timestamp is unreadable."""
        moment = self.timestamps.read(timestamp, self.naive)
        return None if moment is None else int(moment < self.old_before)

    def code_of(self, values: Mapping[str, object]) -> int:
        """Return the code of the stratum of a record with these values."""
        if self.is_low(values.get("confidence")):
            return _LOW_CONFIDENCE
        return _OLD if self.is_old(values.get("timestamp")) else _BASELINE

    @property
    def functions(self) -> Functions:
        """The first two functions above, for SQL."""
        return {"drift_low": self.is_low, "drift_old": self.is_old}


class StrataQueries(PartQueries[Stratum]):
    """The strata of a store, read through a connection on which the bounds are registered."""

    def __init__(self, connection: sa.Connection, store: RecordStore, bounds: Bounds) -> None:
        self._bounds = bounds
        self._largest = bounds.confidences.stored_bound(bounds.low_confidence_below)
        self._bound = _literal(self._largest)
        self._connection, self._store, self._id = connection, store, store.column("id")
        self._dialect = store.file.dialect
        columns = [ours for ours in ("confidence", "timestamp") if store.has(ours)]

        def exact_code(values: Sequence[Any]) -> int:
            return bounds.code_of(dict(zip(columns, values, strict=True)))

        code = _stratum_code(self._is_low, self._is_old)
        super().__init__(connection, store, code, exact_code, columns, STRATA, lambda: self._tally[3])

    def sizes(self) -> dict[Stratum, int]:
        """Return the number of records of each stratum."""
        low, old, _, total = self._tally
        return {Stratum.LOW_CONFIDENCE: low, Stratum.OLD: old, Stratum.BASELINE: total - low - old}

    def unreadable(self) -> dict[str, tuple[int, object]]:
        """Return the number of unreadable confidences and timestamps, if there are any, with an example of each."""
        found: dict[str, tuple[int, object]] = {}
        if not self._tally[2]:
            return found
        for ours, code in (("confidence", self._is_low), ("timestamp", self._is_old)):
            example = sa.func.max(self._store.column(ours)) if self._store.has(ours) else sa.null()
            query = sa.select(sa.func.count(), example).select_from(self._store.table).where(code.is_(None))
            number, stored = self._connection.execute(query).one()
            if number:
                found[ours] = number, stored
        return found

    @cached_property
    def _tally(self) -> tuple[int, int, int, int]:
        """The numbers of records of low confidence, of old, of unreadable and of all records."""
        low = self._is_low_by_index() if self._rows_are_wide() else self._is_low
        coded: sa.Select[Any] = sa.select().add_columns(low.label("low"), self._is_old.label("old"))
        rows = self._dialect.evaluated_once(coded.select_from(self._store.table))
        is_low, is_old = rows.c.low, rows.c.old
        query = sa.select(
            _count_of(is_low == number_in_sql(1)),
            _count_of(sa.and_(is_low.is_distinct_from(number_in_sql(1)), is_old == number_in_sql(1))),
            _count_of(sa.or_(is_low.is_(None), is_old.is_(None))),
            sa.func.count(),
        ).select_from(rows)
        low_confidence, old, unreadable, total = self._connection.execute(query).one()
        return int(low_confidence), int(old), int(unreadable), int(total)

    @cached_property
    def _is_old(self) -> sa.ColumnElement[int]:
        """1 or 0, or NULL if the timestamp is unreadable."""
        if not self._store.has("timestamp"):
            return number_in_sql(0)
        bounds, bound = self._bounds, self._bounds.old_before
        decision = Decision(self._connection, self._store, "timestamp", "drift_old", bounds.is_old)
        return code_of_time(decision, bounds.timestamps, bounds.naive, Span(1, end=bound), Span(0, start=bound))

    @cached_property
    def _is_low(self) -> sa.ColumnElement[int]:
        """1 or 0, or NULL if the confidence is unreadable."""
        if not self._store.has("confidence"):
            return number_in_sql(0)
        decision = Decision(self._connection, self._store, "confidence", "drift_low", self._bounds.is_low)
        if self._bounds.confidences.name != NUMBERS.name:
            return decision.code(lambda exact: exact)
        stored = self._store.column("confidence")
        number = self._dialect.number(stored)
        if isinstance(stored.type, sa.Integer | sa.Double | Decimals):
            # Nothing else can be in the column, but what is no finite number.
            return decision.code(lambda _: self._compared(number, decision.unreadable))
        return decision.code(
            lambda exact: sa.case(
                (number.between(_LEAST, self._bound), number_in_sql(1)),
                (sa.and_(number > self._bound, number < _MOST), number_in_sql(0)),
                else_=exact,
            )
        )

    def _compared(self, number: sa.ColumnElement[Any], unreadable: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        """1 or 0 for a finite number in a column of numbers."""
        bound = self._bound
        if isinstance(number.type, Decimals):
            bound = sa.literal_column(f"{largest_rounded_to(self._largest):f}")
        return sa.case(
            (number.between(_literal(-sys.float_info.max), bound), number_in_sql(1)),
            (sa.and_(number > bound, number <= _literal(sys.float_info.max)), number_in_sql(0)),
            else_=unreadable,
        )

    def _is_low_by_index(self) -> sa.ColumnElement[int]:
        """The same, computed from the index on the confidence without reading the rows."""
        stored = self._store.column("confidence")
        again = self._store.table.alias()
        exact = sa.select(self._dialect.call("drift_low", again.c["confidence"])).where(again.c["id"] == self._id)
        low = sa.select(self._id).where(stored.between(_LEAST, self._bound)).correlate(None)
        unusual = sa.select(self._id).where(sa.or_(stored.is_(None), stored > _MOST, stored < _LEAST)).correlate(None)
        return sa.case(
            (self._id.in_(low), number_in_sql(1)),
            (self._id.in_(unusual), exact.scalar_subquery()),
            else_=number_in_sql(0),
        )

    def _rows_are_wide(self) -> bool:
        """Return whether scanning the indexes on confidence and timestamp is much faster than scanning the rows."""
        store = self._store
        if self._bounds.confidences.name != NUMBERS.name or store.is_part:
            return False
        columns = (store.columns.get(ours) for ours in ("confidence", "timestamp"))
        return self._dialect.prefers_indexes(self._connection, store.name, store.columns["id"], *columns)


def _stratum_code(low: sa.ColumnElement[int], old: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    one = number_in_sql(1)
    cases = (low == one, number_in_sql(_LOW_CONFIDENCE)), (old == one, number_in_sql(_OLD))
    return sa.case(*cases, else_=number_in_sql(_BASELINE))


def _count_of(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, number_in_sql(1)), else_=number_in_sql(0))), 0)


def _literal(number: float) -> sa.ColumnElement[float]:
    return sa.literal_column(repr(number))


def largest_rounded_to(number: float) -> Decimal:
    """Return the largest decimal that is read as this number: the middle between it and the next."""
    with localcontext() as context:
        context.prec = 1000
        middle = (Decimal(number) + Decimal(math.nextafter(number, math.inf))) / 2
        return middle.quantize(Decimal(1).scaleb(-_MOST_PLACES), rounding=ROUND_FLOOR)


_LEAST: sa.ColumnElement[float] = sa.literal_column("-1e300")
_MOST: sa.ColumnElement[float] = sa.literal_column("1e300")
