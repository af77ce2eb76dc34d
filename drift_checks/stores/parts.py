"""A store partitioned in SQL, for the sampler.

An expression computes the code of a row's part. It may be a fast approximation: Python decides about each row that is
drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, func, not_, select
from sqlalchemy.sql.elements import False_

from drift_checks.core.records import RecordId, StoredId, record_id
from drift_checks.stores.expressions import number_in_sql
from drift_checks.stores.records import RecordStore

Part = TypeVar("Part")
# With more ids than this per record, trying random ids is slower than counting rows.
_MOST_GAPS = 4


class PartQueries(Generic[Part]):
    """The parts of a store of `total()` records, by the code of a row's part.

    `code` computes it in SQL, whose functions must be registered on the connection; `exact_code` computes it from the
    values of the `columns`.
    """

    def __init__(
        self,
        connection: Connection,
        store: RecordStore,
        code: ColumnElement[int],
        exact_code: Callable[[Sequence[Any]], int],
        columns: Sequence[str],
        parts: Mapping[int, Part],
        total: Callable[[], int],
    ) -> None:
        self._connection = connection
        self._store = store
        self._dialect = store.file.dialect
        self._id = store.column("id")
        self.code = code
        self._exact_code = exact_code
        self._read = [store.column(ours) for ours in columns]
        self._parts = parts
        self._count = total

    def places(self) -> int:
        """Return the number of places: one per record, or one per possible id if ids are dense whole numbers."""
        return self._total if self._ids is None else len(self._ids)

    def at(self, places: Sequence[int]) -> dict[int, tuple[RecordId, Part]]:
        """Return the record and its part at each of these places (ascending); empty places are skipped."""
        found = self._at_positions(places) if self._ids is None else [self._ids[place] for place in places]
        ids = [record_id(key) for key in found]
        parts = self.parts_of(ids)
        # There are fewer ids than places if some occur twice.
        pairs = zip(places, ids, strict=False)
        return {place: (key, parts[key]) for place, key in pairs if key in parts}

    def parts_of(self, ids: Sequence[RecordId]) -> dict[RecordId, Part]:
        """Return the part of each of these records."""
        found: dict[RecordId, Part] = {}
        size = self._dialect.ids_at_once
        for start in range(0, len(ids), size):
            there = self._dialect.with_ids(self._id, ids[start : start + size])
            query = select(self._id, *self._read).where(there)
            rows = self._connection.execute(query)
            found.update({record_id(key): self._parts[self._exact_code(values)] for key, *values in rows})
        return found

    def members(self, part: Part, positions: Sequence[int]) -> list[RecordId]:
        """Return the records at these positions (ascending) of a part, which is ordered by id."""
        codes = [number_in_sql(code) for code, named in self._parts.items() if named is part]
        found = self._at_positions(positions, self.code.in_(codes))
        ids = list(dict.fromkeys(record_id(key) for key in found))
        exact = self.parts_of(ids)
        return [key for key in ids if exact.get(key) is part]

    def _at_positions(self, positions: Sequence[int], *among: ColumnElement[bool]) -> Sequence[StoredId]:
        return self._dialect.at_positions(self._connection, select(self._id).where(*among), self._id, positions)

    @cached_property
    def _total(self) -> int:
        return self._count()

    @cached_property
    def _ids(self) -> range | None:
        """The possible ids, if they are dense whole numbers."""
        if isinstance(self._dialect.is_whole(self._id), False_):
            return None
        first, last = self._connection.execute(select(func.min(self._id), func.max(self._id))).one()
        if first is None:
            return range(0)
        whole = isinstance(first, int) and isinstance(last, int)
        if not whole or last - first >= _MOST_GAPS * self._total or self._has_other_ids():
            return None
        return range(first, last + 1)

    def _has_other_ids(self) -> bool:
        """Return whether some ids are no whole numbers; in SQLite the type of a key is only a hint."""
        if self._store.has_integer_key(self._connection):
            return False
        other = select(self._id).where(not_(self._dialect.is_whole(self._id))).limit(1)
        return self._connection.execute(other).first() is not None
