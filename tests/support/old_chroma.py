"""A Chroma directory that chromadb 0.5.23 wrote, and a look at it that does not open it.

`tests/data/chroma-0.5.23.tar.xz` holds the collection `old` with 60 entries, made with Python 3.11 by::

    client = chromadb.PersistentClient("old")
    metadata = {"hnsw:space": "cosine", "hnsw:batch_size": 20, "hnsw:sync_threshold": 50}
    collection = client.create_collection("old", metadata=metadata, embedding_function=None)
    for start in (0, 20, 40):
        numbers = range(start, start + 20)
        collection.add(
            ids=[f"id-{n}" for n in numbers],
            embeddings=[[n % 7 + 1.0, n % 11, 1.0] for n in numbers],
            documents=[f"text {n}" for n in numbers],
            metadatas=[{"category": str(n % 3)} for n in numbers],
        )

Chroma never goes back to an older format, and its older client refuses the newer one: as long as the SQLite file holds
the same rows, among them those of the table `migrations`, that client reads it.
"""

from __future__ import annotations

import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

COUNT = 60
_ARCHIVE = Path(__file__).parents[1] / "data" / "chroma-0.5.23.tar.xz"


def unpack_old_directory(directory: Path) -> None:
    """Put the old directory there."""
    with tarfile.open(_ARCHIVE) as archive:
        archive.extractall(directory, filter="data")


def sqlite_rows(directory: Path) -> list[str]:
    """Return all that the directory's SQLite file holds, as statements, without changing a byte."""
    file = directory / "chroma.sqlite3"
    with closing(sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)) as connection:
        return list(connection.iterdump())
