"""A store partitioned in SQL, for the sampler.

An expression computes the code of a row's part. It may be a fast approximation: an exact expression then decides about
each row that is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, UnaryExpression, case, func, literal_column, or_, select, true
from sqlalchemy.sql.operators import custom_op

from drift_checks.core.records import RecordId
from drift_checks.stores.records import RecordStore

Part = TypeVar("Part")
# No offset from UTC is as large as a day.
DOUBT = timedelta(days=1)
# With more ids than this per record, trying random ids is slower than counting rows.
_MOST_GAPS = 4
_IDS_AT_ONCE = 500
# Positions closer to each other than this are found faster by listing all rows than by seeking each.
_MOST_BETWEEN = 50


class PartQueries(Generic[Part]):
    """The parts of a store of `total` records, by the code of a row's part: `code` is fast, `exact_code` exact.

    The functions of these expressions must be registered on the connection.
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
        """Return the number of places: one per record, or one per possible id if ids are dense whole numbers."""
        return self._total if self._ids is None else len(self._ids)

    def at(self, places: Sequence[int]) -> dict[int, tuple[RecordId, Part]]:
        """Return the record and its part at each of these places (ascending); empty places are skipped."""
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
        """Return the records at these positions (ascending) of a part, which is ordered by id."""
        codes = [number_in_sql(code) for code, named in self._parts.items() if named is part]
        among = self._code.in_(codes)
        dense = positions and positions[-1] < _MOST_BETWEEN * len(positions)
        found = self._pick(positions, among) if dense else list(self._seek(positions, among))
        exact = self.parts_of(found)
        return [record_id for record_id in found if exact[record_id] is part]

    def _pick(self, positions: Sequence[int], among: ColumnElement[bool]) -> list[RecordId]:
        """Return the records at these positions in one pass."""
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
        """The possible ids, if they are dense whole numbers."""
        if not self._store.has_integer_key(self._connection):
            return None
        first, last = self._connection.execute(select(func.min(self._id), func.max(self._id))).one()
        ids = range(first, last + 1) if first is not None else range(0)
        return ids if len(ids) <= _MOST_GAPS * self._total else None


def without_affinity(stored: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the column with SQLite's unary plus, so that text and numbers are compared without conversion."""
    return UnaryExpression(stored, operator=custom_op("+"))


def by_date(
    stored: ColumnElement[Any], exact_code: ColumnElement[int], *cases: tuple[ColumnElement[bool], ColumnElement[int]]
) -> ColumnElement[int]:
    """Return a fast expression for the code of a timestamp.

    The cases pair conditions on its text with codes. They suffice for a timestamp that SQLite reads as the date at its
    beginning and that is not at either end of the calendar; `exact_code` decides about all others.
    """
    as_text = without_affinity(stored)
    is_usual = func.date(stored) == func.substr(stored, number_in_sql(1), number_in_sql(10))
    is_extreme = or_(as_text < _text_in_sql("0002"), as_text >= _text_in_sql("9999"))
    return case((is_usual, case((is_extreme, exact_code), *cases, else_=exact_code)), else_=exact_code)


# Constants are part of the SQL, because SQLite loads a bound parameter again for each row.
def number_in_sql(value: int) -> ColumnElement[int]:
    """Return the number as a literal."""
    return literal_column(str(value))


def date_in_sql(moment: datetime) -> ColumnElement[str]:
    """Return the date of the instant as a literal."""
    return _text_in_sql(moment.date().isoformat())


def _text_in_sql(value: str) -> ColumnElement[str]:
    return literal_column(f"'{value}'")
