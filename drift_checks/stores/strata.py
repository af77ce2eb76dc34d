"""The strata of a store, told in SQL: how large each is, and the records at random positions.

A timestamp in one of the usual forms whose date lies well away from the bound is judged by comparing text;
everything else (near the bound, unusual, unreadable) by the same Python function that reads records, so that
SQL and Python never disagree and a million rows take a fraction of a second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, literal_column, select, true

from drift_checks.instants import read_instant
from drift_checks.records import RecordId, Stratum, read_number
from drift_checks.stores.records import RecordStore

# Two days are more than any two zones differ by.
_DOUBT = timedelta(days=2)
_BASELINE, _LOW_CONFIDENCE, _OLD, _UNREADABLE = range(4)
_STRATA = {_LOW_CONFIDENCE: Stratum.LOW_CONFIDENCE, _OLD: Stratum.OLD}


@dataclass(frozen=True)
class Bounds:
    """What divides the strata: confidence at or below, timestamps before, and the zone of naive ones."""

    low_confidence_below: float
    old_before: datetime
    naive: tzinfo


class StrataQueries:
    """The strata of a store on one connection; it serves the sampler.

    Args:
        connection: A connection prepared with `functions`.
        store: The table.
        bounds: What divides the strata.
    """

    def __init__(self, connection: Connection, store: RecordStore, bounds: Bounds) -> None:
        self._connection = connection
        self._store = store
        self._bounds = bounds
        self._id = store.column("id")
        self._code = self._stratum_code()

    def sizes(self) -> dict[Stratum, int]:
        """Return how many records each stratum has."""
        low, old, _, total = self._tally
        return {Stratum.LOW_CONFIDENCE: low, Stratum.OLD: old, Stratum.BASELINE: total - low - old}

    def unreadable(self) -> dict[str, int]:
        """Return how many timestamps and confidences cannot be read, where there are any."""
        counts: dict[str, int] = {}
        if not self._tally[2]:
            return counts
        readings = {"confidence": self._number, "timestamp": self._age}
        for ours, reading in readings.items():
            if self._store.has(ours):
                query = select(func.count()).select_from(self._store.table).where(reading().is_(None))
                if number := self._connection.execute(query).scalar_one():
                    counts[ours] = number
        return counts

    def at(self, positions: Sequence[int]) -> list[tuple[RecordId, Stratum]]:
        """Return the records at these positions (ascending) of the store in order of id, and their strata."""
        ids = list(self._seek(positions, true()))
        strata = self.strata_of(ids)
        return [(record_id, strata[record_id]) for record_id in ids]

    def strata_of(self, ids: Sequence[RecordId]) -> dict[RecordId, Stratum]:
        """Return the stratum of each of these records."""
        found = self._connection.execute(select(self._id, self._code).where(self._id.in_(ids)))
        return {record_id: _STRATA.get(code, Stratum.BASELINE) for record_id, code in found}

    def members(self, stratum: Stratum, positions: Sequence[int]) -> list[RecordId]:
        """Return the records at these positions (ascending) of a stratum in order of id."""
        codes = {Stratum.LOW_CONFIDENCE: [_LOW_CONFIDENCE], Stratum.OLD: [_OLD]}.get(stratum, [_BASELINE, _UNREADABLE])
        return list(self._seek(positions, self._code.in_(codes)))

    def _seek(self, positions: Sequence[int], among: ColumnElement[bool]) -> Iterator[RecordId]:
        query = select(self._id).where(self._id.is_not(None), among).order_by(self._id).limit(1)
        last: RecordId | None = None
        position = -1
        for wanted in positions:
            onward = query if last is None else query.where(self._id > last)
            last = self._connection.execute(onward.offset(wanted - position - 1)).scalar_one()
            position = wanted
            yield last

    @cached_property
    def _tally(self) -> tuple[int, int, int, int]:
        """How many records are of low confidence, old, unreadable, and how many there are."""
        # The limit keeps SQLite from evaluating the code once for each sum.
        coded = select(self._code.label("code")).where(self._id.is_not(None)).limit(-1).subquery()
        counted = (_LOW_CONFIDENCE, _OLD, _UNREADABLE)
        sums = [func.coalesce(func.sum(case((coded.c.code == code, 1), else_=0)), 0) for code in counted]
        query: Select[Any] = select(*sums, func.count()).select_from(coded)
        low, old, unreadable, total = self._connection.execute(query).one()
        return low, old, unreadable, total

    def _stratum_code(self) -> ColumnElement[int]:
        low = self._number() <= self._bounds.low_confidence_below if self._store.has("confidence") else None
        if not self._store.has("timestamp"):
            return _code(_BASELINE) if low is None else case((low, _code(_LOW_CONFIDENCE)), else_=self._rest(_BASELINE))
        return case(
            {
                1: case((low, _code(_LOW_CONFIDENCE)), else_=self._rest(_OLD)) if low is not None else _code(_OLD),
                0: case((low, _code(_LOW_CONFIDENCE)), else_=self._rest(_BASELINE))
                if low is not None
                else _code(_BASELINE),
            },
            value=self._age(),
            else_=_code(_UNREADABLE),
        )

    def _rest(self, code: int) -> ColumnElement[int]:
        return case((self._number().is_(None), _code(_UNREADABLE)), else_=_code(code))

    def _number(self) -> ColumnElement[Any]:
        stored = self._store.column("confidence")
        plain = and_(func.typeof(stored).in_(["real", "integer"]), stored.between(-1e300, 1e300))
        return case((plain, stored), else_=func.drift_number(stored))

    def _age(self) -> ColumnElement[Any]:
        stored = self._store.column("timestamp")
        usual = and_(func.date(stored) == func.substr(stored, 1, 10), stored >= "0002")
        surely_old = (self._bounds.old_before - _DOUBT).strftime("%Y-%m-%d")
        surely_recent = (self._bounds.old_before + _DOUBT).strftime("%Y-%m-%d")
        return case(
            (and_(usual, stored < surely_old), _code(1)),
            (and_(usual, stored >= surely_recent), _code(0)),
            else_=func.drift_age(stored),
        )

    @staticmethod
    def functions(bounds: Bounds) -> Any:
        """Return what registers the SQL functions that the strata need on the driver's connection."""

        def age(value: object) -> int | None:
            moment = read_instant(value, bounds.naive)
            return None if moment is None else int(moment < bounds.old_before)

        def register(connection: sqlite3.Connection) -> None:
            connection.create_function("drift_age", 1, age, deterministic=True)
            connection.create_function("drift_number", 1, read_number, deterministic=True)

        return register


def _code(number: int) -> ColumnElement[int]:
    return literal_column(str(number))
