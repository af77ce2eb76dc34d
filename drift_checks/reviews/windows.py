"""The recent and the reference window of a store: counts of all records, and a sample of each window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from drift_checks.core.records import Record, RecordId, Stratum, as_text, read_number
from drift_checks.reviews import sampling
from drift_checks.settings.declarations import Settings
from drift_checks.stores.embeddings import read_embedding
from drift_checks.stores.records import RecordStore
from drift_checks.stores.windows import GroupCount, Window, WindowBounds, count_groups, tally, window_queries

Rows = Mapping[Window, Mapping[RecordId, dict[str, object]]]
FindVectors = Callable[[Sequence[Record]], Mapping[RecordId, npt.NDArray[np.float32]]]
NO_VECTORS = "the store holds no vectors, neither in a column embedding_json nor in a Chroma collection"
COMPARED = (Window.RECENT, Window.REFERENCE)
# The records drawn from each window: enough to detect a relevant difference, and affordable for any store.
DRAWN = 2000
_COLUMNS = (
    "id",
    "category",
    "confidence",
    "response_time_ms",
    "input_tokens",
    "output_tokens",
    "chroma_id",
    "embedding_json",
)
_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class EmbeddedRecords:
    """Sampled records with their vectors, of shape (records, dimension)."""

    ids: tuple[RecordId, ...]
    categories: tuple[str, ...]
    vectors: npt.NDArray[np.float32]


class Windows:
    """The two windows of a store; everything is read once, when it is first needed.

    `find_vectors` returns the vectors of records in a store whose table has none.
    """

    def __init__(self, settings: Settings, store: RecordStore, find_vectors: FindVectors | None = None) -> None:
        self.store = store
        self._find_vectors = find_vectors
        self.settings = settings
        recent_from = settings.as_of - timedelta(days=settings.recent_days)
        reference_from = recent_from - timedelta(days=settings.reference_days)
        until = settings.as_of + _CLOCK_SKEW
        self.bounds = WindowBounds(reference_from, recent_from, until, settings.naive_timezone, store.forms.timestamps)

    def count(self, column: str, window: Window | None = None) -> Counter[str]:
        """Return the number of records with each value of a column, in one window or in the whole store."""
        return tally(self._read[0], column, window)

    def size(self, window: Window) -> int:
        """Return the number of records in the window."""
        return sum(group.number for group in self._read[0] if group.window is window)

    def values(self, column: str, window: Window) -> npt.NDArray[np.float64]:
        """Return the numbers in a column of the records sampled from the window, without values of other types."""
        numbers = (read_number(row.get(column)) for row in self._read[1][window].values())
        return np.array([number for number in numbers if number is not None], dtype=np.float64)

    @property
    def has_vectors(self) -> bool:
        """Whether the store has vectors, in the table or elsewhere."""
        return self.store.has("embedding_json") or self._find_vectors is not None

    @cached_property
    def embedded(self) -> Mapping[Window, EmbeddedRecords]:
        """The records sampled from each window that have a vector of the most frequent dimension."""
        found = {window: list(self._vectors(window)) for window in COMPARED}
        sizes = Counter(vector.size for items in found.values() for _, _, vector in items)
        common = sizes.most_common(1)[0][0] if sizes else 0
        return {
            window: _embedded([item for item in items if item[2].size == common], common)
            for window, items in found.items()
        }

    @cached_property
    def _read(self) -> tuple[list[GroupCount], Rows]:
        # In one transaction, since the application may write at the same time.
        return self.store.file.read(self._count_and_draw, self.bounds.functions)

    def _count_and_draw(self, connection: Connection) -> tuple[list[GroupCount], Rows]:
        groups = count_groups(connection, self.store, self.bounds)
        sizes = {window: sum(group.number for group in groups if group.window is window) for window in Window}
        wanted = {window: min(DRAWN, sizes[window]) for window in COMPARED}
        queries = window_queries(connection, self.store, self.bounds, sum(sizes.values()))
        ids = sampling.draw(queries, wanted, sizes, self.settings.seed)
        columns = [column for column in _COLUMNS if self.store.has(column)]
        # All at once, since an engine without indexes reads the whole table.
        rows = self.store.rows(connection, [key for window in COMPARED for key in ids[window]], columns)
        return groups, {window: {key: rows[key] for key in ids[window] if key in rows} for window in COMPARED}

    def _vectors(self, window: Window) -> Iterator[tuple[RecordId, str, npt.NDArray[np.float32]]]:
        rows = self._read[1][window]
        if self.store.has("embedding_json") or self._find_vectors is None:
            # The texts take several times the memory of the vectors, and nothing else needs them.
            vectors = {key: read_embedding(row.pop("embedding_json", None)) for key, row in rows.items()}
        else:
            vectors = {**self._find_vectors([Record(key, Stratum.BASELINE, row) for key, row in rows.items()])}
        for key, row in rows.items():
            vector = vectors.get(key)
            if vector is not None and vector.any():
                yield key, as_text(row["category"]), vector


def _embedded(found: Sequence[tuple[RecordId, str, npt.NDArray[np.float32]]], dimension: int) -> EmbeddedRecords:
    vectors = np.array([vector for _, _, vector in found], dtype=np.float32).reshape(len(found), dimension)
    return EmbeddedRecords(tuple(key for key, _, _ in found), tuple(category for _, category, _ in found), vectors)
