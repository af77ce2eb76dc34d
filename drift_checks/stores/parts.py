"""A store partitioned in SQL, for the sampler.

An expression computes the code of a row's part. It may be a fast approximation: an exact expression then decides about
each row that is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, func, select, true

from drift_checks.core.records import RecordId, StoredId, record_id, stored_ids
from drift_checks.stores.expressions import number_in_sql
from drift_checks.stores.records import RecordStore

Part = TypeVar("Part")
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
        found = self._seek(places, true()) if self._ids is None else (self._ids[place] for place in places)
        ids = [record_id(key) for key in found]
        parts = self.parts_of(ids)
        # There are fewer ids than places if some occur twice.
        pairs = zip(places, ids, strict=False)
        return {place: (key, parts[key]) for place, key in pairs if key in parts}

    def parts_of(self, ids: Sequence[RecordId]) -> dict[RecordId, Part]:
        """Return the part of each of these records."""
        found: dict[RecordId, Part] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            there = self._id.in_(list(stored_ids(ids[start : start + _IDS_AT_ONCE])))
            query = select(self._id, self._exact_code).where(there)
            found.update({record_id(key): self._parts[code] for key, code in self._connection.execute(query)})
        return found

    def members(self, part: Part, positions: Sequence[int]) -> list[RecordId]:
        """Return the records at these positions (ascending) of a part, which is ordered by id."""
        codes = [number_in_sql(code) for code, named in self._parts.items() if named is part]
        among = self._code.in_(codes)
        dense = positions and positions[-1] < _MOST_BETWEEN * len(positions)
        found = self._pick(positions, among) if dense else self._seek(positions, among)
        ids = list(dict.fromkeys(record_id(key) for key in found))
        exact = self.parts_of(ids)
        return [key for key in ids if exact.get(key) is part]

    def _pick(self, positions: Sequence[int], among: ColumnElement[bool]) -> list[StoredId]:
        """Return the records at these positions in one pass."""
        query = select(self._id).where(self._id.is_not(None), among).order_by(self._id).limit(positions[-1] + 1)
        ids = self._connection.execute(query).scalars().all()
        return [ids[position] for position in positions if position < len(ids)]

    def _seek(self, positions: Sequence[int], among: ColumnElement[bool]) -> Iterator[StoredId]:
        """Yield the records at these positions, one by one; records that repeat an id are passed over."""
        query = select(self._id).where(self._id.is_not(None), among).order_by(self._id).limit(1)
        last: StoredId | None = None
        position = -1
        for wanted in positions:
            onward = query if last is None else query.where(self._id > last)
            last = self._connection.execute(onward.offset(wanted - position - 1)).scalar_one_or_none()
            if last is None:
                return
            position = wanted
            yield last

    @cached_property
    def _ids(self) -> range | None:
        """The possible ids, if they are dense whole numbers."""
        if not self._store.has_integer_key(self._connection):
            return None
        first, last = self._connection.execute(select(func.min(self._id), func.max(self._id))).one()
        if first is None:
            return range(0)
        # In SQLite the type of a key is only a hint.
        whole = isinstance(first, int) and isinstance(last, int)
        return range(first, last + 1) if whole and last - first < _MOST_GAPS * self._total else None
