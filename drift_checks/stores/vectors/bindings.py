"""A collection of a Chroma directory, read by chromadb's extension module without the package chromadb.

The package takes a second to import: its telemetry, its server and its embedding functions are for others.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from drift_checks.stores.vectors.catalogue import DATABASE, DEFAULT_DATABASE, DEFAULT_TENANT, FoundCollection

_PACKAGE, _ERRORS = "chromadb", "chromadb.errors"
# Each open index takes five files.
_FILES_OF_INDEX = 5
_USUAL_FILES = 1024


class BoundCollection:
    """A collection, with the methods of chromadb's own class that are needed to read it.

    Args:
        directory: A directory that may be written to, and migrated.
        name: The name of the collection.
        found: Where it is; in the default tenant and database if that is unknown.

    Raises:
        Exception: The extension module is missing, is another than expected, or cannot read the directory.
        BaseException: Its core panics.
    """

    def __init__(self, directory: Path, name: str, found: FoundCollection | None) -> None:
        import chromadb_rust_bindings as bindings

        self._place = (DEFAULT_TENANT, DEFAULT_DATABASE) if found is None else (found.tenant, found.database)
        with _errors():
            database = bindings.SqliteDBConfig(
                # As chromadb does unless it is configured otherwise.
                hash_type=bindings.MigrationHash.MD5,
                migration_mode=bindings.MigrationMode.Apply,
                url=str(directory / DATABASE),
            )
            self._core = bindings.Bindings(
                allow_reset=False,
                sqlite_db_config=database,
                persist_path=str(directory),
                hnsw_cache_size=_most_files() // _FILES_OF_INDEX,
            )
            described = self._core.get_collection(name, *self._place)
        self._id = str(described.id)
        self.metadata: Mapping[str, Any] | None = described.metadata
        self.configuration_json: Mapping[str, Any] | None = described.configuration

    def count(self) -> int:
        """Return the number of entries."""
        with _errors():
            return int(self._core.count(self._id, *self._place))

    def get(
        self,
        ids: Sequence[str] | None = None,
        limit: int | None = None,
        offset: int = 0,
        include: Sequence[str] = (),
    ) -> Mapping[str, Any]:
        """Return the ids of entries, with what is included."""
        with _errors():
            found = self._core.get(self._id, ids, None, limit, offset, None, list(include), *self._place)
        return {"ids": found.ids} | {kind: getattr(found, kind) for kind in include}

    def query(
        self,
        query_embeddings: Sequence[Sequence[float]],
        n_results: int,
        include: Sequence[str],
        where_document: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Return the ids of the nearest entries of each vector, with what is included."""
        where = None if where_document is None else json.dumps(where_document)
        with _errors():
            found = self._core.query(
                self._id, None, query_embeddings, n_results, None, where, list(include), *self._place
            )
        return {"ids": found.ids} | {kind: getattr(found, kind) for kind in include}


@contextmanager
def _errors() -> Iterator[None]:
    """Let the core raise its errors: it imports the class of one from chromadb, and ends the process if it cannot."""
    if _PACKAGE in sys.modules:
        yield
        return
    sys.modules.update((name, _Unloaded(name)) for name in (_PACKAGE, _ERRORS))
    try:
        yield
    finally:
        _forget_unloaded()


class _Unloaded(ModuleType):
    """Stands for chromadb or its module of errors, and imports both when something in it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _forget_unloaded()
        try:
            # chromadb reads a file .env where it is imported, which may be another program's.
            with chdir(Path(__file__).parent):
                import chromadb.errors  # noqa: F401
            return getattr(sys.modules[self.__name__], name)
        except Exception:
            return RuntimeError


def _forget_unloaded() -> None:
    for name in (_PACKAGE, _ERRORS):
        if isinstance(sys.modules.get(name), _Unloaded):
            del sys.modules[name]


def _most_files() -> int:
    try:
        import resource
    except ImportError:
        return _USUAL_FILES
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
