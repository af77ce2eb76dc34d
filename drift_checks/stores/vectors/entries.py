"""The entries of a Chroma collection without their vectors, read from its SQLite file without chromadb."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from drift_checks.stores.engines.sqlite import SqliteFile
from drift_checks.stores.vectors.base import Entry
from drift_checks.stores.vectors.catalogue import DATABASE, CollectionName, choose_collection, list_collections

_AT_ONCE = 500
_DOCUMENT = "chroma:document"
_NO_VECTOR = np.empty(0, dtype=np.float32)
_SEGMENTS = sa.table("segments", sa.column("id"), sa.column("collection"))
_ENTRIES = sa.table("embeddings", sa.column("id"), sa.column("segment_id"), sa.column("embedding_id"))
_METADATA = sa.table(
    "embedding_metadata", sa.column("id"), sa.column("key"), sa.column("string_value"), sa.column("int_value")
)


class StoredEntries:
    """The ids, documents and metadata of a collection.

    Raises:
        StoreError: The directory cannot be read, or lacks the collection.
    """

    def __init__(self, directory: Path, name: CollectionName | str, snapshot_dir: Path) -> None:
        self.place = directory
        self.name = CollectionName.of(name).name
        self._file = SqliteFile(directory / DATABASE, snapshot_dir)
        try:
            there = self._file.read(list_collections)
            found = choose_collection(directory, CollectionName.of(name), there)
            self._is_ours = _ENTRIES.c.segment_id.in_(
                sa.select(_SEGMENTS.c.id).where(_SEGMENTS.c.collection == found.id)
            )
            counted = sa.select(sa.func.count()).select_from(_ENTRIES).where(self._is_ours)
            self.count = int(self._file.read(lambda connection: connection.execute(counted).scalar_one()))
        except BaseException:
            self.close()
            raise

    def entries(self, ids: Sequence[str]) -> dict[str, Entry]:
        """Return the entries with these ids; unknown ids are skipped."""
        parts = (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
        return {
            entry.id: entry
            for part in parts
            for entry in self._read(sa.select(_ENTRIES).where(_ENTRIES.c.embedding_id.in_(part)))
        }

    def first(self, number: int) -> list[Entry]:
        """Return some entries, at most this number."""
        return self._read(sa.select(_ENTRIES).order_by(_ENTRIES.c.id).limit(number))

    def spread(self, number: int) -> list[Entry]:
        """Return entries from all over the collection, about this number."""
        step = max(1, self.count // number)
        return self._read(sa.select(_ENTRIES).where(_ENTRIES.c.id % step == 0).order_by(_ENTRIES.c.id).limit(number))

    def ids(self) -> Iterable[str]:
        """Return the ids of all entries."""
        query = sa.select(_ENTRIES.c.embedding_id).where(self._is_ours)
        return self._file.read(lambda connection: list(connection.execute(query).scalars()))

    def close(self) -> None:
        """Remove the private copy, if one was made."""
        self._file.close()

    def _read(self, query: sa.Select[tuple[object, ...]]) -> list[Entry]:
        def read(connection: sa.Connection) -> list[Entry]:
            names = {row.id: row.embedding_id for row in connection.execute(query.where(self._is_ours))}
            values: dict[int, dict[str, object]] = {number: {} for number in names}
            for row in connection.execute(sa.select(_METADATA).where(_METADATA.c.id.in_(names))):
                values[row.id][row.key] = row.int_value if row.string_value is None else row.string_value
            return [_entry(name, values[number]) for number, name in names.items()]

        return self._file.read(read)


def _entry(name: str, values: dict[str, object]) -> Entry:
    document = values.pop(_DOCUMENT, None)
    return Entry(name, _NO_VECTOR, None if document is None else str(document), values)
