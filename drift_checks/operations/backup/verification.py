"""The checks that a copy must pass before it counts as a backup."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import numpy as np

from drift_checks.core.errors import ArchiveError, StoreError
from drift_checks.core.text import printable
from drift_checks.stores.vectors.base import Vector, VectorCollection
from drift_checks.stores.vectors.catalogue import CollectionName
from drift_checks.stores.vectors.chroma import DirectoryCollection
from drift_checks.stores.vectors.damage import index_files

SAMPLED = 50
# Chroma loads the whole index into memory to read a single vector.
LARGEST_INDEX = 1024**3


@dataclass(frozen=True)
class VectorSample:
    """The number of entries in a collection, and some vectors by id; None if the index is too large for memory."""

    count: int
    vectors: Mapping[str, Vector] | None


def refuse_damaged(copy: Path, source: Path) -> None:
    """Raise StoreError, about the source, if a copy of it is damaged; nobody writes to the copy."""
    try:
        with closing(open_copy(copy)) as connection:
            found = integrity(connection)
    except sqlite3.Error as error:
        found = str(error)
    if found is not None:
        raise StoreError(
            source,
            f"is damaged ({printable(found, 200)}), so it was not backed up",
            "restore it from an earlier backup",
        )


def integrity(connection: sqlite3.Connection) -> str | None:
    """Return what is wrong with a database, None if nothing is."""
    lines = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
    # A full-text index cannot be checked read-only; Chroma's is derived from the other tables.
    wrong = [line for line in lines if line != "ok" and "attempt to write a readonly database" not in line]
    return "; ".join(wrong) or None


def count_rows(copy: Path, table: str) -> int | None:
    """Return the number of rows in a table of a copy; None if there is no such table."""
    name = '"' + table.replace('"', '""') + '"'
    with closing(open_copy(copy)) as connection:
        try:
            return int(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0])  # noqa: S608 - quoted
        except sqlite3.OperationalError:
            return None


def sample_vectors(copy: Path, collection: CollectionName, source: Path, snapshot_dir: Path) -> VectorSample:
    """Count and sample the vectors in a copy of a Chroma directory, in yet another copy, since Chroma may migrate it.

    Raises:
        StoreError: Chroma cannot read it, or lacks a vector of an entry that it lists; it is about the source.
    """
    vectors = None
    try:
        with closing(DirectoryCollection(copy, collection, snapshot_dir)) as opened:
            if sum(file.stat().st_size for file in index_files(copy)) <= LARGEST_INDEX:
                vectors = _sample(opened)
            return VectorSample(opened.count, vectors)
    except StoreError as error:
        raise error.rewritten(lambda phrase: phrase.replace(str(copy), str(source))) from None


def refuse_different(archived: VectorSample, copied: VectorSample, archive: Path) -> None:
    """Raise ArchiveError if the vectors in an unpacked archive differ from those that were packed."""
    same = archived.count == copied.count and (archived.vectors is None) == (copied.vectors is None)
    if same and archived.vectors is not None and copied.vectors is not None:
        same = archived.vectors.keys() == copied.vectors.keys() and all(
            np.array_equal(vector, copied.vectors[key]) for key, vector in archived.vectors.items()
        )
    if not same:
        raise ArchiveError(archive, "contains other vectors than were copied, so it is not a backup", "check the disk")


def open_copy(copy: Path) -> sqlite3.Connection:
    """Return a connection to a SQLite file that nobody writes to; it leaves nothing beside the file."""
    return sqlite3.connect(f"file:{quote(str(copy))}?mode=ro&immutable=1", uri=True)


def _sample(collection: VectorCollection) -> dict[str, Vector]:
    """Return vectors from all over the collection."""
    ids = list(islice(collection.ids(), 0, None, max(1, collection.count // SAMPLED)))
    found = collection.entries(ids)
    if found.keys() != set(ids):
        raise StoreError(
            collection.place,
            f"Chroma lists {len(set(ids) - found.keys())} of {len(ids)} sampled entries without a vector",
            "make the backup again, and if that persists, restore an earlier one",
        )
    return {key: entry.vector for key, entry in found.items()}
