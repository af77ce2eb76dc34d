"""A Chroma directory and its format, or a Chroma server, read without chromadb, which would write to a directory."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from drift_checks.core.errors import StoreError
from drift_checks.core.text import readable_size
from drift_checks.operations.doctor.check import NotChecked
from drift_checks.stores.engines.sqlite import SqliteFile
from drift_checks.stores.vectors.catalogue import DATABASE, CollectionName, FoundCollection
from drift_checks.stores.vectors.chroma import create_collection, refuse_no_chroma, refuse_no_collection
from drift_checks.stores.vectors.opening import VectorPlace

Result = TypeVar("Result")
# The parts of the format, as a sentence names them.
COMPONENTS = {"sysdb": "collections at step", "metadb": "metadata at step", "embeddings_queue": "queue at step"}
# Counting is a pass over an index: a second or two up to this size.
_QUICKLY_COUNTED = 4_000_000_000
_COUNT = """
    SELECT count(*) FROM embeddings WHERE segment_id IN (
        SELECT id FROM segments WHERE scope = 'METADATA' AND collection = ?)
"""
_UNREAD = "unknown: the vectors cannot be read"
_STEPS = "SELECT dir, max(version) FROM migrations GROUP BY dir"


class ServedCollection:
    """A collection on a Chroma server, asked for by the first check."""

    def __init__(self, place: VectorPlace) -> None:
        self._place = place
        self._known: tuple[str, int] | None = None

    def open(self) -> str:
        """Return where the collection is; raise StoreError if the server or the collection is not there."""
        with self._place.open_server() as server:
            found = server.find(self._place.name)
            self._known = server.greeting.version, server.count(found)
        return f"{self._place.location}: {found}"

    def count(self) -> int:
        """Return the number of entries in the collection; raise NotChecked if unknown."""
        return self._opened[1]

    @property
    def version(self) -> str:
        """The version of the server; raises NotChecked if unknown."""
        return self._opened[0]

    @property
    def _opened(self) -> tuple[str, int]:
        if self._known is None:
            raise NotChecked(_UNREAD)
        return self._known


class ChromaDirectory:
    """A Chroma directory and a collection in it, opened by the first check."""

    def __init__(self, directory: Path, collection: CollectionName, snapshots: Path) -> None:
        self.directory = directory
        self.collection = collection
        self._snapshots = snapshots
        self._is_open = False
        self._found: FoundCollection | None = None

    def open(self) -> None:
        """Check that the directory and the collection exist; raise StoreError if one does not."""
        refuse_no_chroma(self.directory)
        self._found = refuse_no_collection(self.directory, self.collection, self._snapshots)
        self._is_open = True

    def count(self) -> int:
        """Return the number of entries in the collection; raise NotChecked if unknown, or slow to count."""
        self._refuse_unopened()
        size = (self.directory / DATABASE).stat().st_size
        if size > _QUICKLY_COUNTED:
            raise NotChecked(f"not counted: reading {readable_size(size)} takes a while")
        otherwise, found = "unknown: this Chroma format keeps its entries elsewhere", self._found
        if found is None:
            raise NotChecked(otherwise)
        return self._read(
            lambda connection: int(connection.exec_driver_sql(_COUNT, (found.id,)).scalar_one()), otherwise
        )

    def steps(self) -> dict[str, int]:
        """Return the version of each part of the format; raise NotChecked if unknown."""
        self._refuse_unopened()
        return self._read(_steps, "unknown: this Chroma directory does not record its format")

    def _refuse_unopened(self) -> None:
        if not self._is_open:
            raise NotChecked(_UNREAD)

    def _read(self, query: Callable[[Connection], Result], otherwise: str) -> Result:
        try:
            with closing(SqliteFile(self.directory / DATABASE, self._snapshots)) as file:
                return file.read(query)
        except StoreError:
            raise NotChecked(otherwise) from None


def installed_steps() -> dict[str, int]:
    """Return the version of each part of the installed chromadb's format, from an empty directory that it creates."""
    import numpy as np

    # Some versions log errors about their own telemetry, which is off.
    logging.getLogger("chromadb").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="drift-doctor-") as temporary:
        folder = Path(temporary)
        vector = np.ones((1, 2), dtype=np.float32)
        create_collection(folder, "format", ids=["1"], embeddings=vector, documents=["-"], metadatas=[{"of": 1}])
        with closing(SqliteFile(folder / DATABASE, folder / "snapshots")) as file:
            return file.read(_steps)


def _steps(connection: Connection) -> dict[str, int]:
    return {str(part): int(number) for part, number in connection.exec_driver_sql(_STEPS).all()}
