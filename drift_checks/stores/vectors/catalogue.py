"""The collections of a Chroma directory, in all of its tenants and databases, read without chromadb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, column, inspect, select, table

from drift_checks.core.addresses import Location
from drift_checks.core.errors import StoreError, nearest
from drift_checks.settings.declarations import CHROMA_DATABASE

DATABASE = CHROMA_DATABASE
# A shared server may have thousands.
_MOST_NAMED = 20
DEFAULT_TENANT, DEFAULT_DATABASE = "default_tenant", "default_database"


class CollectionName(NamedTuple):
    """The name of a collection; a tenant or database of None stands for any."""

    name: str
    tenant: str | None = None
    database: str | None = None

    @classmethod
    def of(cls, name: CollectionName | str) -> CollectionName:
        """Return the name itself, or a name anywhere in the directory."""
        return cls(name) if isinstance(name, str) else name


class FoundCollection(NamedTuple):
    """A collection in a Chroma directory."""

    id: str
    name: str
    tenant: str = DEFAULT_TENANT
    database: str = DEFAULT_DATABASE

    @property
    def place(self) -> str:
        """The tenant and the database."""
        return f"tenant {self.tenant}, database {self.database}"

    def __str__(self) -> str:
        """Return the name, with its place unless that is Chroma's default."""
        return self.name if self[2:] == (DEFAULT_TENANT, DEFAULT_DATABASE) else f"{self.name} in {self.place}"


def list_collections(connection: Connection) -> list[FoundCollection]:
    """Return all collections; the connection is to the directory's SQLite file."""
    collections = table("collections", column("id"), column("name"), column("database_id"))
    names = [collections.c.id, collections.c.name]
    if not inspect(connection).has_table("databases"):
        # A format older than chromadb 0.4.15.
        return [FoundCollection(key, name) for key, name in connection.execute(select(*names))]
    databases = table("databases", column("id"), column("name"), column("tenant_id"))
    joined = collections.join(databases, collections.c.database_id == databases.c.id)
    query = select(*names, databases.c.tenant_id, databases.c.name).select_from(joined)
    return sorted((FoundCollection(*map(str, row)) for row in connection.execute(query)), key=lambda found: found[1:])


def choose_collection(place: Location, wanted: CollectionName, there: Sequence[FoundCollection]) -> FoundCollection:
    """Return the collection with this name; raise StoreError if there is none, or several."""
    named = [found for found in there if found.name == wanted.name]
    chosen = [
        found for found in named if wanted.tenant in (None, found.tenant) and wanted.database in (None, found.database)
    ]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        raise StoreError(
            place,
            f"has {len(chosen)} collections {wanted.name!r} ({'; '.join(found.place for found in chosen)})",
            "choose one with --drift-chroma-tenant=NAME and --drift-chroma-database=NAME",
        )
    if named:
        raise StoreError(
            place,
            f"has the collection {wanted.name!r} only in {'; '.join(found.place for found in named)}",
            "change --drift-chroma-tenant and --drift-chroma-database, or leave them out",
        )
    listed = sorted(str(found) for found in there)
    if len(listed) > _MOST_NAMED:
        listed[_MOST_NAMED:] = [f"{len(listed) - _MOST_NAMED:,} more"]
    raise StoreError(
        place,
        f"has no collection {wanted.name!r} (it has {', '.join(listed) or 'none'})",
        "name the collection with --drift-collection=NAME, or use none with --drift-chroma=none",
        nearest(wanted.name, [found.name for found in there]),
    )
