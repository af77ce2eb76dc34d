"""Vectors, documents and metadata from a Chroma directory: the only module that imports chromadb.

Opening a directory writes to it and migrates it, after which an older chromadb can no longer read it. So a private copy
is opened, which is removed when the collection is closed.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from drift_checks.core.errors import StoreError
from drift_checks.core.files import refuse_special
from drift_checks.core.text import printable
from drift_checks.stores.catalogue import (
    DATABASE,
    CollectionName,
    FoundCollection,
    choose_collection,
    list_collections,
)
from drift_checks.stores.damage import LONGEST_REASON, cut_short, damage_in, damaged, files_in
from drift_checks.stores.snapshot import Snapshot
from drift_checks.stores.sqlite import SqliteFile

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

Vector = npt.NDArray[np.float32]
Result = TypeVar("Result")

_IDS_AT_ONCE = 500
# Chroma looks up the results of a search in one statement, and SQLite allows 32,766 variables.
_RESULTS_AT_ONCE = 10_000
_IDS_PER_PAGE = 30_000
_LEAST_SQLITE = (3, 35)
# Chroma writes the files of an index one after the other.
_WRITING_SECONDS = (0.0, 0.5, 2.0)
_WRITTEN_AT_ONCE = 2000
_REMEDY = "name the Chroma directory with --drift-chroma=DIR"


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
        StoreError: It is not a Chroma directory, cannot be read, or lacks the collection.
    """

    def __init__(self, directory: Path, name: CollectionName | str, snapshot_dir: Path) -> None:
        refuse_no_chroma(directory)
        self.directory = directory
        self._snapshot = Snapshot(snapshot_dir)
        self._client: ClientAPI | None = None
        try:
            self._copy()
            wanted = CollectionName.of(name)
            found = _find(directory, self._snapshot.folder / DATABASE, wanted, snapshot_dir)
            self._client = self._guarded(lambda: _open(self._snapshot.folder, found))
            self.name = wanted.name
            self._collection = self._guarded(lambda: self._get(wanted.name))
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
            found.update((entry.id, entry) for entry in self._get_entries(ids=part))
        return found

    def first(self, number: int) -> list[Entry]:
        """Return some entries, at most this number."""
        return self._get_entries(limit=number)

    def ids(self) -> Iterator[str]:
        """Yield the ids of all entries."""
        offset = 0
        while page := self._guarded(partial(self._collection.get, limit=_IDS_PER_PAGE, offset=offset, include=[]))[
            "ids"
        ]:
            yield from page
            offset += len(page)

    def nearest(self, vectors: Sequence[Vector], number: int, without: str | None = None) -> list[list[Neighbour]]:
        """Return the `number` nearest entries of each vector, nearest first.

        With `without`, entries whose document contains this text are left out.
        """
        if not self.count:
            return [[] for _ in vectors]
        number = min(number, self.count, _RESULTS_AT_ONCE)
        at_once = _RESULTS_AT_ONCE // number
        parts = [vectors[start : start + at_once] for start in range(0, len(vectors), at_once)]
        return [found for part in parts for found in self._nearest(part, number, without)]

    def similarity_to_itself(self, vector: Vector) -> float:
        """Return the similarity that a search for this vector finds for an equal one."""
        # Only inner products depend on the length.
        return float(vector @ vector) if self.space == "ip" else 1.0

    def close(self) -> None:
        """Close the collection and remove the copy."""
        if self._client is not None and hasattr(self._client, "close"):
            self._client.close()
        self._client = None
        self._snapshot.close()

    def _get_entries(self, **which: Any) -> list[Entry]:
        wanted = partial(self._collection.get, include=["embeddings", "documents", "metadatas"], **which)
        got = self._guarded(wanted)
        columns = (got["ids"], got["embeddings"], got["documents"], got["metadatas"])
        return [
            Entry(key, np.asarray(vector, dtype=np.float32), document, _metadata(metadata))
            for key, vector, document, metadata in zip(*columns, strict=True)
        ]

    def _nearest(self, vectors: Sequence[Vector], number: int, without: str | None) -> list[list[Neighbour]]:
        which: dict[str, Any] = {} if without is None else {"where_document": {"$not_contains": without}}
        got = self._guarded(
            lambda: self._collection.query(
                query_embeddings=[vector.tolist() for vector in vectors],
                n_results=number,
                include=["documents", "metadatas", "distances"],
                **which,
            )
        )
        return [
            [
                Neighbour(key, _similarity(self.space, float(distance)), document, _metadata(metadata))
                for key, distance, document, metadata in zip(*lists, strict=True)
            ]
            for lists in zip(got["ids"], got["distances"], got["documents"], got["metadatas"], strict=True)
        ]

    def _copy(self) -> None:
        """Copy the directory; an index is called cut short only if it stays so."""
        faults: list[str] = []
        for pause in _WRITING_SECONDS:
            time.sleep(pause)
            self._snapshot.copy(files_in(self.directory))
            headers = self._snapshot.folder.glob("*/header.bin")
            faults = [fault for fault in map(cut_short, headers) if fault]
            if not faults:
                return
        raise damaged(self.directory, faults[0])

    def _get(self, name: str) -> Any:
        assert self._client is not None
        # The application's embedding function may need its libraries and a key.
        return self._client.get_collection(name, embedding_function=None)

    def _describe(self) -> tuple[int | None, str]:
        first = self._collection.get(limit=1, include=["embeddings"])["embeddings"]
        space = (self._collection.metadata or {}).get("hnsw:space")
        if space is None:
            space = ((self._collection.configuration_json or {}).get("hnsw") or {}).get("space", "l2")
        return (len(first[0]) if len(first) else None), str(space)

    def _guarded(self, call: Callable[[], Result]) -> Result:
        try:
            return call()
        except (KeyboardInterrupt, SystemExit, GeneratorExit, StoreError):
            raise
        except MemoryError:
            raise StoreError(
                self.directory, "there is not enough memory to read it", "run the review where there is more"
            ) from None
        except BaseException as error:  # a panic in Chroma's core is not an Exception
            raise self._explained(printable(error, LONGEST_REASON) or type(error).__name__) from None

    def _explained(self, reason: str) -> StoreError:
        """Return the error for what Chroma could not do, after SQLite has checked the copy."""
        if found := damage_in(self._snapshot.folder / DATABASE):
            return damaged(self.directory, f"{reason}; PRAGMA quick_check of {DATABASE}: {found}")
        return StoreError(
            self.directory,
            f"Chroma cannot read this directory ({reason}); SQLite's PRAGMA quick_check finds no damage in {DATABASE},"
            " so its index or its version may be the cause",
            "install the application's version here (pip install 'chromadb==VERSION'); if the application cannot read"
            " it either, rebuild the collection",
        )


def refuse_no_chroma(directory: Path) -> None:
    """Raise StoreError unless the path is a Chroma directory, without importing chromadb."""
    database = directory / DATABASE
    try:
        names = os.listdir(directory)  # noqa: PTH208 - its errors say what is wrong
        if DATABASE not in names:
            problem = f"holds no {DATABASE}, so it is not a Chroma directory" if names else "is empty"
            raise StoreError(directory, problem, _REMEDY)
        refuse_special(database)
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


def refuse_no_collection(directory: Path, name: CollectionName | str, snapshot_dir: Path) -> FoundCollection | None:
    """Raise StoreError unless the directory has one collection with this name, without importing chromadb.

    Returns:
        The collection, or None if the format is unknown: chromadb will look for it later.
    """
    return _find(directory, directory / DATABASE, CollectionName.of(name), snapshot_dir)


def _find(directory: Path, database: Path, wanted: CollectionName, snapshot_dir: Path) -> FoundCollection | None:
    try:
        with closing(SqliteFile(database, snapshot_dir)) as file:
            there = file.read(list_collections)
    except StoreError:
        return None
    return choose_collection(directory, wanted, there)


def create_collection(
    directory: Path,
    name: str,
    *,
    ids: Sequence[str],
    embeddings: Vector,
    documents: Sequence[str] | None,
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
            documents=None if documents is None else list(documents[part]),
            metadatas=[dict(metadata) for metadata in metadatas[part]],
        )
    if hasattr(client, "close"):
        client.close()


def _open(directory: Path, found: FoundCollection | None = None) -> ClientAPI:
    # chromadb would read the `.env` of the current folder when it is imported.
    try:
        with chdir(directory):
            import chromadb
            from chromadb.config import Settings
    except Exception as error:
        raise _not_loaded(error) from None

    settings = Settings(_env_file=None, anonymized_telemetry=False)  # type: ignore[call-arg]
    where = {} if found is None else {"tenant": found.tenant, "database": found.database}
    return chromadb.PersistentClient(path=str(directory), settings=settings, **where)


def _not_loaded(error: Exception) -> StoreError:
    if sqlite3.sqlite_version_info < _LEAST_SQLITE:
        return StoreError(
            "chromadb",
            f"needs SQLite 3.35 or newer, and the Python that runs this ({sys.executable}) has"
            f" {sqlite3.sqlite_version}; the store is not at fault",
            "use a newer Python, or put pysqlite3-binary in place of sqlite3, as"
            " https://docs.trychroma.com/docs/overview/troubleshooting explains",
        )
    reason = printable(error, LONGEST_REASON) or type(error).__name__
    return StoreError("chromadb", f"cannot be loaded ({reason}); the store is not at fault", "install it again")


def _metadata(stored: Mapping[str, object] | None) -> Mapping[str, object]:
    """Return an entry's metadata; a list of one value stands for the value."""
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in (stored or {}).items()
    }


def _similarity(space: str, distance: float) -> float:
    return max(0.0, 1 - distance) if space in ("cosine", "ip") else 1 / (1 + distance)
