"""Recent records against reference ones: counts of the whole store and bounded draws of both windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from drift_checks.core.records import RecordId, read_number
from drift_checks.review import sampling
from drift_checks.review.reviewers.neighbours import read_embedding
from drift_checks.settings.declarations import Settings
from drift_checks.stores.records import RecordStore
from drift_checks.stores.windows import GroupCount, Window, WindowBounds, count_groups, tally, window_queries

Rows = Mapping[Window, Mapping[RecordId, Mapping[str, object]]]
COMPARED = (Window.RECENT, Window.REFERENCE)
# What is drawn of each window: enough to see a difference that matters, little enough for any store.
DRAWN = 2000
_COLUMNS = ("id", "category", "confidence", "response_time_ms", "input_tokens", "output_tokens", "embedding_json")
_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Embedded:
    """Drawn records that have a vector; `vectors` has the shape (records, dimension)."""

    ids: tuple[RecordId, ...]
    categories: tuple[str, ...]
    vectors: npt.NDArray[np.float32]


class Windows:
    """The two windows of a store; each figure is read when it is first asked for, and once.

    Args:
        settings: What the run was told to do.
        store: The table of records.
    """

    def __init__(self, settings: Settings, store: RecordStore) -> None:
        self.store = store
        self.settings = settings
        recent_from = settings.as_of - timedelta(days=settings.recent_days)
        reference_from = recent_from - timedelta(days=settings.reference_days)
        until = settings.as_of + _CLOCK_SKEW
        self.bounds = WindowBounds(reference_from, recent_from, until, settings.naive_timezone)

    def count(self, ours: str, window: Window | None = None) -> Counter[str]:
        """Return how many records have each value of a column, in one window or in the whole store."""
        return tally(self._groups, ours, window)

    def size(self, window: Window) -> int:
        """Return how many records the window holds."""
        return sum(group.number for group in self._groups if group.window is window)

    def values(self, ours: str, window: Window) -> npt.NDArray[np.float64]:
        """Return the numbers in a column of the records drawn from the window; what is no number is left out."""
        read = (read_number(row.get(ours)) for row in self._drawn[window].values())
        return np.array([number for number in read if number is not None], dtype=np.float64)

    @cached_property
    def embedded(self) -> Mapping[Window, Embedded]:
        """The records drawn from each window that have a vector of the commonest dimension."""
        found = {window: list(self._vectors(window)) for window in COMPARED}
        sizes = Counter(vector.size for items in found.values() for _, _, vector in items)
        common = sizes.most_common(1)[0][0] if sizes else 0
        return {
            window: _embedded([item for item in items if item[2].size == common], common)
            for window, items in found.items()
        }

    @property
    def _groups(self) -> list[GroupCount]:
        return self._read[0]

    @property
    def _drawn(self) -> Rows:
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[list[GroupCount], Rows]:
        # Counted and drawn as of one moment, since the application writes meanwhile.
        return self.store.file.read(self._count_and_draw, self.bounds.register)

    def _count_and_draw(self, connection: Connection) -> tuple[list[GroupCount], Rows]:
        groups = count_groups(connection, self.store, self.bounds)
        return groups, self._draw(connection, groups)

    def _draw(self, connection: Connection, groups: Sequence[GroupCount]) -> Rows:
        sizes = {window: sum(group.number for group in groups if group.window is window) for window in Window}
        wanted = {window: min(DRAWN, sizes[window]) for window in COMPARED}
        queries = window_queries(connection, self.store, self.bounds, sum(sizes.values()))
        ids = sampling.draw(queries, wanted, sizes, self.settings.seed)
        columns = [ours for ours in _COLUMNS if self.store.has(ours)]
        return {window: self.store.rows(connection, ids[window], columns) for window in COMPARED}

    def _vectors(self, window: Window) -> Iterator[tuple[RecordId, str, npt.NDArray[np.float32]]]:
        for key, row in self._drawn[window].items():
            vector = read_embedding(row.get("embedding_json"))
            if vector is not None and vector.any():
                yield key, "" if row["category"] is None else str(row["category"]), vector


def _embedded(found: Sequence[tuple[RecordId, str, npt.NDArray[np.float32]]], dimension: int) -> Embedded:
    vectors = np.array([vector for _, _, vector in found], dtype=np.float32).reshape(len(found), dimension)
    return Embedded(tuple(key for key, _, _ in found), tuple(category for _, category, _ in found), vectors)
