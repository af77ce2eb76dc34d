"""Exact search: every vector of the store is compared with those of a few records, block by block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from drift_checks.core.records import Damaged, Record, RecordId, StoredId, as_text, record_id
from drift_checks.reviews.vectors.base import SPARE, NearRecord

# With 384 dimensions, a block of vectors takes three megabytes.
BLOCK = 2048
Matrix = npt.NDArray[np.float32]


class Row(NamedTuple):
    """A record that may be another's neighbour."""

    id: RecordId
    text: str
    category: str


def voting_row(stored: StoredId | None, text: object, category: object) -> Row | None:
    """Return the row of a record that has an id and a category, None for any other."""
    if stored is None or category is None or isinstance(category, Damaged) or not as_text(category).strip():
        return None
    return Row(record_id(stored), as_text(text), as_text(category))


def unit(vectors: Matrix) -> Matrix:
    """Return the rows scaled to length 1; rows of zeros stay as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


class ExactSearch(ABC):
    """Finds the nearest others of each record once, in a pass over the whole store."""

    def __init__(self) -> None:
        self._found: dict[RecordId, list[NearRecord]] = {}
        self._searched: set[RecordId] = set()

    def nearest_others(self, records: Sequence[Record], least: int) -> dict[RecordId, list[NearRecord]]:
        """Return the nearest others of each record with a vector."""
        missing = [record for record in records if record.id not in self._searched]
        if missing:
            self._found |= self.search(missing, least)
            self._searched |= {record.id for record in missing}
        return {record.id: self._found[record.id] for record in records if record.id in self._found}

    @abstractmethod
    def search(self, records: Sequence[Record], least: int) -> dict[RecordId, list[NearRecord]]:
        """Return the nearest others of each record with a vector, in a new pass."""


class NearestOthers:
    """The rows most similar to each record so far; only those are held."""

    def __init__(self, records: Sequence[Record], least: int) -> None:
        self._records = records
        self._most = least + SPARE
        self._similarities = np.full((len(records), self._most), -np.inf, dtype=np.float32)
        self._places = np.full((len(records), self._most), -1, dtype=np.int64)
        self._rows: dict[int, Row] = {}
        self._seen = 0
        self._with_text: defaultdict[str, list[int]] = defaultdict(list)
        self._with_id: dict[RecordId, list[int]] = {}
        for place, record in enumerate(records):
            self._with_text[record.text].append(place)
            self._with_id.setdefault(record.id, []).append(place)

    def add(self, similarities: npt.NDArray[Any], rows: Sequence[Row | None], of: Sequence[int] | None = None) -> None:
        """Take a block of rows, None for one that does not vote; `similarities` has the shape (records, rows).

        Only rows that are near enough are taken from `rows`. `of` are the places of the records that the block was
        compared with; all by default.
        """
        compared = np.arange(len(self._records)) if of is None else np.asarray(of, dtype=np.int64)
        enough = self._similarities[compared].min(axis=1, keepdims=True)
        near = [int(number) for number in np.flatnonzero((similarities > enough).any(axis=0))]
        voting = [(number, row) for number in near if (row := rows[number]) is not None]
        if voting:
            numbers, near_rows = zip(*voting, strict=True)
            self._add(np.asarray(similarities)[:, numbers], near_rows, compared)

    def _add(self, similarities: npt.NDArray[Any], rows: Sequence[Row], compared: npt.NDArray[np.int64]) -> None:
        line = {int(place): number for number, place in enumerate(compared)}
        block = np.array(similarities, dtype=np.float32)
        for number, row in enumerate(rows):
            for place in (*self._with_text.get(row.text, ()), *self._with_id.get(row.id, ())):
                if place in line:
                    block[line[place], number] = -np.inf
        places = np.broadcast_to(np.arange(self._seen, self._seen + len(rows)), block.shape)
        both = np.concatenate([self._similarities[compared], block], axis=1)
        where = np.concatenate([self._places[compared], places], axis=1)
        best = np.argpartition(-both, self._most - 1, axis=1)[:, : self._most]
        self._similarities[compared] = np.take_along_axis(both, best, axis=1)
        self._places[compared] = np.take_along_axis(where, best, axis=1)
        first, self._seen = self._seen, self._seen + len(rows)
        kept = {int(place) for place in np.unique(self._places)}
        self._rows = {place: row for place, row in self._rows.items() if place in kept} | {
            place: rows[place - first] for place in kept if place >= first
        }

    def found(self, above: float = -np.inf) -> dict[RecordId, list[NearRecord]]:
        """Return the most similar rows of each record, the most similar first; only those above this similarity."""
        result = {}
        for record, similarities, places in zip(self._records, self._similarities, self._places, strict=True):
            order = np.lexsort((places, -similarities))
            result[record.id] = [
                NearRecord(row.id, float(similarities[at]), row.text, row.category)
                for at in order
                if similarities[at] > above and (row := self._rows.get(int(places[at]))) is not None
            ]
        return result
