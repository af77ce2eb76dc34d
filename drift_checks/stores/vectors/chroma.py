"""A collection of a Chroma directory, and how chromadb is called: no other module imports it.

Opening a directory writes to it and migrates it, after which an older chromadb can no longer read it. So a private copy
is opened, which is removed when the collection is closed.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift_checks.core.errors import StoreError
from drift_checks.core.files import refuse_special
from drift_checks.core.text import printable
from drift_checks.stores.engines.snapshot import Snapshot
from drift_checks.stores.engines.sqlite import SqliteFile
from drift_checks.stores.vectors.base import Result, Vector, VectorCollection
from drift_checks.stores.vectors.bindings import BoundCollection
from drift_checks.stores.vectors.catalogue import (
    DATABASE,
    CollectionName,
    FoundCollection,
    choose_collection,
    list_collections,
)
from drift_checks.stores.vectors.damage import LONGEST_REASON, cut_short, damage_in, damaged, files_in

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

_LEAST_SQLITE = (3, 35)
# Chroma writes the files of an index one after the other.
_WRITING_SECONDS = (0.0, 0.5, 2.0)
_WRITTEN_AT_ONCE = 2000
_REMEDY = "name the Chroma directory with --drift-chroma=DIR"


class DirectoryCollection(VectorCollection):
    """A collection of a Chroma directory, read from a private copy.

    Raises:
        StoreError: It is not a Chroma directory, cannot be read, or lacks the collection.
    """

    def __init__(self, directory: Path, name: CollectionName | str, snapshot_dir: Path) -> None:
        refuse_no_chroma(directory)
        self.place = self._directory = directory
        self._snapshot = Snapshot(snapshot_dir)
        self._client: ClientAPI | None = None
        self._collection: Any = None
        try:
            self._copy()
            wanted = CollectionName.of(name)
            self.name = wanted.name
            self._found = _find(directory, self._snapshot.folder / DATABASE, wanted, snapshot_dir)
            self._guarded(self._open)
            self._read_description()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the collection and remove the copy."""
        if self._client is not None and hasattr(self._client, "close"):
            self._client.close()
        self._client = self._collection = None
        self._snapshot.close()

    def _open(self) -> None:
        if self._client is None:
            self._collection = BoundCollection(self._snapshot.folder, self.name, self._found)

    def _answered(self, call: Callable[[], Result]) -> Result:
        """Return what a call returns; if it fails, chromadb's own client is asked from now on, which fits its core."""
        try:
            return call()
        except Exception as error:
            if self._client is not None or isinstance(error, MemoryError):
                raise
        self._collection = None
        self._client = _open(self._snapshot.folder, self._found)
        # The application's embedding function may need its libraries and a key.
        self._collection = self._client.get_collection(self.name, embedding_function=None)
        return call()

    def _copy(self) -> None:
        """Copy the directory; an index is called cut short only if it stays so."""
        faults: list[str] = []
        for pause in _WRITING_SECONDS:
            time.sleep(pause)
            self._snapshot.copy(files_in(self._directory))
            headers = self._snapshot.folder.glob("*/header.bin")
            faults = [fault for fault in map(cut_short, headers) if fault]
            if not faults:
                return
        raise damaged(self._directory, faults[0])

    def _guarded(self, call: Callable[[], Result]) -> Result:
        try:
            return self._answered(call)
        except (KeyboardInterrupt, SystemExit, GeneratorExit, StoreError):
            raise
        except MemoryError:
            raise StoreError(
                self._directory, "there is not enough memory to read it", "run the review where there is more"
            ) from None
        except BaseException as error:  # a panic in Chroma's core is not an Exception
            raise self._explained(printable(error, LONGEST_REASON) or type(error).__name__) from None

    def _explained(self, reason: str) -> StoreError:
        """Return the error for what Chroma could not do, after SQLite has checked the copy."""
        if found := damage_in(self._snapshot.folder / DATABASE):
            return damaged(self._directory, f"{reason}; PRAGMA quick_check of {DATABASE}: {found}")
        return StoreError(
            self._directory,
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
    with _loadable(directory):
        import chromadb
        from chromadb.config import Settings

    settings = Settings(_env_file=None, anonymized_telemetry=False)  # type: ignore[call-arg]
    where = {} if found is None else {"tenant": found.tenant, "database": found.database}
    return chromadb.PersistentClient(path=str(directory), settings=settings, **where)


@contextmanager
def _loadable(folder: Path) -> Iterator[None]:
    """Import chromadb in a folder without a file `.env`, which it would read, and explain why it cannot be imported."""
    try:
        with chdir(folder):
            yield
    except Exception as error:
        raise _not_loaded(error) from None


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
