"""The strata of a store, told in SQL: how large each is, and the records at random positions.

A timestamp in one of the usual forms whose date lies well away from the bound is judged by comparing text, and a
confidence that is a number by comparing numbers; everything else (near the bound, unusual, unreadable) by the same
Python functions that read records, so that a million rows take a second. SQLite takes some dates for usual that are
none, such as 30 February: they count in a stratum's size, but whatever is drawn is judged by the Python functions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Integer,
    Numeric,
    UnaryExpression,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.sql.operators import custom_op

from drift_checks.instants import read_instant
from drift_checks.records import RecordId, Stratum, read_number
from drift_checks.stores.records import RecordStore

# No offset from UTC reaches a day.
_DOUBT = timedelta(days=1)
# Above this, a pass over two indexes is faster than one over the rows.
_WIDE_ROW_BYTES = 1500
# With more places than this for each record, finding records by trying ids takes longer than counting to them.
_MOST_GAPS = 4
_BASELINE, _LOW_CONFIDENCE, _OLD, _UNREADABLE = range(4)
_CODES = {
    Stratum.LOW_CONFIDENCE: (_LOW_CONFIDENCE,),
    Stratum.OLD: (_OLD,),
    Stratum.BASELINE: (_BASELINE, _UNREADABLE),
}
_STRATA = {code: stratum for stratum, codes in _CODES.items() for code in codes}


@dataclass(frozen=True)
class Bounds:
    """What divides the strata: confidence at or below, timestamps before, and the zone of naive ones."""

    low_confidence_below: float
    old_before: datetime
    naive: tzinfo

    def is_low(self, confidence: object) -> int | None:
        """Return 1 or 0, or None where the confidence cannot be read."""
        number = read_number(confidence)
        return None if number is None else int(number <= self.low_confidence_below)

    def is_old(self, timestamp: object) -> int | None:
        """Return 1 or 0, or None where the timestamp cannot be read."""
        moment = read_instant(timestamp, self.naive)
        return None if moment is None else int(moment < self.old_before)

    def register(self, connection: sqlite3.Connection) -> None:
        """Give SQL the two functions above."""
        connection.create_function("drift_low", 1, self.is_low, deterministic=True)
        connection.create_function("drift_old", 1, self.is_old, deterministic=True)


class StrataQueries:
    """The strata of a store on one connection; it serves the sampler.

    Args:
        connection: One on which the bounds registered their functions.
        store: The table.
        bounds: What divides the strata.
    """

    def __init__(self, connection: Connection, store: RecordStore, bounds: Bounds) -> None:
        self._connection = connection
        self._store = store
        self._bounds = bounds
        self._bound: ColumnElement[float] = literal_column(repr(bounds.low_confidence_below))
        self._id = store.column("id")
        self._code = _stratum_code(self._is_low(), self._is_old())
        self._exact_code = _stratum_code(
            func.drift_low(store.column("confidence")) if store.has("confidence") else _number(0),
            func.drift_old(store.column("timestamp")) if store.has("timestamp") else _number(0),
        )

    def sizes(self) -> dict[Stratum, int]:
        """Return how many records each stratum has."""
        low, old, _, total = self._tally
        return {Stratum.LOW_CONFIDENCE: low, Stratum.OLD: old, Stratum.BASELINE: total - low - old}

    def unreadable(self) -> dict[str, int]:
        """Return how many confidences and timestamps cannot be read, where there are any."""
        counts: dict[str, int] = {}
        if not self._tally[2]:
            return counts
        for ours, told in (("confidence", self._is_low()), ("timestamp", self._is_old())):
            query = select(func.count()).select_from(self._store.table).where(told.is_(None))
            if number := self._connection.execute(query).scalar_one():
                counts[ours] = number
        return counts

    def places(self) -> int:
        """Return how many places the records lie in: their own, or where ids are dense whole numbers, those of ids."""
        return self._tally[3] if self._ids is None else len(self._ids)

    def at(self, places: Sequence[int]) -> dict[int, tuple[RecordId, Stratum]]:
        """Return the record at each of these places (ascending) that holds one, and its stratum."""
        ids = list(self._seek(places, true())) if self._ids is None else [self._ids[place] for place in places]
        strata = self.strata_of(ids)
        pairs = zip(places, ids, strict=True)
        return {place: (record_id, strata[record_id]) for place, record_id in pairs if record_id in strata}

    def strata_of(self, ids: Sequence[RecordId]) -> dict[RecordId, Stratum]:
        """Return the stratum of each of these records."""
        found: dict[RecordId, Stratum] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            query = select(self._id, self._exact_code).where(self._id.in_(ids[start : start + _IDS_AT_ONCE]))
            found.update({record_id: _STRATA[code] for record_id, code in self._connection.execute(query)})
        return found

    def members(self, stratum: Stratum, positions: Sequence[int]) -> list[RecordId]:
        """Return the records at these positions (ascending) of a stratum in order of id."""
        found = list(self._seek(positions, self._code.in_([_number(code) for code in _CODES[stratum]])))
        exact = self.strata_of(found)
        return [record_id for record_id in found if exact[record_id] is stratum]

    def _seek(self, positions: Sequence[int], among: ColumnElement[bool]) -> Iterator[RecordId]:
        query = select(self._id).where(self._id.is_not(None), among).order_by(self._id).limit(1)
        last: RecordId | None = None
        position = -1
        for wanted in positions:
            onward = query if last is None else query.where(self._id > last)
            last = self._connection.execute(onward.offset(wanted - position - 1)).scalar_one_or_none()
            if last is None:
                raise self._store.not_unique()
            position = wanted
            yield last

    @cached_property
    def _ids(self) -> range | None:
        """All whole numbers that may be ids, where most of them are."""
        if not self._store.has_integer_key(self._connection):
            return None
        first, last = self._connection.execute(select(func.min(self._id), func.max(self._id))).one()
        ids = range(first, last + 1) if first is not None else range(0)
        return ids if len(ids) <= _MOST_GAPS * self._tally[3] else None

    @cached_property
    def _tally(self) -> tuple[int, int, int, int]:
        """How many records are of low confidence, old, unreadable, and how many there are."""
        low = self._is_low_by_index() if self._rows_are_wide() else self._is_low()
        # The limit keeps SQLite from evaluating each column once for each sum.
        told = select(low.label("low"), self._is_old().label("old")).where(self._id.is_not(None)).limit(-1).subquery()
        is_low, is_old = told.c.low, told.c.old
        query = select(
            _count_of(and_(is_low == _number(1), is_old.is_not(None))),
            _count_of(and_(is_low == _number(0), is_old == _number(1))),
            _count_of(or_(is_low.is_(None), is_old.is_(None))),
            func.count(),
        ).select_from(told)
        low_confidence, old, unreadable, total = self._connection.execute(query).one()
        return low_confidence, old, unreadable, total

    def _is_old(self) -> ColumnElement[int]:
        """1 or 0, NULL where the timestamp cannot be read."""
        if not self._store.has("timestamp"):
            return _number(0)
        stored = self._store.column("timestamp")
        as_text = _without_affinity(stored)
        by_text = case(
            (as_text < _text("0002"), func.drift_old(stored)),
            (as_text < _date(self._bounds.old_before - _DOUBT), _number(1)),
            (as_text >= _text("9999"), func.drift_old(stored)),
            (as_text >= _date(self._bounds.old_before + 2 * _DOUBT), _number(0)),
            else_=func.drift_old(stored),
        )
        # SQLite reads it, and as one of the date that it begins with.
        usual = func.date(stored) == func.substr(stored, _number(1), _number(10))
        return case((usual, by_text), else_=func.drift_old(stored))

    def _is_low(self) -> ColumnElement[int]:
        """1 or 0, NULL where the confidence cannot be read."""
        if not self._store.has("confidence"):
            return _number(0)
        stored = self._store.column("confidence")
        number = _without_affinity(stored)
        return case(
            (number.between(_LEAST, self._bound), _number(1)),
            (and_(number > self._bound, number < _MOST), _number(0)),
            else_=func.drift_low(stored),
        )

    def _is_low_by_index(self) -> ColumnElement[int]:
        """The same, told from the index on the confidence alone, without reading the rows."""
        stored = self._store.column("confidence")
        again = self._store.table.alias()
        looked_at = select(func.drift_low(again.c[stored.name])).where(again.c[self._id.name] == self._id)
        low = select(self._id).where(stored.between(_LEAST, self._bound)).correlate(None)
        unusual = select(self._id).where(or_(stored.is_(None), stored > _MOST, stored < _LEAST)).correlate(None)
        return case(
            (self._id.in_(low), _number(1)),
            (self._id.in_(unusual), looked_at.scalar_subquery()),
            else_=_number(0),
        )

    def _rows_are_wide(self) -> bool:
        """Whether passing over the indexes on confidence and timestamp reads much less than over the rows."""
        store, connection = self._store, self._connection
        return (
            store.has_integer_key(connection)
            and store.has_index(connection, "confidence", Float | Integer | Numeric)
            and store.has_index(connection, "timestamp", object)
            and store.row_bytes(connection) > _WIDE_ROW_BYTES
        )


def _without_affinity(stored: ColumnElement[Any]) -> ColumnElement[Any]:
    # SQLite's unary plus: text and numbers are then compared as what they are, and text is more than any number.
    return UnaryExpression(stored, operator=custom_op("+"))


def _stratum_code(low: ColumnElement[int], old: ColumnElement[int]) -> ColumnElement[int]:
    def by_confidence(otherwise: int) -> ColumnElement[int]:
        codes = {_number(1): _number(_LOW_CONFIDENCE), _number(0): _number(otherwise)}
        return case(codes, value=low, else_=_number(_UNREADABLE))

    codes = {_number(1): by_confidence(_OLD), _number(0): by_confidence(_BASELINE)}
    return case(codes, value=old, else_=_number(_UNREADABLE))


def _count_of(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, _number(1)), else_=_number(0))), 0)


# Constants stand in the SQL itself: SQLite loads a bound parameter again for each row.
def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value))


def _text(value: str) -> ColumnElement[str]:
    return literal_column(f"'{value}'")


def _date(moment: datetime) -> ColumnElement[str]:
    return _text(moment.date().isoformat())


_LEAST: ColumnElement[float] = literal_column("-1e300")
_MOST: ColumnElement[float] = literal_column("1e300")
_IDS_AT_ONCE = 500
