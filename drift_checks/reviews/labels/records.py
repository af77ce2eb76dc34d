"""The labelled records of a store with their vectors, read in blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from drift_checks.core.records import Damaged, as_text, record_id
from drift_checks.core.text import count
from drift_checks.reviews.labels.sources import VectorSource
from drift_checks.reviews.vectors.exact import BLOCK, unit
from drift_checks.statistics.logistic import Matrix
from drift_checks.stores.records import RecordStore
from drift_checks.stores.strata import STRATA, Bounds, StrataQueries
from drift_checks.stores.windows import WindowBounds

# Longer vectors are projected on as many random directions.
MOST_DIMENSIONS = 1024
_PROJECTED = 512
_DIGEST = 8
_LONGEST_TEXT = 100_000
Digests = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int8]
# The age of a record: in the recent window, before it, or without a usable timestamp.
RECENT, OLDER, UNDATED = 1, 0, -1
# Where the codes of the strata are among the columns.
_STRATUM = "stratum"
Result = TypeVar("Result")


@dataclass(frozen=True)
class Block:
    """Some records; arrays and lists with a place for each.

    Attributes:
        texts: A digest of each text, by which copies are recognised; without a text, of the vector.
        digests: Digests of text, category and vector together.
        ages: RECENT, OLDER or UNDATED.
        strata: The codes of their strata.
        vectors: Of length 1.
    """

    ids: npt.NDArray[Any]
    categories: npt.NDArray[Any]
    texts: Digests
    digests: Digests
    ages: Numbers
    strata: Numbers
    vectors: Matrix

    def take(self, places: npt.NDArray[Any]) -> Block:
        """Return the records at these places."""
        return Block(*(getattr(self, field.name)[places] for field in fields(self)))

    @classmethod
    def joined(cls, blocks: Sequence[Block]) -> Block:
        """Return all records in one block."""
        return cls(*(np.concatenate([getattr(block, field.name) for block in blocks]) for field in fields(cls)))


class LabelledRecords:
    """The records of a store that have a category and a vector of the usual dimension.

    Attributes:
        left_out: How many records were left out in the last pass, by reason.
        sizes: How many records of each stratum there were in it, by its code, including those that were left out.
    """

    def __init__(
        self, store: RecordStore, source: VectorSource, bounds: WindowBounds, strata: Bounds, seed: int
    ) -> None:
        self.source = source
        self.left_out: Counter[str] = Counter()
        self.sizes = np.zeros(len(STRATA), np.intp)
        self._store = store
        self._strata = strata
        self._bounds = bounds
        self._seed = seed
        self._columns = [ours for ours in ("id", "text", "category", "timestamp") if store.has(ours)]
        self._projection: Matrix | None = None

    def read(self, query: Callable[[Connection], Result]) -> Result:
        """Return what `query` returns, which may call `blocks`."""
        return self._store.file.read(query, self._strata.functions, timed=False)

    def blocks(self, connection: Connection) -> Iterator[Block]:
        """Yield the records in a pass over the store."""
        self.left_out = Counter()
        self.sizes = np.zeros(len(STRATA), np.intp)
        there = [*self._columns, *(ours for ours in self.source.columns if ours not in self._columns)]
        stratum = StrataQueries(connection, self._store, self._strata).code
        for page in self._store.pages(connection, *there, size=BLOCK, also=[stratum]):
            columns = dict(zip((*there, _STRATUM), zip(*page, strict=True), strict=True))
            self.sizes += np.bincount(np.array(columns[_STRATUM], np.intp), minlength=len(STRATA))
            block = self._block(columns)
            if len(block.ids):
                yield block

    def texts(self, connection: Connection, blocks: int) -> Iterator[list[str]]:
        """Yield the texts of the first blocks of records."""
        for page in islice(self._store.pages(connection, "text", size=BLOCK), blocks):
            yield [self._text(value) for (value,) in page]

    def remarks(self) -> list[str]:
        """Return which records were left out in the last pass."""
        return [f"{count(number, 'record')} {why}" for why, number in sorted(self.left_out.items())]

    def _block(self, columns: Mapping[str, Sequence[Any]]) -> Block:
        categories = [self._category(value) for value in columns["category"]]
        texts = [self._text(value) for value in columns["text"]]
        labelled = [
            place for place, key in enumerate(columns["id"]) if key is not None and categories[place] is not None
        ]
        places, vectors, others = self.source.read(columns, texts, labelled)
        self.left_out["without a category"] += len(texts) - len(labelled)
        self.left_out += others
        self.left_out = +self.left_out
        kept = places.tolist()
        # The same record has the same digest in any block; products of matrices may round it otherwise.
        found = [
            (texts[place], categories[place] or "", vector.tobytes())
            for place, vector in zip(kept, vectors, strict=True)
        ]
        # Squares of extreme numbers would overflow, or vanish.
        largest = np.max(np.abs(vectors), axis=1, keepdims=True, initial=0)
        vectors = np.asarray(vectors / largest, dtype=np.float32)
        if vectors.shape[1] > MOST_DIMENSIONS:
            vectors = vectors @ self._directions(vectors.shape[1])
        vectors = unit(vectors)
        times = columns.get("timestamp")
        ids = np.empty(len(kept), dtype=object)
        ids[:] = [record_id(columns["id"][place]) for place in kept]
        named = np.empty(len(kept), dtype=object)
        named[:] = [category for _, category, _ in found]
        return Block(
            ids,
            named,
            digests_of(_same_text(text) or vector for text, _, vector in found),
            digests_of(b"\0".join((_encoded(text), _encoded(category), vector)) for text, category, vector in found),
            np.array([UNDATED if times is None else self._age(times[place]) for place in kept], np.int8),
            np.array([columns[_STRATUM][place] for place in kept], np.int8),
            vectors,
        )

    def _age(self, timestamp: object) -> int:
        moment = self._bounds.timestamps.read(timestamp, self._bounds.naive)
        if moment is None or moment >= self._bounds.until:
            return UNDATED
        return RECENT if moment >= self._bounds.recent_from else OLDER

    def _text(self, stored: object) -> str:
        return _shortened(stored if isinstance(stored, str) else as_text(self._store.read_value("text", stored)))

    def _category(self, stored: object) -> str | None:
        value = stored if isinstance(stored, str) else self._store.read_value("category", stored)
        return None if value is None or isinstance(value, Damaged) or not as_text(value).strip() else as_text(value)

    def _directions(self, dimension: int) -> Matrix:
        if self._projection is None:
            drawn = np.random.default_rng(self._seed % 2**32).standard_normal((dimension, _PROJECTED))
            self._projection = drawn.astype(np.float32)
        return self._projection


def _shortened(text: str) -> str:
    """Return a text that is not too long to be split into words; of a longer one the beginning, and a digest of all."""
    if len(text) <= _LONGEST_TEXT:
        return text
    digest = blake2b()
    for start in range(0, len(text), _LONGEST_TEXT):
        digest.update(_encoded(text[start : start + _LONGEST_TEXT]))
    return f"{text[:_LONGEST_TEXT]} {digest.hexdigest()}"


def _same_text(text: str) -> bytes:
    """Return what copies of a text have in common, whatever their spaces and case."""
    return _encoded(" ".join(text.casefold().split()))


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def digests_of(contents: Iterable[bytes]) -> Digests:
    """Return a digest of each content."""
    return np.frombuffer(b"".join(blake2b(content, digest_size=_DIGEST).digest() for content in contents), np.uint64)
