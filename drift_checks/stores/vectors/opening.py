"""What reads the vectors that the setting `chroma` names: a directory, or a server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drift_checks.core.addresses import Location, ServerURL
from drift_checks.settings.declarations import Settings
from drift_checks.stores.vectors.base import VectorCollection
from drift_checks.stores.vectors.catalogue import CollectionName
from drift_checks.stores.vectors.chroma import DirectoryCollection, refuse_no_chroma, refuse_no_collection
from drift_checks.stores.vectors.chroma_server import ChromaServer, ServerCollection
from drift_checks.stores.vectors.entries import StoredEntries

ReadEntries = StoredEntries | ServerCollection


@dataclass(frozen=True)
class VectorPlace:
    """Where the vectors are.

    Attributes:
        snapshot_dir: Where a directory is copied to.
        query_seconds: The maximum duration of a request to a server.
        environment: The variables with the credentials for a server.
    """

    location: Location
    name: CollectionName
    snapshot_dir: Path
    query_seconds: float
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(
        cls, settings: Settings, snapshot_dir: Path, environment: Mapping[str, str] = os.environ
    ) -> VectorPlace | None:
        """Return the place in the settings, None if they name none."""
        if settings.chroma is None:
            return None
        name = CollectionName(settings.collection, settings.chroma_tenant, settings.chroma_database)
        return cls(settings.chroma, name, snapshot_dir, settings.query_timeout, environment)

    def open(self) -> VectorCollection:
        """Open the collection; raise StoreError if it cannot be read."""
        if isinstance(self.location, ServerURL):
            return ServerCollection(self.open_server(), self.name)
        return DirectoryCollection(self.location, self.name, self.snapshot_dir)

    def open_entries(self) -> ReadEntries:
        """Open the collection to read entries without their vectors; raise StoreError if it cannot be read."""
        if isinstance(self.location, ServerURL):
            return ServerCollection(self.open_server(), self.name, with_vectors=False)
        return StoredEntries(self.location, self.name, self.snapshot_dir)

    def refuse_no_chroma(self) -> None:
        """Raise StoreError unless there is a Chroma directory or server, without importing chromadb."""
        if isinstance(self.location, ServerURL):
            self.open_server().close()
        else:
            refuse_no_chroma(self.location)

    def refuse_no_collection(self) -> None:
        """Raise StoreError unless there is one collection with the name, without importing chromadb.

        In a directory of an unknown format, chromadb will look for it later.
        """
        if isinstance(self.location, ServerURL):
            with self.open_server() as server:
                server.find(self.name)
        else:
            refuse_no_collection(self.location, self.name, self.snapshot_dir)

    def open_server(self) -> ChromaServer:
        """Open the server that holds the vectors; raise StoreError if it cannot be read."""
        assert isinstance(self.location, ServerURL)
        return ChromaServer(self.location, self.query_seconds, self.environment)
