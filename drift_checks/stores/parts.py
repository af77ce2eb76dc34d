"""A store divided into parts in SQL: the records at random places, and those at positions of a part.

A part is told by an expression that gives its code for a row; where that is a quick approximation, an exact one stands
beside it, by which whatever is drawn is judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, UnaryExpression, func, literal_column, select, true
from sqlalchemy.sql.operators import custom_op

from drift_checks.core.records import RecordId
from drift_checks.stores.records import RecordStore

Part = TypeVar("Part")
# No offset from UTC reaches a day.
DOUBT = timedelta(days=1)
# With more places than this for each record, finding records by trying ids takes longer than counting to them.
_MOST_GAPS = 4
_IDS_AT_ONCE = 500
# Positions closer to each other than this are found by listing, not by seeking.
_MOST_BETWEEN = 50


class PartQueries(Generic[Part]):
    """The parts of a store on one connection; it serves the sampler.

    Args:
        connection: One that knows the functions of the expressions.
        store: The table.
        code: The code of a row's part, told quickly.
        exact_code: The same, told exactly.
        parts: The part of each code.
        total: How many records there are.
    """

    def __init__(
        self,
        connection: Connection,
        store: RecordStore,
        code: ColumnElement[int],
        exact_code: ColumnElement[int],
        parts: Mapping[int, Part],
        total: int,
    ) -> None:
        self._connection = connection
        self._store = store
        self._id = store.column("id")
        self._code = code
        self._exact_code = exact_code
        self._parts = parts
        self._total = total

    def places(self) -> int:
        """Return how many places the records lie in: their own, or where ids are dense whole numbers, those of ids."""
        return self._total if self._ids is None else len(self._ids)

    def at(self, places: Sequence[int]) -> dict[int, tuple[RecordId, Part]]:
        """Return the record at each of these places (ascending) that holds one, and its part."""
        ids = list(self._seek(places, true())) if self._ids is None else [self._ids[place] for place in places]
        parts = self.parts_of(ids)
        pairs = zip(places, ids, strict=True)
        return {place: (record_id, parts[record_id]) for place, record_id in pairs if record_id in parts}

    def parts_of(self, ids: Sequence[RecordId]) -> dict[RecordId, Part]:
        """Return the part of each of these records."""
        found: dict[RecordId, Part] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            query = select(self._id, self._exact_code).where(self._id.in_(ids[start : start + _IDS_AT_ONCE]))
            found.update({record_id: self._parts[code] for record_id, code in self._connection.execute(query)})
        return found

    def members(self, part: Part, positions: Sequence[int]) -> list[RecordId]:
        """Return the records at these positions (ascending) of a part in order of id."""
        codes = [number_in_sql(code) for code, named in self._parts.items() if named is part]
        among = self._code.in_(codes)
        dense = positions and positions[-1] < _MOST_BETWEEN * len(positions)
        found = self._pick(positions, among) if dense else list(self._seek(positions, among))
        exact = self.parts_of(found)
        return [record_id for record_id in found if exact[record_id] is part]

    def _pick(self, positions: Sequence[int], among: ColumnElement[bool]) -> list[RecordId]:
        """Return the records at these positions, in one pass; worth it where they lie close to each other."""
        query = select(self._id).where(self._id.is_not(None), among).order_by(self._id).limit(positions[-1] + 1)
        ids = self._connection.execute(query).scalars().all()
        if len(ids) <= positions[-1]:
            raise self._store.not_unique()
        return [ids[position] for position in positions]

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
        return ids if len(ids) <= _MOST_GAPS * self._total else None


def without_affinity(stored: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the column by SQLite's unary plus: text and numbers are then compared as what they are."""
    return UnaryExpression(stored, operator=custom_op("+"))


def is_usual(stored: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether SQLite reads the timestamp, and as one of the date that its text begins with."""
    return func.date(stored) == func.substr(stored, number_in_sql(1), number_in_sql(10))


# Constants stand in the SQL itself: SQLite loads a bound parameter again for each row.
def number_in_sql(value: int) -> ColumnElement[int]:
    """Return the number as it stands in SQL."""
    return literal_column(str(value))


def text_in_sql(value: str) -> ColumnElement[str]:
    """Return the text, which must hold no quote, as it stands in SQL."""
    return literal_column(f"'{value}'")


def date_in_sql(moment: datetime) -> ColumnElement[str]:
    """Return the date of the instant as it stands in SQL."""
    return text_in_sql(moment.date().isoformat())
