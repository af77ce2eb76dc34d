"""Vectors in a Chroma collection, searched by Chroma."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from drift_checks.core.records import Record, RecordId
from drift_checks.reviews.vectors.base import CHROMA, SPARE, NearRecord
from drift_checks.reviews.vectors.table import usable_vector
from drift_checks.stores.vectors.base import Entry, Neighbour
from drift_checks.stores.vectors.linking import LinkedRecord, is_text_of

# Above this, duplicates are left out in the search: a text may occur ten thousand times.
_MOST_ASKED = 304


class Searched(Protocol):
    """The part of a VectorCollection that is used here."""

    @property
    def count(self) -> int:
        """The number of entries."""

    @property
    def dimension(self) -> int | None:
        """The length of each vector."""

    def entries(self, ids: Sequence[str]) -> Mapping[str, Entry]:
        """Return the entries with these ids."""

    def nearest(
        self, vectors: Sequence[npt.NDArray[np.float32]], number: int, without: str | None = None
    ) -> Sequence[Sequence[Neighbour]]:
        """Return the nearest entries of each vector, nearest first, but none whose document contains `without`."""


class Linked(Protocol):
    """The part of a Link that is used here."""

    def key_of(self, record: Record) -> str | None:
        """Return the id of the record's entry, None if it has none."""

    def records_of(self, entries: Mapping[str, str | None]) -> Mapping[str, LinkedRecord]:
        """Return the records of entries, which are given as documents by id."""

    def undecided(self, keys: Collection[str]) -> set[str]:
        """Return which of these entries are of rows that are no decisions."""

    def refuse_unlinked(self) -> None:
        """Raise StoreError if no entry is of a record."""


class CollectionVectors:
    """The entries of a collection; the category of an entry is that of its record in the store.

    The metadata is used only for entries that the store lacks, under the key `label`.
    """

    basis = CHROMA
    missing = "neither the record nor the collection has a usable vector"
    noun = "vector"
    at_once = 100
    remarks: tuple[str, ...] = ()

    def __init__(self, collection: Searched, link: Linked, label: str = "category") -> None:
        link.refuse_unlinked()
        self._collection = collection
        self._link = link
        self._label = label

    @property
    def count(self) -> int:
        """The number of entries."""
        return self._collection.count

    def nearest_others(self, records: Sequence[Record], least: int) -> dict[RecordId, list[NearRecord]]:
        """Return the nearest others.

        More are asked for if duplicates take their places, or if the search misses the record itself: many duplicates
        make parts of Chroma's index hard to reach, and it searches further for more results.
        """
        vectors = self._vectors_of(records)
        found: dict[RecordId, list[NearRecord]] = {}
        number = least + SPARE
        pending = [record for record in records if record.id in vectors]
        while pending and number <= _MOST_ASKED:
            asked = self._collection.nearest([vectors[record.id] for record in pending], number)
            found.update(self._others(pending, asked))
            exhausted = number >= self._collection.count
            missed = {
                record.id
                for record, near in zip(pending, asked, strict=True)
                if self._link.key_of(record) not in (None, *(hit.id for hit in near))
            }
            pending = [
                record for record in pending if not exhausted and (len(found[record.id]) < least or record.id in missed)
            ]
            number *= 4
        pending = [record for record in pending if len(found[record.id]) < least]
        for text in dict.fromkeys(record.text for record in pending):
            crowded = [record for record in pending if record.text == text]
            asked = self._collection.nearest([vectors[record.id] for record in crowded], _MOST_ASKED, text)
            found.update(self._others(crowded, asked))
        return found

    def _others(
        self, records: Sequence[Record], asked: Sequence[Sequence[Neighbour]]
    ) -> dict[RecordId, list[NearRecord]]:
        """Return what was found, without the records themselves, their duplicates, and rows that are no decisions."""
        linked = self._link.records_of({hit.id: hit.document for near in asked for hit in near})
        undecided = self._link.undecided({hit.id for near in asked for hit in near} - linked.keys())
        return {
            record.id: [
                other
                for hit in near
                if hit.id != self._link.key_of(record)
                and hit.id not in undecided
                and (other := self._near(hit, linked.get(hit.id))).text != record.text
            ]
            for record, near in zip(records, asked, strict=True)
        }

    def _near(self, hit: Neighbour, linked: LinkedRecord | None) -> NearRecord:
        if linked is not None:
            return NearRecord(linked.id, hit.similarity, linked.text, linked.category)
        named, label = hit.metadata.get("record_id"), hit.metadata.get(self._label)
        return NearRecord(
            None if named is None else str(named),
            hit.similarity,
            hit.document,
            None if label is None or isinstance(label, list) else str(label),
        )

    def _vectors_of(self, records: Sequence[Record]) -> dict[RecordId, npt.NDArray[np.float32]]:
        """Return each record's own vector, or the collection's if the record has none of that dimension."""
        own = {
            record.id: vector
            for record in records
            if (vector := usable_vector(record)) is not None and vector.size == self._collection.dimension
        }
        keys = {
            record.id: key
            for record in records
            if record.id not in own and (key := self._link.key_of(record)) is not None
        }
        entries = self._collection.entries(list(dict.fromkeys(keys.values()))) if keys else {}
        held = {
            record.id: entry.vector
            for record in records
            if (entry := entries.get(keys.get(record.id, ""))) is not None
            and entry.vector.any()
            # store_consistency reports an entry of another text.
            and is_text_of(entry.document, record.text)
        }
        return own | held
