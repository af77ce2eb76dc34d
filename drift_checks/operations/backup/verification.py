"""What a copy must pass before it counts as a backup."""

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
from drift_checks.stores.chroma import Vector, VectorCollection, index_files

SAMPLED = 50
# Chroma holds the whole index in memory to tell a single vector.
LARGEST_INDEX = 1024**3


@dataclass(frozen=True)
class Holding:
    """What a copy of a Chroma directory holds: how many entries the collection has, and some of its vectors by id.

    No vectors where the index is too large to be held in memory.
    """

    count: int
    vectors: Mapping[str, Vector] | None


def refuse_damaged(copy: Path, source: Path) -> None:
    """Check all of a SQLite file.

    Args:
        copy: What is checked, which nobody writes to.
        source: What it was copied from, for messages.

    Raises:
        StoreError: It is damaged.
    """
    try:
        with closing(opened(copy)) as connection:
            found = integrity(connection)
    except sqlite3.Error as error:
        found = str(error)
    if found is not None:
        raise StoreError(
            source,
            f"is damaged ({printable(found, 200)}), so no backup was made of it",
            "restore it from an earlier backup",
        )


def integrity(connection: sqlite3.Connection) -> str | None:
    """Return what is wrong with a database, None for nothing."""
    lines = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
    # A full-text index cannot be checked without the right to write; Chroma's is made of what else is there.
    wrong = [line for line in lines if line != "ok" and "attempt to write a readonly database" not in line]
    return "; ".join(wrong) or None


def count_rows(copy: Path, table: str) -> int | None:
    """Return how many rows a table of a copy has; None where there is no such table."""
    name = '"' + table.replace('"', '""') + '"'
    with closing(opened(copy)) as connection:
        try:
            return int(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0])  # noqa: S608 - quoted
        except sqlite3.OperationalError:
            return None


def holding(copy: Path, collection: str, source: Path, snapshot_dir: Path) -> Holding:
    """Open a copy of a Chroma directory, or rather a copy of it, since Chroma writes and may migrate; count and sample.

    Args:
        copy: The copy.
        collection: Whose entries are counted.
        source: What it was copied from, for messages.
        snapshot_dir: Where the throw-away copy is made.

    Raises:
        StoreError: Chroma cannot read it, or not all that it says it holds.
    """
    vectors = None
    try:
        opened_copy = VectorCollection(copy, collection, snapshot_dir)
        try:
            if sum(file.stat().st_size for file in index_files(copy)) <= LARGEST_INDEX:
                vectors = _sample(opened_copy)
            return Holding(opened_copy.count, vectors)
        finally:
            opened_copy.close()
    except StoreError as error:
        raise error.rewritten(lambda phrase: phrase.replace(str(copy), str(source))) from None


def refuse_different(archived: Holding, copied: Holding, archive: Path) -> None:
    """Compare what an unpacked archive holds with what was packed.

    Raises:
        ArchiveError: They differ.
    """
    same = archived.count == copied.count and (archived.vectors is None) == (copied.vectors is None)
    if same and archived.vectors is not None and copied.vectors is not None:
        same = archived.vectors.keys() == copied.vectors.keys() and all(
            np.array_equal(vector, copied.vectors[key]) for key, vector in archived.vectors.items()
        )
    if not same:
        raise ArchiveError(archive, "holds other vectors than were copied, so it is no backup", "look to the disk")


def opened(copy: Path) -> sqlite3.Connection:
    """Return a connection to a SQLite file that nobody writes to, which leaves nothing beside it."""
    return sqlite3.connect(f"file:{quote(str(copy))}?mode=ro&immutable=1", uri=True)


def _sample(collection: VectorCollection) -> dict[str, Vector]:
    """Return vectors from all over the collection."""
    ids = list(islice(collection.ids(), 0, None, max(1, collection.count // SAMPLED)))
    found = collection.entries(ids)
    if found.keys() != set(ids):
        raise StoreError(
            collection.directory,
            f"Chroma lists {len(set(ids) - found.keys())} of {len(ids)} sampled entries without a vector",
            "make the backup again, and if that stays so, restore an earlier one",
        )
    return {key: entry.vector for key, entry in found.items()}
