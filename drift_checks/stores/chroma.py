"""Vectors, documents and metadata from a Chroma directory: the only module that imports chromadb.

Opening a directory writes to it and migrates it, after which an older chromadb can no longer read it. So a private copy
is opened, which is removed when the collection is closed.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
from sqlalchemy import Select, column, select, table

from drift_checks.core.errors import StoreError, nearest
from drift_checks.stores.snapshot import Snapshot
from drift_checks.stores.sqlite import SqliteFile, files_of

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

Vector = npt.NDArray[np.float32]
Result = TypeVar("Result")

DATABASE = "chroma.sqlite3"
SEGMENT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The header of an hnswlib index: version, offset, capacity, elements, bytes of an element, and 64 more bytes.
_HEADER = struct.Struct("<i4Q64x")
_IDS_AT_ONCE = 500
_IDS_PER_PAGE = 50_000
_WRITTEN_AT_ONCE = 2000
_REMEDY = "name the Chroma directory with --drift-chroma DIR"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the collection."""

    id: str
    vector: Vector
    document: str | None
    metadata: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry near a vector; `similarity` is 1 for an equal vector and decreases with distance."""

    id: str
    similarity: float
    document: str | None
    metadata: Mapping[str, object]


class VectorCollection:
    """A collection of a Chroma directory, read from a private copy.

    Raises:
        StoreError: It is not a Chroma directory, is damaged, or lacks the collection.
    """

    def __init__(self, directory: Path, name: str, snapshot_dir: Path) -> None:
        refuse_no_chroma(directory)
        self.directory = directory
        self._snapshot = Snapshot(snapshot_dir)
        self._client: ClientAPI | None = None
        try:
            self._snapshot.copy(_files(directory))
            self._client = self._guarded(lambda: _open(self._snapshot.folder))
            self._collection = self._find(name)
            self.count: int = self._guarded(self._collection.count)
            self.dimension, self.space = self._guarded(self._describe)
        except BaseException:
            self.close()
            raise

    def entries(self, ids: Sequence[str]) -> dict[str, Entry]:
        """Return the entries with these ids; unknown ids are skipped."""
        found: dict[str, Entry] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            part = list(dict.fromkeys(ids[start : start + _IDS_AT_ONCE]))
            wanted = partial(self._collection.get, ids=part, include=["embeddings", "documents", "metadatas"])
            got = self._guarded(wanted)
            for key, vector, document, metadata in zip(
                got["ids"], got["embeddings"], got["documents"], got["metadatas"], strict=True
            ):
                found[key] = Entry(key, np.asarray(vector, dtype=np.float32), document, metadata or {})
        return found

    def ids(self) -> Iterator[str]:
        """Yield the ids of all entries."""
        offset = 0
        while page := self._guarded(partial(self._collection.get, limit=_IDS_PER_PAGE, offset=offset, include=[]))[
            "ids"
        ]:
            yield from page
            offset += len(page)

    def nearest(self, vectors: Sequence[Vector], number: int) -> list[list[Neighbour]]:
        """Return the `number` nearest entries of each vector, nearest first."""
        if not self.count or not len(vectors):
            return [[] for _ in vectors]
        got = self._guarded(
            lambda: self._collection.query(
                query_embeddings=[vector.tolist() for vector in vectors],
                n_results=min(number, self.count),
                include=["documents", "metadatas", "distances"],
            )
        )
        return [
            [
                Neighbour(key, _similarity(self.space, float(distance)), document, metadata or {})
                for key, distance, document, metadata in zip(*lists, strict=True)
            ]
            for lists in zip(got["ids"], got["distances"], got["documents"], got["metadatas"], strict=True)
        ]

    def close(self) -> None:
        """Close the collection and remove the copy."""
        if self._client is not None and hasattr(self._client, "close"):
            self._client.close()
        self._client = None
        self._snapshot.close()

    def _find(self, name: str) -> Any:
        assert self._client is not None
        client = self._client
        found = self._guarded(client.list_collections)
        _refuse_missing(self.directory, name, [str(getattr(item, "name", item)) for item in found])
        return self._guarded(lambda: client.get_collection(name, embedding_function=None))

    def _describe(self) -> tuple[int | None, str]:
        first = self._collection.get(limit=1, include=["embeddings"])["embeddings"]
        space = (self._collection.metadata or {}).get("hnsw:space")
        if space is None:
            space = ((self._collection.configuration_json or {}).get("hnsw") or {}).get("space", "l2")
        return (len(first[0]) if len(first) else None), str(space)

    def _guarded(self, call: Callable[[], Result]) -> Result:
        try:
            return call()
        except (KeyboardInterrupt, SystemExit, GeneratorExit, StoreError, MemoryError):
            raise
        except BaseException as error:  # a panic in Chroma's core is not an Exception
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise _damaged(self.directory, reason) from None


def refuse_no_chroma(directory: Path) -> None:
    """Raise StoreError unless the path is a Chroma directory, without importing chromadb."""
    database = directory / DATABASE
    try:
        names = os.listdir(directory)  # noqa: PTH208 - its errors say what is wrong
        if DATABASE not in names:
            problem = f"holds no {DATABASE}, so it is not a Chroma directory" if names else "is empty"
            raise StoreError(directory, problem, _REMEDY)
        with database.open("rb") as file:
            start = file.read(16)
    except FileNotFoundError:
        raise StoreError(directory, "does not exist", _REMEDY) from None
    except NotADirectoryError:
        raise StoreError(directory, "is not a folder", _REMEDY) from None
    except OSError as error:
        raise StoreError(error.filename or directory, f"cannot be read ({error.strerror})") from None
    if start != b"SQLite format 3\x00":
        raise StoreError(database, "is damaged (it is not a SQLite database)", "restore the directory from a backup")


def refuse_no_collection(directory: Path, name: str, snapshot_dir: Path) -> None:
    """Raise StoreError if the directory lacks this collection, without importing chromadb.

    If the format is unknown, chromadb will check it later.
    """
    listed: Select[Any] = select(column("name")).select_from(table("collections"))
    file = SqliteFile(directory / DATABASE, snapshot_dir)
    try:
        names = file.read(lambda connection: list(connection.execute(listed).scalars()))
    except StoreError:
        return
    finally:
        file.close()
    _refuse_missing(directory, name, names)


def create_collection(
    directory: Path,
    name: str,
    *,
    ids: Sequence[str],
    embeddings: Vector,
    documents: Sequence[str],
    metadatas: Sequence[Mapping[str, str | int | float]],
) -> None:
    """Create a Chroma directory with one collection that uses the cosine distance, for the demo and for tests."""
    client = _open(directory)
    collection = client.create_collection(name, metadata={"hnsw:space": "cosine"}, embedding_function=None)
    for start in range(0, len(ids), _WRITTEN_AT_ONCE):
        part = slice(start, start + _WRITTEN_AT_ONCE)
        collection.add(
            ids=list(ids[part]),
            embeddings=embeddings[part],
            documents=list(documents[part]),
            metadatas=[dict(metadata) for metadata in metadatas[part]],
        )
    if hasattr(client, "close"):
        client.close()


def _open(directory: Path) -> ClientAPI:
    # chromadb would read the `.env` of the current folder when it is imported.
    with chdir(directory):
        import chromadb
        from chromadb.config import Settings

    settings = Settings(_env_file=None, anonymized_telemetry=False)  # type: ignore[call-arg]
    return chromadb.PersistentClient(path=str(directory), settings=settings)


def index_files(directory: Path) -> list[Path]:
    """Return the index files of a Chroma directory; raise StoreError if it cannot be read."""
    try:
        folders = [found for found in directory.iterdir() if found.is_dir() and SEGMENT.fullmatch(found.name)]
        return [file for folder in sorted(folders) for file in sorted(folder.iterdir()) if file.is_file()]
    except OSError as error:
        raise StoreError(error.filename or directory, f"cannot be read ({error.strerror})") from None


def _files(directory: Path) -> dict[Path, str]:
    """Return the database and index files, each with its relative path."""
    database = files_of(directory / DATABASE)
    try:
        files = [file for file in database if file.exists()]
    except OSError as error:
        raise StoreError(error.filename or directory, f"cannot be read ({error.strerror})") from None
    files += index_files(directory)
    for header in (file for file in files if file.name == "header.bin"):
        _refuse_cut_short(directory, header)
    return {file: str(file.relative_to(directory)) for file in files}


def _refuse_cut_short(directory: Path, header: Path) -> None:
    """Refuse an index shorter than its header says: Chroma's core would read past its end and crash the process."""
    start = header.read_bytes()[: _HEADER.size]
    if start and len(start) < _HEADER.size:
        raise _damaged(directory, "header.bin of an index is cut short")
    if start:
        *_, elements, element_bytes = _HEADER.unpack(start)
        level = header.with_name("data_level0.bin")
        if level.exists() and level.stat().st_size < elements * element_bytes:
            raise _damaged(directory, f"{level.name} of an index is cut short")


def _refuse_missing(directory: Path, name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise StoreError(
            directory,
            f"has no collection {name!r} (it has {', '.join(sorted(names)) or 'none'})",
            "name the collection with --drift-collection NAME",
            nearest(name, names),
        )


def _damaged(directory: Path, reason: str) -> StoreError:
    return StoreError(
        directory,
        f"Chroma cannot read this directory ({reason}), so it is damaged or was made by an incompatible version",
        "restore it from a backup, or name another one with --drift-chroma DIR",
    )


def _similarity(space: str, distance: float) -> float:
    return max(0.0, 1 - distance) if space in ("cosine", "ip") else 1 / (1 + distance)
