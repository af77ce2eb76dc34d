"""The reviewer `neighbours` on a worker, which opens the store itself, and has the same vectors as the run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from socket import gethostname
from threading import Lock
from typing import NamedTuple

from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import DriftError, StoreError
from drift_checks.core.records import Record, Review, as_text
from drift_checks.reviews.reviewers.base import Fault
from drift_checks.reviews.reviewers.failures import internal_error
from drift_checks.reviews.reviewers.neighbours import NeighboursReviewer
from drift_checks.reviews.reviewers.threads import in_thread
from drift_checks.reviews.vectors.base import Comparison, VectorSet
from drift_checks.reviews.vectors.choice import same_vectors
from drift_checks.settings.declarations import Settings
from drift_checks.stores.engines.base import RecordFile
from drift_checks.stores.engines.opening import open_records
from drift_checks.stores.engines.snapshot import default_folder
from drift_checks.stores.records import RecordStore
from drift_checks.stores.vectors.base import VectorCollection
from drift_checks.stores.vectors.linking import Link
from drift_checks.stores.vectors.opening import VectorPlace

_CLOSING_SECONDS = 1.0
_TRIED = 20
_SHARE = "share its folder with the workers at the same path"
_SERVER = "or keep the records on a server (--drift-db=postgresql://…, --drift-chroma=http://…)"


class Searched(NamedTuple):
    """What a worker answers about a block of records."""

    reviews: list[Review]
    comparison: Comparison


@dataclass(frozen=True)
class StoreShipment:
    """How a worker opens the store.

    Attributes:
        settings: The settings of the run, as the store completed them.
        basis: What the run compares records by.
        note: Why it does.
        some: Some records of the sample, by which entries of a collection are found.
        credentials: Those for a server of vectors, by the name of their variable.
        is_local: Whether the workers are on this machine and see the same files.
    """

    settings: Settings = field(repr=False)
    basis: str
    note: str
    some: tuple[Record, ...] = field(repr=False)
    credentials: Mapping[str, str] = field(repr=False)
    is_local: bool

    def unpack(self) -> NeighbourService:
        """Return what answers questions on a worker."""
        return NeighbourService(self)


class NeighbourService:
    """Reviews blocks of records, one after the other."""

    def __init__(self, shipment: StoreShipment) -> None:
        self._shipment = shipment
        self._opened: list[RecordFile | VectorCollection] = []
        self._lock = Lock()
        self._is_checked = shipment.is_local
        self._store: RecordStore
        self._vectors: VectorSet

    async def open(self) -> None:
        """Open the store.

        Raises:
            StoreError: This worker cannot read it.
        """
        await in_thread(self._open)

    async def answer(self, question: Sequence[Record]) -> Searched:
        """Return the reviews of the records."""
        return await in_thread(self._review, question)

    def fault(self, error: Exception) -> Fault:
        """Return the error that ends the run, as it would without a cluster."""
        return Fault(error if isinstance(error, DriftError) else internal_error(error))

    async def close(self) -> None:
        """Close the store, as soon as no search is in progress."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await in_thread(self._close)

    def _open(self) -> None:
        settings = self._shipment.settings
        for location in (settings.db, settings.chroma):
            if isinstance(location, ServerURL):
                # This process, too, must know the password that it never shows.
                ServerURL.parse(location.complete)
        try:
            with self._lock:
                self._open_store(settings, settings.snapshot_dir or default_folder())
        except StoreError as error:
            self._close()
            raise self._explained(error) from None
        except BaseException:
            self._close()
            raise

    def _open_store(self, settings: Settings, folder: Path) -> None:
        assert settings.db is not None
        file = open_records(settings.db, folder, settings.query_timeout)
        self._opened.append(file)
        self._store = RecordStore(file, settings.table, dict(settings.columns), settings.where)
        open_collection = partial(self._open_collection, settings, folder)
        self._vectors = same_vectors(self._shipment.basis, settings, self._store, open_collection, self._shipment.note)

    def _open_collection(self, settings: Settings, folder: Path) -> tuple[VectorCollection, Link] | None:
        place = VectorPlace.of(settings, folder, self._shipment.credentials)
        if place is None:
            return None
        collection = place.open()
        self._opened.append(collection)
        return collection, Link(self._store, collection, self._shipment.some)

    def _review(self, records: Sequence[Record]) -> Searched:
        with self._lock:
            if not self._is_checked:
                self._refuse_another_store(records[:_TRIED])
                self._is_checked = True
            reviews = list(NeighboursReviewer(self._vectors).review(records))
            return Searched(reviews, Comparison.of(self._vectors))

    def _refuse_another_store(self, records: Sequence[Record]) -> None:
        """Refuse a store that lacks most of the records: another file at the same path, or another server."""
        ids = [record.id for record in records]
        rows = self._store.read(lambda connection: self._store.rows(connection, ids, ("id", "text")))
        same = sum(record.id in rows and as_text(rows[record.id]["text"]) == record.text for record in records)
        if same <= len(records) / 2:
            problem = f"is another store on the worker {gethostname()}"
            db = self._shipment.settings.db
            remedy = f"{_SHARE}, {_SERVER}" if isinstance(db, Path) else "name its host as all workers know it"
            raise StoreError(db, problem, remedy)

    def _explained(self, error: StoreError) -> StoreError:
        """Return the error with the name of the worker, which may lack the file."""
        if self._shipment.is_local:
            return error
        locations = self._shipment.settings.db, self._shipment.settings.chroma
        is_missing = any(isinstance(one, Path) and str(one) == error.what and not one.exists() for one in locations)
        problem = f"{error.problem} (on the worker {gethostname()})"
        return type(error)(error.what, problem, f"{_SHARE}, {_SERVER}" if is_missing else error.remedy)

    def _close(self) -> None:
        with self._lock:
            while self._opened:
                self._opened.pop().close()
