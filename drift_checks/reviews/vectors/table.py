"""Vectors in the column embedding_json of the table, compared by their cosine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from drift_checks.core.records import Record, RecordId
from drift_checks.core.text import count
from drift_checks.reviews.vectors.base import NearRecord
from drift_checks.reviews.vectors.exact import BLOCK, ExactSearch, Matrix, NearestOthers, Row, unit, voting_row
from drift_checks.statistics.threads import one_thread
from drift_checks.stores.embeddings import PACKED, read_embedding, read_embeddings
from drift_checks.stores.records import RecordStore

Item = TypeVar("Item")
COLUMN = "embedding_json"
_READ = ("id", "text", "category", PACKED)


class TableVectors(ExactSearch):
    """The vectors of the table, read anew for each search, so that memory use does not grow with the store.

    A vector is compared with those of the same dimension.
    """

    basis = f"vectors in the table ({COLUMN})"
    noun = "vector"
    missing = "the record has no usable vector"
    at_once = 2000

    def __init__(self, store: RecordStore) -> None:
        super().__init__()
        self._store = store
        self._dimensions: Counter[int] = Counter()
        self._unusable: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """The number of usable vectors, known after a search."""
        return self._dimensions.total()

    @property
    def remarks(self) -> tuple[str, ...]:
        """How many records cannot be compared, and why; and several dimensions."""
        found = []
        if self._unusable:
            reasons = ", ".join(f"{number:,} {reason}" for reason, number in sorted(self._unusable.items()))
            found.append(f"{count(self._unusable.total(), 'record')} without a usable vector in {COLUMN} ({reasons})")
        if len(self._dimensions) > 1:
            sizes = ", ".join(f"{size:,} ({number:,})" for size, number in self._dimensions.most_common())
            found.append(f"{COLUMN} has vectors of several dimensions, which are not comparable: {sizes}")
        return tuple(found)

    def search(self, records: Sequence[Record], least: int) -> dict[RecordId, list[NearRecord]]:
        """Return the nearest others of each record with a vector, in a new pass."""
        own = {record.id: vector for record in records if (vector := usable_vector(record)) is not None}
        compared = [record for record in records if record.id in own]
        by_dimension: dict[int, list[int]] = {}
        for place, record in enumerate(compared):
            by_dimension.setdefault(own[record.id].size, []).append(place)
        queries = {
            size: unit(np.stack([own[compared[place].id] for place in places])) for size, places in by_dimension.items()
        }

        def search(connection: Connection) -> dict[RecordId, list[NearRecord]]:
            nearest = NearestOthers(compared, least)
            self._dimensions, self._unusable = Counter(), Counter()
            for page in self._store.pages(connection, *_READ, size=BLOCK):
                for rows, vectors in self._usable(page):
                    if (size := vectors.shape[1]) in queries:
                        nearest.add(queries[size] @ unit(vectors).T, rows, by_dimension[size])
            return nearest.found()

        with one_thread():
            return self._store.read(search, timed=False)

    def _usable(self, page: Sequence[Sequence[Any]]) -> Iterator[tuple[_Rows, Matrix]]:
        """Yield the rows of a page with their vectors, of one dimension at a time, and count them."""
        embeddings = [row[-1] for row in page]
        blocks, unreadable = read_embeddings(embeddings)
        for place in unreadable:
            self._unusable["have none" if embeddings[place] is None else "not readable"] += 1
        for places, vectors in blocks:
            usable = vectors.any(axis=1)
            there = int(usable.sum())
            if there < len(places):
                self._unusable["all zeros"] += len(places) - there
            if there:
                self._dimensions[vectors.shape[1]] += there
                yield _Rows(self._store, page, places[usable]), vectors[usable] if there < len(places) else vectors


class _Rows(Sequence[Row | None]):
    """Some rows of a page, None for one that does not vote; read only when they are asked for."""

    def __init__(self, store: RecordStore, page: Sequence[Sequence[Any]], places: npt.NDArray[np.intp]) -> None:
        self._store = store
        self._page = page
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: Any) -> Any:
        key, text, category, _ = self._page[self._places[number]]
        return voting_row(key, self._store.read_value("text", text), self._store.read_value("category", category))


def usable_vector(record: Record) -> Any:
    """Return the record's vector in the table, or None without one that has a direction."""
    vector = read_embedding(record.values.get(COLUMN))
    return vector if vector is not None and vector.any() else None


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of this size."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
