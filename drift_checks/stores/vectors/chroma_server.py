"""A collection on a Chroma server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import DriftError, StoreChanged, StoreError
from drift_checks.core.text import printable
from drift_checks.stores.vectors.base import Entry, Result, VectorCollection
from drift_checks.stores.vectors.catalogue import (
    DEFAULT_DATABASE,
    DEFAULT_TENANT,
    CollectionName,
    FoundCollection,
    choose_collection,
)
from drift_checks.stores.vectors.chroma_http import (
    NAME_A_SERVER,
    Credentials,
    NoChroma,
    NotThere,
    Refused,
    Requests,
    is_cloud,
)

# A shared server may have thousands.
_MOST_DATABASES = 50
_LISTED_AT_ONCE = 100
_MOST_LISTED = 1000
_PARTS_OF_SPREAD = 10
_LONGEST_REASON = 200
# Chroma Cloud searches for no longer text.
_LONGEST_SEARCHED = 256
# In a tenant or database, it stands for any.
_ANY = "*"


class Greeting(NamedTuple):
    """What a server says of itself and of the user whom it takes this client for."""

    version: str
    tenant: str
    databases: tuple[str, ...]


class ChromaServer:
    """A Chroma server.

    Raises:
        StoreError: It is not reached, refuses the credentials, or is no Chroma server of a version that can be read.
    """

    def __init__(self, url: ServerURL, query_seconds: float, environment: Mapping[str, str] = os.environ) -> None:
        self.url = url
        self.requests = Requests(url, Credentials.find(url, environment), query_seconds)
        try:
            self.greeting = self._greet()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def readable(self) -> Iterator[None]:
        """Raise StoreError if an answer is not as it is expected."""
        try:
            yield
        except (DriftError, MemoryError):
            raise
        except Exception as error:
            reason = printable(error, _LONGEST_REASON) or type(error).__name__
            raise StoreError(
                self.url,
                f"the answers of the server, Chroma {printable(self.greeting.version, 40)}, cannot be read"
                f" ({type(error).__name__}: {reason})",
                "update Drift Checks or the server, whichever is older",
            ) from None

    def find(self, wanted: CollectionName) -> FoundCollection:
        """Return the collection with this name in any database that the server shows.

        Raises:
            StoreError: There is none, there are several, or it is empty.
        """
        with self.readable():
            found = self._find(wanted)
        if not self.count(found):
            # It may be about to be filled again, so that its records only seem to lack vectors.
            problem, remedy = (
                f"collection {printable(found)} is empty",
                "fill it, or name another with --drift-collection",
            )
            raise StoreError(self.url, problem, remedy)
        return found

    def _find(self, wanted: CollectionName) -> FoundCollection:
        tenant = wanted.tenant or self.greeting.tenant
        databases = [wanted.database] if wanted.database else self._databases(tenant)
        if len(databases) > _MOST_DATABASES:
            problem = f"has {len(databases):,} databases in the tenant {printable(tenant)}, too many to search"
            raise StoreError(self.url, problem, "name the collection's with --drift-chroma-database=NAME")
        there, refused = [], None
        for database in databases:
            try:
                found = self._found(tenant, database, wanted.name)
            except Refused as error:
                # A user may list databases without the right to read them.
                refused = error
            else:
                there += [found] if found is not None else []
        if not there and refused is not None:
            raise refused
        if not there:
            there = [found for database in databases for found in self._listed(tenant, database)]
        return choose_collection(self.url, wanted, there)

    def collections(self, tenant: str | None, database: str | None) -> tuple[str, ...]:
        """Return the names of collections in the databases that the server shows, or in this one."""
        tenant = tenant or self.greeting.tenant
        with self.readable():
            databases = [database] if database else self._databases(tenant)[:_MOST_DATABASES]
            names = [found.name for name in databases for found in self._listed(tenant, name)]
        return tuple(dict.fromkeys(names))

    def count(self, found: FoundCollection) -> int:
        """Return the number of entries of a collection."""
        with self.readable():
            return int(self.requests.get(f"{_path(found.tenant, found.database)}/{quote(found.id, safe='')}/count"))

    def close(self) -> None:
        """Close the connections."""
        self.requests.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _greet(self) -> Greeting:
        try:
            if "nanosecond heartbeat" not in self.requests.get("/heartbeat"):
                raise NoChroma(self.url, "does not answer as a Chroma server", NAME_A_SERVER)
        except (NoChroma, NotThere, TypeError) as error:
            raise self._old_version() or error from None
        try:
            identity = self.requests.get("/auth/identity")
            tenant = str(identity.get("tenant") or _ANY)
            found = tuple(str(name) for name in identity.get("databases") or () if name != _ANY)
            running = str(self.requests.get("/version"))
        except (NoChroma, NotThere, AttributeError, TypeError):
            return Greeting("of unknown version", DEFAULT_TENANT, ())
        return Greeting(running, DEFAULT_TENANT if tenant == _ANY else tenant, found)

    def _old_version(self) -> StoreError | None:
        """Return the error for a server that is too old, None if it is no Chroma server."""
        try:
            found = self.requests.request("GET", f"{self.requests.base}/api/v1/version").json()
        except StoreError:
            return None
        if not isinstance(found, str):
            return None
        return StoreError(
            self.url,
            f"is a Chroma server {printable(found, 40)}, which is too old to be read",
            "have the server updated to Chroma 1.0 or newer, or copy its folder here and name that with"
            " --drift-chroma=DIR",
        )

    def _databases(self, tenant: str) -> list[str]:
        try:
            found = list(self._pages(f"/tenants/{quote(tenant, safe='')}/databases"))
        except (NotThere, Refused):
            # A user may read some of them without the right to list all.
            found = [{"name": name} for name in self.greeting.databases]
        return [str(item["name"]) for item in found] or [DEFAULT_DATABASE]

    def _found(self, tenant: str, database: str, name: str) -> FoundCollection | None:
        try:
            item = self.requests.get(f"{_path(tenant, database)}/{quote(name, safe='')}")
            return FoundCollection(str(item["id"]), str(item["name"]), tenant, database)
        except NotThere:
            return None

    def _listed(self, tenant: str, database: str) -> Iterator[FoundCollection]:
        try:
            for item in self._pages(_path(tenant, database)):
                yield FoundCollection(str(item["id"]), str(item["name"]), tenant, database)
        except NotThere:
            return

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        for offset in range(0, _MOST_LISTED, _LISTED_AT_ONCE):
            page = self.requests.get(path, limit=_LISTED_AT_ONCE, offset=offset)
            yield from page
            if len(page) < _LISTED_AT_ONCE:
                return


class ServerCollection(VectorCollection):
    """A collection on a Chroma server; its requests only read.

    Without `with_vectors`, entries are read without their vectors. Closing it closes the connections to the server.

    Raises:
        StoreError: The server cannot be read, or lacks the collection.
    """

    results_at_once = 3000
    searches_at_once = 100
    entries_at_once = 300

    def __init__(self, server: ChromaServer, name: CollectionName | str, *, with_vectors: bool = True) -> None:
        self.place = self._url = server.url
        self.name = CollectionName.of(name).name
        self._with_vectors = with_vectors
        self._server = server
        self._is_cloud = is_cloud(server.url)
        if self._is_cloud:
            self.results_at_once = self.ids_at_once = 300  # type: ignore[misc]
        try:
            found = server.find(CollectionName.of(name))
            self._collection = self._guarded(lambda: _ReadCollection(server.requests, found))
            self._read_description()
        except BaseException:
            self.close()
            raise

    def spread(self, number: int) -> list[Entry]:
        """Return entries from all over the collection, about this number."""
        at_once = max(1, number // _PARTS_OF_SPREAD)
        offsets = range(0, self.count, max(at_once, self.count // _PARTS_OF_SPREAD))
        parts = (self._get_entries(limit=at_once, offset=offset) for offset in offsets)
        return [entry for part in parts for entry in part][:number]

    def ids(self) -> Iterator[str]:
        """Yield the ids of all entries; raise StoreChanged if some may be missing, since others were deleted."""
        last, offset = None, 0
        while page := self._page_of_ids(offset):
            if last is not None and page[0] != last:
                problem = f"entries of collection {printable(self.name)} were deleted while their ids were read"
                raise StoreChanged(self._url, problem, "start the review again")
            yield from page if last is None else page[1:]
            if len(page) == 1 and last is not None:
                return
            last, offset = page[-1], offset + len(page) - 1

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def _get_entries(self, *, with_vectors: bool = True, **which: Any) -> list[Entry]:
        return super()._get_entries(with_vectors=with_vectors and self._with_vectors, **which)

    def _nearest(self, vectors: Any, number: int, without: str | None) -> Any:
        if self._is_cloud and without is not None and len(without.encode()) > _LONGEST_SEARCHED:
            without = None
        return super()._nearest(vectors, number, without)

    def _guarded(self, call: Callable[[], Result]) -> Result:
        try:
            with self._server.readable():
                return call()
        except NotThere:
            problem = f"collection {printable(self.name)} was deleted or replaced while it was read"
            raise StoreChanged(self._url, problem, "start the review again") from None


class _ReadCollection:
    """The requests that read a collection, as methods of chromadb's own class."""

    def __init__(self, requests: Requests, found: FoundCollection) -> None:
        self._requests = requests
        collections = _path(found.tenant, found.database)
        described = requests.get(f"{collections}/{quote(found.name, safe='')}")
        self._path = f"{collections}/{quote(str(described['id']), safe='')}"
        self.metadata: Mapping[str, Any] | None = described.get("metadata")
        self.configuration_json: Mapping[str, Any] | None = described.get("configuration_json")

    def count(self) -> int:
        return int(self._requests.get(f"{self._path}/count"))

    def get(self, **which: Any) -> Any:
        return self._requests.post(f"{self._path}/get", **which)

    def query(self, **which: Any) -> Any:
        return self._requests.post(f"{self._path}/query", **which)


def _path(tenant: str, database: str) -> str:
    return f"/tenants/{quote(tenant, safe='')}/databases/{quote(database, safe='')}/collections"
