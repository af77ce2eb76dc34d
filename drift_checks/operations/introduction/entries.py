"""Which collection of Chroma holds entries of the records, and how they are connected with them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

from drift_checks.core.errors import StoreError
from drift_checks.operations.introduction.place import Vectors
from drift_checks.settings.declarations import Settings
from drift_checks.stores.columns.completion import complete
from drift_checks.stores.columns.detection import Detection, Proposal
from drift_checks.stores.engines.base import RecordFile
from drift_checks.stores.engines.snapshot import default_folder
from drift_checks.stores.records import RecordStore
from drift_checks.stores.vectors.connecting import CHROMA_ID, Connected, connect, find_label
from drift_checks.stores.vectors.opening import VectorPlace


class _Candidate(NamedTuple):
    collection: str
    connected: Connected
    label: Proposal | None = None


def connect_entries(
    file: RecordFile, settings: Settings, found: Detection, vectors: Vectors
) -> tuple[Detection, Vectors]:
    """Return the columns with the one of the entries' ids, and the vectors with the collection of the records.

    Without such a collection, the vectors say why.
    """
    known = complete(settings, found).settings
    is_named = CHROMA_ID in found.given
    names = _names(settings, found, vectors)
    candidates = [_examined(file, known, vectors, name, is_named=is_named) for name in names]
    usable = [candidate for candidate in candidates if not candidate.connected.problem]
    if len(usable) == 1:
        (chosen,) = usable
        items = filter(None, (chosen.connected.column, chosen.label))
        more = {item.role: item for item in items if item.role not in found.given}
        return replace(found, proposals={**found.proposals, **more}), vectors._replace(collection=chosen.collection)
    if usable:
        several = ", ".join(candidate.collection for candidate in usable)
        problem, remedy = (
            f"several collections have entries of them: {several}",
            "name one with --drift-collection=NAME",
        )
    elif candidates:
        _, problem, remedy = candidates[0].connected
    else:
        problem, remedy = f"{vectors.place} has no collection", "name another with --drift-chroma"
    only = names[0] if len(names) == 1 else None
    return found, vectors._replace(collection=only, problem=problem, remedy=remedy)


def _names(settings: Settings, found: Detection, vectors: Vectors) -> tuple[str, ...]:
    """Return the collection that the user named or that has a usual name, else all."""
    if "collection" in settings.sources:
        return (settings.collection,)
    usual = next((name for name in (Settings.collection, found.table.name) if name in vectors.collections), None)
    return vectors.collections if usual is None else (usual,)


def _examined(file: RecordFile, settings: Settings, vectors: Vectors, collection: str, *, is_named: bool) -> _Candidate:
    """Return how a collection is connected; `is_named` says whether the user named the column of its ids."""
    settings = replace(settings, chroma=vectors.place, collection=collection)
    columns = dict(settings.columns)
    store = RecordStore(file, settings.table, columns, settings.where)
    place = VectorPlace.of(settings, settings.snapshot_dir or default_folder())
    assert place is not None
    try:
        with closing(place.open_entries()) as entries:
            connected = connect(store, entries)
            if connected.column is not None and is_named:
                problem = f"no entry has an id of the column {columns[CHROMA_ID]}"
                remedy = f"name another, as in --drift-columns={CHROMA_ID}={connected.column.theirs}"
                return _Candidate(collection, Connected(None, problem, remedy))
            if connected.column is not None:
                columns[CHROMA_ID] = connected.column.column
                store = RecordStore(file, settings.table, columns, settings.where)
            return _Candidate(collection, connected, None if connected.problem else find_label(store, entries))
    except StoreError as error:
        return _Candidate(collection, Connected(None, error.problem, error.remedy))
