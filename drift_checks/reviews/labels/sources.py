"""Where the vectors of all records come from: the table, Chroma, or the texts themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from drift_checks.core.records import Record, Stratum, record_id
from drift_checks.reviews.labels.texts import TextProjection
from drift_checks.reviews.vectors.base import CHROMA, TFIDF_BASIS
from drift_checks.reviews.vectors.table import COLUMN, TableVectors, usable_vector
from drift_checks.reviews.windows import FindVectors
from drift_checks.statistics.logistic import Matrix
from drift_checks.stores.embeddings import PACKED, Embeddings, read_embeddings
from drift_checks.stores.records import RecordStore

Places = npt.NDArray[np.intp]
Columns = Mapping[str, Sequence[Any]]
# Returns the dimension of the vectors in Chroma, and what finds those of records.
OpenChroma = Callable[[], tuple[int, FindVectors] | None]
Read = tuple[Places, Matrix, Counter[str]]
_NO_VECTOR = "without a usable vector"
_OTHER_DIMENSION = "with a vector of another dimension"
_NO_TEXT = "without a text"


class VectorSource(Protocol):
    """Vectors of records.

    Attributes:
        basis: What they are, as the report names it.
        columns: The columns of the store that they are read from.
    """

    basis: str
    columns: tuple[str, ...]

    def read(self, columns: Columns, texts: Sequence[str], places: Sequence[int]) -> Read:
        """Return the vectors of the records at these places of a page.

        Returns:
            The places that have one; a row for each of them; and how many have none, by reason.
        """


class TableSource:
    """The vectors in the column embedding_json that have the most frequent dimension in the sample.

    Attributes:
        read_stored: Reads them, as `read_embeddings` does.
    """

    basis = TableVectors.basis
    columns: tuple[str, ...] = (PACKED,)

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.read_stored: Callable[[Sequence[object]], Embeddings] = read_embeddings

    def read(self, columns: Columns, texts: Sequence[str], places: Sequence[int]) -> Read:
        """Return the vectors of this dimension that are not all zeros."""
        stored = columns[PACKED]
        blocks, unreadable = self.read_stored([stored[place] for place in places])
        left_out = Counter({_NO_VECTOR: len(unreadable)})
        found: list[tuple[Places, Matrix]] = []
        for of_block, vectors in blocks:
            if vectors.shape[1] == self.dimension:
                usable = vectors.any(axis=1)
                left_out[_NO_VECTOR] += int((~usable).sum())
                found.append((of_block[usable], vectors[usable]))
            else:
                left_out[_OTHER_DIMENSION] += len(of_block)
        if not found:
            return _nothing(self.dimension, left_out)
        order = np.argsort(np.concatenate([of_block for of_block, _ in found]), kind="stable")
        there = np.array(places, np.intp)[np.concatenate([of_block for of_block, _ in found])[order]]
        return there, np.concatenate([vectors for _, vectors in found])[order], left_out


class ChromaSource:
    """The vectors of the entries in Chroma."""

    basis = CHROMA

    def __init__(self, dimension: int, find: FindVectors, columns: tuple[str, ...]) -> None:
        self.dimension = dimension
        self.columns = columns
        self._find = find

    def read(self, columns: Columns, texts: Sequence[str], places: Sequence[int]) -> Read:
        """Return the vectors of the records that have an entry."""
        records = [
            Record(
                record_id(columns["id"][place]),
                Stratum.BASELINE,
                {"text": texts[place], "category": "", **{ours: columns[ours][place] for ours in self.columns}},
            )
            for place in places
        ]
        vectors = self._find(records)
        having = [
            (place, vector)
            for place, record in zip(places, records, strict=True)
            if (vector := vectors.get(record.id)) is not None and vector.size == self.dimension and vector.any()
        ]
        left_out = Counter({_NO_VECTOR: len(places) - len(having)})
        if not having:
            return _nothing(self.dimension, left_out)
        return np.array([place for place, _ in having]), np.stack([vector for _, vector in having]), left_out


class TextSource:
    """Vectors that are made of the texts; `projection` must be set before they are read."""

    basis = TFIDF_BASIS
    columns: tuple[str, ...] = ()
    projection: TextProjection

    def read(self, columns: Columns, texts: Sequence[str], places: Sequence[int]) -> Read:
        """Return a vector for each text with a word."""
        vectors = self.projection.vectors([texts[place] for place in places])
        usable = vectors.any(axis=1)
        return np.array(places, np.intp)[usable], vectors[usable], Counter({_NO_TEXT: int((~usable).sum())})


def choose_source(store: RecordStore, sample: Sequence[Record], open_chroma: OpenChroma, least: float) -> VectorSource:
    """Return the vectors in the table if at least this share of the sample has one, else Chroma's, else the texts'.

    Args:
        store: The records.
        sample: Some of them.
        open_chroma: Opens the collection in Chroma, None if there is none.
        least: The share of the sample that must have a vector in the table.
    """
    if store.has(COLUMN):
        sizes = Counter(vector.size for record in sample if (vector := usable_vector(record)) is not None)
        if sizes and sizes.total() >= least * len(sample):
            return TableSource(sizes.most_common(1)[0][0])
    if (opened := open_chroma()) is not None:
        return ChromaSource(*opened, tuple(ours for ours in ("chroma_id",) if store.has(ours)))
    return TextSource()


def _nothing(dimension: int, left_out: Counter[str]) -> Read:
    return np.empty(0, np.intp), np.empty((0, dimension), np.float32), left_out
