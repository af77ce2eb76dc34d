"""A Chroma directory, looked at without chromadb, which would write to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection

from drift_checks.core.errors import StoreError
from drift_checks.core.text import readable_size
from drift_checks.operations.doctor.finding import NotChecked
from drift_checks.stores.chroma import DATABASE, refuse_no_chroma, refuse_no_collection
from drift_checks.stores.sqlite import SqliteFile

Result = TypeVar("Result")
# Counting them is a pass over an index, which takes a second or two.
_QUICKLY_COUNTED = 4_000_000_000
_COUNT = """
    SELECT count(*) FROM embeddings WHERE segment_id IN (
        SELECT segments.id FROM segments JOIN collections ON segments.collection = collections.id
        WHERE segments.scope = 'METADATA' AND collections.name = ?)
"""
_STEPS = "SELECT dir, max(version) FROM migrations GROUP BY dir"


class ChromaDirectory:
    """A Chroma directory and a collection in it, opened by the first check.

    Args:
        directory: Where it is.
        collection: Its name.
        snapshots: Where a private copy of the database is made, if one is needed.
    """

    def __init__(self, directory: Path, collection: str, snapshots: Path) -> None:
        self.directory = directory
        self.collection = collection
        self._snapshots = snapshots
        self.is_open = False

    def open(self) -> None:
        """Look whether directory and collection are there.

        Raises:
            StoreError: One is not.
        """
        refuse_no_chroma(self.directory)
        refuse_no_collection(self.directory, self.collection, self._snapshots)
        self.is_open = True

    def counted(self) -> int:
        """Return how many entries the collection has.

        Raises:
            NotChecked: It cannot be told, or not quickly.
        """
        self._refuse_unopened()
        size = (self.directory / DATABASE).stat().st_size
        if size > _QUICKLY_COUNTED:
            raise NotChecked(f"not counted: {readable_size(size)} take their time")
        try:
            return self._read(
                lambda connection: int(connection.exec_driver_sql(_COUNT, (self.collection,)).scalar_one())
            )
        except StoreError:
            raise NotChecked("not known: this kind of Chroma keeps its entries elsewhere") from None

    def steps(self) -> dict[str, int]:
        """Return how far each part of the format has come.

        Raises:
            NotChecked: It cannot be told.
        """
        self._refuse_unopened()
        try:
            return self._read(steps_of)
        except StoreError:
            raise NotChecked("not known: this kind of Chroma does not tell its format") from None

    def _refuse_unopened(self) -> None:
        if not self.is_open:
            raise NotChecked("not known: the vectors cannot be read")

    def _read(self, query: Callable[[Connection], Result]) -> Result:
        file = SqliteFile(self.directory / DATABASE, self._snapshots)
        try:
            return file.read(query)
        finally:
            file.close()


def steps_of(connection: Connection) -> dict[str, int]:
    """Return how far each part of a Chroma database's format has come."""
    return {str(part): int(number) for part, number in connection.exec_driver_sql(_STEPS).all()}
