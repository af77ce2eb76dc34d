"""Vectors, documents and metadata in a collection of Chroma, wherever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from drift_checks.core.addresses import Location

Vector = npt.NDArray[np.float32]
Result = TypeVar("Result")

_NO_VECTOR = np.empty(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the collection; its vector is empty if it was not read."""

    id: str
    vector: Vector
    document: str | None
    metadata: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry near a vector; `similarity` is 1 for an equal vector and decreases with distance."""

    id: str
    similarity: float
    document: str | None
    metadata: Mapping[str, object]


class VectorCollection(ABC):
    """A collection of Chroma; anything that reads it may raise StoreError.

    Attributes:
        place: The directory or the server that holds it.
        count: The number of entries.
        dimension: The length of each vector; None for an empty collection.
        space: How Chroma measures distances: `cosine`, `ip` or `l2`.
    """

    # Chroma looks up the results of a search in one statement, and SQLite allows 32,766 variables.
    results_at_once: ClassVar[int] = 10_000
    searches_at_once: ClassVar[int] = 10_000
    entries_at_once: ClassVar[int] = 500
    ids_at_once: ClassVar[int] = 30_000

    place: Location
    name: str
    count: int
    dimension: int | None
    space: str
    # chromadb's own class, or one with its methods.
    _collection: Any

    def entries(self, ids: Sequence[str]) -> dict[str, Entry]:
        """Return the entries with these ids; unknown ids are skipped."""
        found: dict[str, Entry] = {}
        for start in range(0, len(ids), self.entries_at_once):
            part = list(dict.fromkeys(ids[start : start + self.entries_at_once]))
            found.update((entry.id, entry) for entry in self._get_entries(ids=part))
        return found

    def first(self, number: int) -> list[Entry]:
        """Return some entries, at most this number."""
        return self._get_entries(limit=number)

    def ids(self) -> Iterator[str]:
        """Yield the ids of all entries."""
        offset = 0
        while page := self._page_of_ids(offset):
            yield from page
            offset += len(page)
            if len(page) < self.ids_at_once:
                return

    def nearest(self, vectors: Sequence[Vector], number: int, without: str | None = None) -> list[list[Neighbour]]:
        """Return the `number` nearest entries of each vector, nearest first.

        With `without`, entries whose document contains this text are left out.
        """
        if not self.count:
            return [[] for _ in vectors]
        number = min(number, self.count, self.results_at_once)
        at_once = min(self.results_at_once // number, self.searches_at_once)
        parts = [vectors[start : start + at_once] for start in range(0, len(vectors), at_once)]
        return [found for part in parts for found in self._nearest(part, number, without)]

    def similarity_to_itself(self, vector: Vector) -> float:
        """Return the similarity that a search for this vector finds for an equal one."""
        # Only inner products depend on the length.
        return float(vector @ vector) if self.space == "ip" else 1.0

    @abstractmethod
    def close(self) -> None:
        """Release what the collection holds: connections, a private copy."""

    @abstractmethod
    def _guarded(self, call: Callable[[], Result]) -> Result:
        """Return what a call that reads the collection returns; raise StoreError for what it raises."""

    def _read_description(self) -> None:
        self.count = self._guarded(lambda: int(self._collection.count()))
        self.dimension, self.space = self._guarded(self._describe)

    def _page_of_ids(self, offset: int) -> list[str]:
        return self._guarded(
            lambda: list(self._collection.get(limit=self.ids_at_once, offset=offset, include=[])["ids"])
        )

    def _get_entries(self, *, with_vectors: bool = True, **which: Any) -> list[Entry]:
        include = ["embeddings", "documents", "metadatas"][0 if with_vectors else 1 :]

        def read() -> list[Entry]:
            got = self._collection.get(include=include, **which)
            vectors = got["embeddings"] if with_vectors else [_NO_VECTOR] * len(got["ids"])
            columns = (got["ids"], vectors, got["documents"], got["metadatas"])
            return [
                Entry(key, np.asarray(vector, dtype=np.float32), document, _metadata(metadata))
                for key, vector, document, metadata in zip(*columns, strict=True)
            ]

        return self._guarded(read)

    def _nearest(self, vectors: Sequence[Vector], number: int, without: str | None) -> list[list[Neighbour]]:
        which: dict[str, Any] = {} if without is None else {"where_document": {"$not_contains": without}}

        def search() -> list[list[Neighbour]]:
            got = self._collection.query(
                query_embeddings=[vector.tolist() for vector in vectors],
                n_results=number,
                include=["documents", "metadatas", "distances"],
                **which,
            )
            return [
                [
                    Neighbour(key, _similarity(self.space, float(distance)), document, _metadata(metadata))
                    for key, distance, document, metadata in zip(*lists, strict=True)
                ]
                for lists in zip(got["ids"], got["distances"], got["documents"], got["metadatas"], strict=True)
            ]

        return self._guarded(search)

    def _describe(self) -> tuple[int | None, str]:
        first = self._collection.get(limit=1, include=["embeddings"])["embeddings"]
        space = (self._collection.metadata or {}).get("hnsw:space")
        if space is None:
            found = self._collection.configuration_json or {}
            # Chroma Cloud and distributed Chroma have an index of another kind.
            space = (found.get("hnsw") or found.get("spann") or {}).get("space", "l2")
        return (len(first[0]) if len(first) else None), str(space)


def _metadata(stored: Mapping[str, object] | None) -> Mapping[str, object]:
    """Return an entry's metadata; a list of one value stands for the value."""
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in (stored or {}).items()
    }


def _similarity(space: str, distance: float) -> float:
    return max(0.0, 1 - distance) if space in ("cosine", "ip") else 1 / (1 + distance)
