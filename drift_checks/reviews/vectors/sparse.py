"""Products of vectors that consist mostly of zeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift_checks.statistics.threads import one_thread

# Of the queries: as many of their most frequent columns make up nearly all of the work.
_FREQUENT = 800


class SparseRows(NamedTuple):
    """Vectors of `width` numbers: columns and values of those that are not 0, row by row, and how many each row has."""

    columns: NDArray[np.int32]
    values: NDArray[np.float32]
    lengths: NDArray[np.int64]
    width: int


def products(queries: SparseRows | NDArray[Any]) -> Callable[[Any], NDArray[Any]]:
    """Return the function from vectors of the same kind to their products with the queries, (queries, vectors)."""
    return _SparseQueries(queries).products if isinstance(queries, SparseRows) else lambda rows: queries @ rows.T


class _SparseQueries:
    """Vectors that are multiplied with many others, by a matrix for frequent columns and pair by pair for the rest."""

    def __init__(self, queries: SparseRows) -> None:
        columns, places, numbers = np.unique(queries.columns, return_inverse=True, return_counts=True)
        ranks = np.empty_like(columns)
        ranks[np.argsort(-numbers, kind="stable")] = np.arange(len(columns))
        self._most = min(_FREQUENT, len(columns))
        # The rank of each column; one past the last for those that no query has.
        self._ranks = np.full(queries.width, len(columns), np.int32)
        self._ranks[columns] = ranks
        own, rows = ranks[places], np.repeat(np.arange(len(queries.lengths)), queries.lengths)
        self._matrix = np.zeros((len(queries.lengths), self._most + 1))
        self._matrix[rows, np.minimum(own, self._most)] = queries.values
        self._matrix[:, self._most] = 0
        rare = np.flatnonzero(own >= self._most)
        rare = rare[np.argsort(own[rare], kind="stable")]
        self._rows, self._values = rows[rare], queries.values[rare].astype(np.float64)
        self._numbers = np.bincount(own[rare], minlength=len(columns) + 1)
        self._starts = np.cumsum(self._numbers) - self._numbers

    def products(self, vectors: SparseRows) -> NDArray[np.float32]:
        """Return the products of each query with each vector."""
        number = len(vectors.lengths)
        ranks, rows = self._ranks[vectors.columns], np.repeat(np.arange(number), vectors.lengths)
        matrix = np.zeros((number, self._most + 1))
        matrix[rows, np.minimum(ranks, self._most)] = vectors.values
        with one_thread():
            found = self._matrix @ matrix.T
        found += self._products_of_rare(rows, ranks, vectors.values, number)
        return found.astype(np.float32)

    def _products_of_rare(
        self, rows: NDArray[np.int64], ranks: NDArray[np.int32], values: NDArray[np.float32], number: int
    ) -> NDArray[np.float64]:
        rare = np.flatnonzero(self._numbers[ranks])
        times = self._numbers[ranks[rare]]
        # The places of the queries that share each value's column.
        shared = np.arange(times.sum()) + np.repeat(self._starts[ranks[rare]] - np.cumsum(times) + times, times)
        pairs = self._rows[shared] * number + np.repeat(rows[rare], times)
        factors = self._values[shared] * np.repeat(values[rare], times)
        sums: NDArray[np.float64] = np.bincount(pairs, factors, len(self._matrix) * number).astype(np.float64)
        return sums.reshape(len(self._matrix), number)
