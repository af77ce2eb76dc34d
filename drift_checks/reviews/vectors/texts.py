"""Vectors that are made from the texts for one run, for a store that holds none."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection

from drift_checks.core.records import Record, RecordId
from drift_checks.core.text import count
from drift_checks.reviews.vectors.base import NearRecord
from drift_checks.reviews.vectors.exact import ExactSearch, NearestOthers, Row, voting_row
from drift_checks.reviews.vectors.sparse import products
from drift_checks.reviews.vectors.table import batched
from drift_checks.stores.records import RecordStore

# Making vectors takes two minutes for as many long texts; some of its records represent a larger store.
MOST_TEXTS = 20_000
# Later words rarely decide a category.
LONGEST_TEXT = 1_000
_BLOCK = 1000


class Vectoriser(Protocol):
    """Makes vectors of length 1 from texts, as a matrix with a row for each text or as SparseRows.

    Attributes:
        basis: What it makes, as the report names it.
    """

    basis: str

    @property
    def remark(self) -> str:
        """What such vectors can and cannot show; empty if there is nothing to say."""

    def fit(self, texts: Iterator[Sequence[str]]) -> None:
        """Learn from the texts of the store, in blocks."""

    def transform(self, texts: Sequence[str]) -> Any:
        """Return the vectors of these texts; zeros for a text without one."""


class TextVectors(ExactSearch):
    """Vectors of the store's texts, or of some of them, drawn by the seed; `note` says why texts are compared."""

    noun = "text"
    missing = "the record has no text"
    at_once = 2000

    def __init__(self, store: RecordStore, vectoriser: Vectoriser, seed: int, note: str = "") -> None:
        super().__init__()
        self.basis = vectoriser.basis
        self._store = store
        self._vectoriser = vectoriser
        self._seed = seed
        self.note = note
        self._is_fitted = False
        self._compared = self._records = 0

    @property
    def count(self) -> int:
        """The number of texts that a record is compared with, known after a search."""
        return self._compared

    @property
    def remarks(self) -> tuple[str, ...]:
        """Why texts are compared, what they can show, and whether only some of them are."""
        drawn = ""
        if self._records > MOST_TEXTS:
            drawn = f"{count(self._compared, 'text')} of {self._records:,} records, drawn by the seed, are compared"
        return tuple(remark for remark in (self.note, drawn, self._vectoriser.remark) if remark)

    def search(self, records: Sequence[Record], least: int) -> dict[RecordId, list[NearRecord]]:
        """Return the nearest others of each record that have anything in common with it."""
        self._records = self._store.count()
        if not self._is_fitted:
            self._store.read(self._fit, timed=False)
            self._is_fitted = True
        similarities = products(self._vectoriser.transform([_beginning(record.text) for record in records]))

        def search(connection: Connection) -> dict[RecordId, list[NearRecord]]:
            nearest = NearestOthers(records, least)
            self._compared = 0
            for rows in self._drawn(connection):
                nearest.add(similarities(self._vectoriser.transform([_beginning(row.text) for row in rows])), rows)
                self._compared += len(rows)

            # A similarity of zero means that they have nothing in common.
            return nearest.found(above=0)

        return self._store.read(search, timed=False)

    def _fit(self, connection: Connection) -> None:
        self._vectoriser.fit([_beginning(row.text) for row in rows] for rows in self._drawn(connection))

    def _drawn(self, connection: Connection) -> Iterator[list[Row]]:
        """Yield the rows that are compared, in blocks; the same ones for the same store and seed."""
        generator = random.Random(f"texts:{self._seed}")  # noqa: S311 - a sample, not a secret
        share = MOST_TEXTS / max(1, self._records)
        found = (voting_row(*row) for row in self._store.stream(connection, "id", "text", "category"))
        kept = (row for row in found if row is not None and row.text.strip() and generator.random() < share)
        return batched(kept, _BLOCK)


def _beginning(text: str) -> str:
    return text[:LONGEST_TEXT]
