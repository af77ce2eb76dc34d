"""The default reviewer: a vote of the nearest other vectors.

It shows whether a stored category fits its neighbourhood. Only the classifier in production can show whether it would
decide differently today.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from drift_checks.core.records import Record, RecordId, Review
from drift_checks.core.text import count
from drift_checks.reviews.reviewers.base import OnCall, OnCost, OnReview, ignore
from drift_checks.stores.chroma import Entry, Neighbour

_BATCH = 32
# The additional neighbours to ask for, since duplicates of the record take some of the first places.
_SPARE = 8
# Above this, duplicates are left out in the search: a text may occur ten thousand times.
_MOST_ASKED = 304
# Similarities of equal vectors differ by no more than this.
_TIED = 1e-6
# Fewer do not make a majority that one of them could not overturn.
FEWEST = 5


class Vectors(Protocol):
    """The part of a VectorCollection that this reviewer uses."""

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


class NeighboursReviewer:
    """Decides by a vote of the k nearest other vectors, each weighted by its similarity.

    The record itself and its exact duplicates do not vote, and fewer than `FEWEST` others decide nothing. The
    confidence is the winner's share of the votes. There is no vote if more others are equally near than may vote: which
    of them the search finds is then arbitrary.
    """

    name = "neighbours"
    model: str | None = None
    comparable_confidence = False

    def __init__(self, vectors: Vectors, k: int = 11) -> None:
        self._vectors = vectors
        self._k = k

    def review(
        self,
        records: Sequence[Record],
        repeats: Sequence[Record] = (),
        on_call: OnCall = ignore,
        on_review: OnReview = ignore,
        on_cost: OnCost = ignore,
    ) -> Generator[Review, None, None]:
        """Yield a review of each record, then a second one of each record to repeat."""
        for start in range(0, len(records), _BATCH):
            batch = records[start : start + _BATCH]
            for record in batch:
                on_call(record.id)
            for review in self._review_batch(batch):
                on_review(review)
                yield review
        for review in self.review(repeats, (), on_call) if repeats else ():
            repeat = replace(review, repeat=True)
            on_review(repeat)
            yield repeat

    def neighbours_of(self, records: Sequence[Record]) -> dict[RecordId, list[Neighbour]]:
        """Return the k nearest others of each record, nearest first; records without a usable vector are omitted."""
        return {key: near[: self._k] for key, near in self._others_of(records).items()}

    def _others_of(self, records: Sequence[Record]) -> dict[RecordId, list[Neighbour]]:
        """Return at least the k nearest others.

        More are asked for if duplicates take their places, or if the search misses the record itself: many duplicates
        make parts of Chroma's index hard to reach, and it searches further for more results.
        """
        vectors = self._vectors_of(records)
        found: dict[RecordId, list[Neighbour]] = {}
        number = self._k + _SPARE
        pending = [record for record in records if record.id in vectors]
        while pending and number <= _MOST_ASKED:
            asked = self._vectors.nearest([vectors[record.id] for record in pending], number)
            for record, near in zip(pending, asked, strict=True):
                found[record.id] = [other for other in near if not _same(record, other)]
            exhausted = number >= self._vectors.count
            missed = {
                record.id
                for record, near in zip(pending, asked, strict=True)
                if _key(record) not in (None, *(other.id for other in near))
            }
            pending = [
                record
                for record in pending
                if not exhausted and (len(found[record.id]) < self._k or record.id in missed)
            ]
            number *= 4
        pending = [record for record in pending if len(found[record.id]) < self._k]
        for text in dict.fromkeys(record.text for record in pending):
            crowded = [record for record in pending if record.text == text]
            asked = self._vectors.nearest([vectors[record.id] for record in crowded], _MOST_ASKED, text)
            found.update((record.id, list(near)) for record, near in zip(crowded, asked, strict=True))
        return found

    def _review_batch(self, records: Sequence[Record]) -> Iterator[Review]:
        if self._vectors.count < FEWEST:
            held = count(self._vectors.count, "vector")
            why = f"the collection holds only {held}; a vote needs {FEWEST}, not counting the record's own"
            yield from (Review(record.id, failure=why) for record in records)
            return
        found = self._others_of(records)
        for record in records:
            if record.id not in found:
                yield Review(record.id, failure="neither the record nor the collection has a usable vector")
            elif self._is_arbitrary(found[record.id]):
                yield Review(record.id, failure="too many others have equally near vectors to choose neighbours")
            else:
                yield _vote(record, found[record.id][: self._k])

    def _is_arbitrary(self, others: Sequence[Neighbour]) -> bool:
        first = others[: self._k + _SPARE]
        tied = len(first) > self._k and abs(first[0].similarity - first[-1].similarity) <= _TIED
        return tied and len({str(other.metadata.get("category")) for other in first}) > 1

    def _vectors_of(self, records: Sequence[Record]) -> dict[object, npt.NDArray[np.float32]]:
        """Return each record's own vector, or the collection's if the record has none of that dimension."""
        own = {record.id: read_embedding(record.values.get("embedding_json")) for record in records}
        keys = {record.id: _key(record) for record in records if not self._is_usable(own[record.id])}
        wanted = list(dict.fromkeys(key for key in keys.values() if key is not None))
        entries = self._vectors.entries(wanted) if wanted else {}
        held = {
            record.id: entries[key].vector
            for record in records
            if (key := keys.get(record.id)) is not None and key in entries and _holds(entries[key], record)
        }
        found = own | dict.fromkeys(keys) | held
        return {key: vector for key, vector in found.items() if vector is not None and self._is_usable(vector)}

    def _is_usable(self, vector: npt.NDArray[np.float32] | None) -> bool:
        return vector is not None and vector.size == self._vectors.dimension and bool(vector.any())


def read_embedding(stored: object) -> npt.NDArray[np.float32] | None:
    """Return the vector in a JSON array of finite numbers or in a BLOB, None for any other value.

    The numbers may be texts, and the array may be the only item of another array or of an object. A BLOB holds the
    32-bit or 64-bit floating-point numbers that numpy writes.
    """
    vector = _in_json(stored) if isinstance(stored, str | bytes) else None
    if vector is None and isinstance(stored, bytes):
        vector = _packed(stored)
    return vector if vector is not None and vector.size and np.isfinite(vector).all() else None


def _in_json(stored: str | bytes) -> npt.NDArray[np.float32] | None:
    try:
        numbers = _innermost(json.loads(stored))
        if not isinstance(numbers, list) or not all(type(number) in (int, float, str) for number in numbers):
            return None
        with np.errstate(over="ignore"):
            return np.asarray([float(number) for number in numbers], dtype=np.float64).astype(np.float32)
    except (ValueError, OverflowError, RecursionError):
        return None


def _innermost(value: object) -> object:
    """Return the array in arrays of one array, and in objects of one array."""
    if isinstance(value, dict):
        arrays = [item for item in value.values() if isinstance(item, list)]
        return _innermost(arrays[0]) if len(arrays) == 1 else None
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list | dict):
        return _innermost(value[0])
    return value


def _packed(stored: bytes) -> npt.NDArray[np.float32] | None:
    """Return the numbers in a BLOB, if only one precision makes them plausible."""
    found = [
        numbers
        for kind in (np.dtype("<f4"), np.dtype("<f8"))
        if len(stored) % kind.itemsize == 0 and _are_plausible(numbers := np.frombuffer(stored, dtype=kind))
    ]
    return found[0].astype(np.float32) if len(found) == 1 else None


def _are_plausible(numbers: npt.NDArray[Any]) -> bool:
    # Bytes of another type are extremely small or large numbers.
    sizes = np.abs(numbers[numbers != 0])
    return bool(sizes.size and np.isfinite(sizes).all() and (sizes > 1e-9).all() and (sizes < 1e6).all())


def _key(record: Record) -> str | None:
    """Return the record's id in Chroma, which is always text."""
    key = record.values.get("chroma_id")
    return None if key is None else str(key)


def _holds(entry: Entry, record: Record) -> bool:
    """Return whether an entry is of the record's text, or of its beginning; store_consistency reports another."""
    return entry.document is None or record.text.startswith(entry.document.strip())


def _same(record: Record, other: Neighbour) -> bool:
    return other.id == _key(record) or other.document == record.text


def _vote(record: Record, neighbours: Sequence[Neighbour]) -> Review:
    if not neighbours:
        return Review(record.id, failure="the collection holds no other text")
    votes: defaultdict[str, float] = defaultdict(float)
    voting = [neighbour for neighbour in neighbours if _has_category(neighbour)]
    if not voting:
        return Review(record.id, failure="no neighbour has a category in the collection's metadata")
    if len(voting) < FEWEST:
        return Review(record.id, failure=f"only {count(len(voting), 'neighbour')} can vote, {FEWEST} are needed")
    for neighbour in voting:
        votes[str(neighbour.metadata["category"])] += max(neighbour.similarity, 1e-9)
    winner = max(sorted(votes), key=votes.__getitem__)
    return Review(
        record.id,
        category=winner,
        confidence=votes[winner] / sum(votes.values()),
        rationale=f"{sum(str(n.metadata['category']) == winner for n in voting)} of {len(voting)} nearest neighbours",
    )


def _has_category(neighbour: Neighbour) -> bool:
    label = neighbour.metadata.get("category")
    return label is not None and not isinstance(label, list)
