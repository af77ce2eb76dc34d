"""The category in Chroma's metadata of the records whose category is to be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drift_checks.core.addresses import ServerURL
from drift_checks.core.records import Record, Stratum
from drift_checks.operations.repair.choosing import Change
from drift_checks.reviews.preparation import Preparation
from drift_checks.settings.pairs import METADATA_CATEGORY
from drift_checks.stores.engines.snapshot import default_folder
from drift_checks.stores.vectors.catalogue import DEFAULT_DATABASE, DEFAULT_TENANT, CollectionName, FoundCollection
from drift_checks.stores.vectors.chroma import refuse_no_collection
from drift_checks.stores.vectors.opening import VectorPlace

SCRIPT = "repair_chroma.py"
_SOURCE = Path(__file__).with_name("repair_chroma.txt")


@dataclass(frozen=True)
class ChromaChanges:
    """What the script changes: for each id of an entry, the value under `key` as it is and as it will be."""

    directory: str | None
    url: str | None
    tenant: str
    database: str
    collection: str
    key: str
    entries: Mapping[str, tuple[str, str]]


def chroma_changes(preparation: Preparation, changes: Sequence[Change]) -> ChromaChanges | None:
    """Return the changes of metadata; None without Chroma, or if no entry holds a category that must change.

    Raises:
        StoreError: The collection cannot be read.
    """
    store, collection, link = preparation.store, preparation.vectors, preparation.link
    if collection is None or link is None:
        return None
    columns = [ours for ours in ("id", "text", "category", "chroma_id") if store.has(ours)]
    rows = store.read(partial(store.rows, ids=[item.record_id for item in changes], only=columns))
    keys = {
        item.record_id: link.key_of(Record(item.record_id, Stratum.BASELINE, rows[item.record_id]))
        for item in changes
        if item.record_id in rows
    }
    found = collection.entries([key for key in keys.values() if key is not None])
    settings = preparation.settings
    label = dict(settings.columns).get(METADATA_CATEGORY, "category")
    entries = {}
    for item in changes:
        key = keys.get(item.record_id)
        value = found[key].metadata.get(label) if key in found else None
        if key is not None and isinstance(value, str) and value != item.new:
            entries[key] = (value, item.new)
    if not entries:
        return None
    there = _place_of(preparation)
    is_server = isinstance(settings.chroma, ServerURL)
    return ChromaChanges(
        directory=None if is_server else str(settings.chroma),
        url=str(settings.chroma) if is_server else None,
        tenant=there.tenant,
        database=there.database,
        collection=there.name,
        key=label,
        entries=entries,
    )


def script() -> str:
    """Return the script, which reads its changes from plan.json beside it."""
    return _SOURCE.read_text(encoding="utf-8")


def _place_of(preparation: Preparation) -> FoundCollection:
    settings, snapshots = preparation.settings, preparation.settings.snapshot_dir or default_folder()
    name = CollectionName(settings.collection, settings.chroma_tenant, settings.chroma_database)
    place = VectorPlace.of(settings, snapshots)
    assert place is not None
    if isinstance(place.location, ServerURL):
        with place.open_server() as server:
            return server.find(name)
    found = refuse_no_collection(place.location, name, snapshots)
    return found or FoundCollection("", name.name, name.tenant or DEFAULT_TENANT, name.database or DEFAULT_DATABASE)
