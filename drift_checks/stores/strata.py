"""The strata of a store, computed in SQL: their sizes, and the records at random positions.

So that a million rows take a second, a usual timestamp well away from the bound is compared as text, and a numeric
confidence as a number. Anything else (near the bound, unusual, unreadable) goes through the Python functions that read
records. SQLite accepts some invalid dates, such as 30 February: they count in a stratum's size, but the Python
functions decide about each record that is drawn.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property

import sqlalchemy as sa

from drift_checks.core.instants import read_instant
from drift_checks.core.records import Stratum, read_number
from drift_checks.stores.parts import DOUBT, PartQueries, by_date, date_in_sql, number_in_sql, without_affinity
from drift_checks.stores.records import RecordStore

# Above this, scanning two indexes is faster than scanning the rows.
_WIDE_ROW_BYTES = 1500
_BASELINE, _LOW_CONFIDENCE, _OLD, _UNREADABLE = range(4)
_CODES = {Stratum.LOW_CONFIDENCE: (_LOW_CONFIDENCE,), Stratum.OLD: (_OLD,), Stratum.BASELINE: (_BASELINE, _UNREADABLE)}
_STRATA = {code: stratum for stratum, codes in _CODES.items() for code in codes}


@dataclass(frozen=True)
class Bounds:
    """What separates the strata: a confidence, an instant, and the zone of naive timestamps."""

    low_confidence_below: float
    old_before: datetime
    naive: tzinfo

    def is_low(self, confidence: object) -> int | None:
        """Return 1 or 0, or None if the confidence is unreadable."""
        number = read_number(confidence)
        return None if number is None else int(number <= self.low_confidence_below)

    def is_old(self, timestamp: object) -> int | None:
        """Return 1 or 0, or None if the timestamp is unreadable."""
        moment = read_instant(timestamp, self.naive)
        return None if moment is None else int(moment < self.old_before)

    def register(self, connection: sqlite3.Connection) -> None:
        """Make the two functions above available in SQL."""
        connection.create_function("drift_low", 1, self.is_low, deterministic=True)
        connection.create_function("drift_old", 1, self.is_old, deterministic=True)


class StrataQueries(PartQueries[Stratum]):
    """The strata of a store, read through a connection on which the bounds are registered."""

    def __init__(self, connection: sa.Connection, store: RecordStore, bounds: Bounds) -> None:
        self._bounds = bounds
        self._bound: sa.ColumnElement[float] = sa.literal_column(repr(bounds.low_confidence_below))
        self._connection, self._store, self._id = connection, store, store.column("id")
        exact_code = _stratum_code(
            sa.func.drift_low(store.column("confidence")) if store.has("confidence") else number_in_sql(0),
            sa.func.drift_old(store.column("timestamp")) if store.has("timestamp") else number_in_sql(0),
        )
        code = _stratum_code(self._is_low(), self._is_old())
        super().__init__(connection, store, code, exact_code, _STRATA, self._tally[3])

    def sizes(self) -> dict[Stratum, int]:
        """Return the number of records of each stratum."""
        low, old, _, total = self._tally
        return {Stratum.LOW_CONFIDENCE: low, Stratum.OLD: old, Stratum.BASELINE: total - low - old}

    def unreadable(self) -> dict[str, int]:
        """Return the numbers of unreadable confidences and timestamps, if there are any."""
        counts: dict[str, int] = {}
        if not self._tally[2]:
            return counts
        for ours, code in (("confidence", self._is_low()), ("timestamp", self._is_old())):
            query = sa.select(sa.func.count()).select_from(self._store.table).where(code.is_(None))
            if number := self._connection.execute(query).scalar_one():
                counts[ours] = number
        return counts

    @cached_property
    def _tally(self) -> tuple[int, int, int, int]:
        """The numbers of records of low confidence, of old, of unreadable and of all records."""
        low = self._is_low_by_index() if self._rows_are_wide() else self._is_low()
        # The limit keeps SQLite from evaluating each column again for each sum.
        rows = (
            sa.select(low.label("low"), self._is_old().label("old")).where(self._id.is_not(None)).limit(-1).subquery()
        )
        is_low, is_old = rows.c.low, rows.c.old
        query = sa.select(
            _count_of(sa.and_(is_low == number_in_sql(1), is_old.is_not(None))),
            _count_of(sa.and_(is_low == number_in_sql(0), is_old == number_in_sql(1))),
            _count_of(sa.or_(is_low.is_(None), is_old.is_(None))),
            sa.func.count(),
        ).select_from(rows)
        low_confidence, old, unreadable, total = self._connection.execute(query).one()
        return low_confidence, old, unreadable, total

    def _is_old(self) -> sa.ColumnElement[int]:
        """1 or 0, or NULL if the timestamp is unreadable."""
        if not self._store.has("timestamp"):
            return number_in_sql(0)
        stored = self._store.column("timestamp")
        as_text, bound = without_affinity(stored), self._bounds.old_before
        return by_date(
            stored,
            sa.func.drift_old(stored),
            (as_text < date_in_sql(bound - DOUBT), number_in_sql(1)),
            (as_text >= date_in_sql(bound + 2 * DOUBT), number_in_sql(0)),
        )

    def _is_low(self) -> sa.ColumnElement[int]:
        """1 or 0, or NULL if the confidence is unreadable."""
        if not self._store.has("confidence"):
            return number_in_sql(0)
        stored = self._store.column("confidence")
        number = without_affinity(stored)
        return sa.case(
            (number.between(_LEAST, self._bound), number_in_sql(1)),
            (sa.and_(number > self._bound, number < _MOST), number_in_sql(0)),
            else_=sa.func.drift_low(stored),
        )

    def _is_low_by_index(self) -> sa.ColumnElement[int]:
        """The same, computed from the index on the confidence without reading the rows."""
        stored = self._store.column("confidence")
        again = self._store.table.alias()
        exact = sa.select(sa.func.drift_low(again.c[stored.name])).where(again.c[self._id.name] == self._id)
        low = sa.select(self._id).where(stored.between(_LEAST, self._bound)).correlate(None)
        unusual = sa.select(self._id).where(sa.or_(stored.is_(None), stored > _MOST, stored < _LEAST)).correlate(None)
        return sa.case(
            (self._id.in_(low), number_in_sql(1)),
            (self._id.in_(unusual), exact.scalar_subquery()),
            else_=number_in_sql(0),
        )

    def _rows_are_wide(self) -> bool:
        """Return whether scanning the indexes on confidence and timestamp is much faster than scanning the rows."""
        store, connection = self._store, self._connection
        return (
            store.has_integer_key(connection)
            and store.has_index(connection, "confidence", sa.Float | sa.Integer | sa.Numeric)
            and store.has_index(connection, "timestamp", object)
            and store.row_bytes(connection) > _WIDE_ROW_BYTES
        )


def _stratum_code(low: sa.ColumnElement[int], old: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    def by_confidence(otherwise: int) -> sa.ColumnElement[int]:
        codes = {number_in_sql(1): number_in_sql(_LOW_CONFIDENCE), number_in_sql(0): number_in_sql(otherwise)}
        return sa.case(codes, value=low, else_=number_in_sql(_UNREADABLE))

    codes = {number_in_sql(1): by_confidence(_OLD), number_in_sql(0): by_confidence(_BASELINE)}
    return sa.case(codes, value=old, else_=number_in_sql(_UNREADABLE))


def _count_of(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, number_in_sql(1)), else_=number_in_sql(0))), 0)


_LEAST: sa.ColumnElement[float] = sa.literal_column("-1e300")
_MOST: sa.ColumnElement[float] = sa.literal_column("1e300")
