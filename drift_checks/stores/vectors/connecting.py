"""The column that holds the ids of a collection's entries, and the key of their categories, found by their values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from drift_checks.core.errors import StoreError
from drift_checks.core.records import Record, Stratum, as_name, as_text, record_id
from drift_checks.core.text import printable
from drift_checks.settings.declarations import FOUND
from drift_checks.settings.pairs import METADATA_CATEGORY
from drift_checks.stores.columns.completion import Completion
from drift_checks.stores.columns.detection import Proposal, as_pairs
from drift_checks.stores.columns.looking import LONGEST, Column, Table, look_at
from drift_checks.stores.records import RecordStore
from drift_checks.stores.vectors.linking import NAME_COLUMN, Link, common_prefix, is_text_of
from drift_checks.stores.vectors.opening import ReadEntries, VectorPlace

CHROMA_ID = "chroma_id"
_TRIED, _LOOKED_AT = 60, 300
# The share of the values that must be ids of entries, or categories.
_MOST = 0.95
# Fewer entries without a record do not say what their keys hold.
_ENOUGH = 10


class Connected(NamedTuple):
    """How entries are of records: the column of their ids, if one is needed, or why none is of a record."""

    column: Proposal | None = None
    problem: str = ""
    remedy: str = NAME_COLUMN


def connect(store: RecordStore, entries: ReadEntries) -> Connected:
    """Return how the entries of a collection are of the records of a store."""
    if not entries.count:
        return Connected(
            None, f"collection {printable(entries.name)} is empty", "name another with --drift-collection=NAME"
        )
    records = _some_records(store)
    if not records:
        return Connected()
    link = Link(store, entries, records)
    if not link.problem:
        return Connected()
    found = list(_columns_of_ids(look_at(store.file, store.name), store, entries))
    if not found:
        # Equal vectors may prove that a prefix is in front of the records' ids, but they are not in the SQLite file.
        ids = [entry.id for entry in entries.first(_TRIED)]
        is_prefixed = common_prefix(min(ids), max(ids)) != ""
        is_open = is_prefixed and store.has("embedding_json") and not link.has_column
        return Connected(problem="" if is_open else link.problem)
    (column, reason), *others = found
    rivals = [other.name for other, _ in others if other.values != column.values]
    if rivals:
        names = " and ".join(printable(name) for name in (column.name, *rivals))
        return Connected(problem=f"the columns {names} hold ids of entries of collection {printable(entries.name)}")
    return Connected(Proposal(CHROMA_ID, column.name, reason))


def find_label(store: RecordStore, entries: ReadEntries) -> Proposal | None:
    """Return the metadata key of the categories of the entries without a record, if there are such entries."""
    records = _some_records(store)
    some = {entry.id: entry for entry in entries.spread(_LOOKED_AT)}
    if not records or not some:
        return None
    linked = Link(store, entries, records).records_of({key: entry.document for key, entry in some.items()})
    others = [entry for key, entry in some.items() if key not in linked]
    if len(others) < _ENOUGH or any("category" in entry.metadata for entry in others):
        return None
    categories = set(store.categories())
    fits = Counter(key for entry in others for key, value in entry.metadata.items() if str(value) in categories)
    named = [key for key, times in fits.items() if times >= _MOST * len(others)]
    if len(named) != 1:
        return None
    reason = f"{fits[named[0]]} of {len(others)} entries looked at without a record have a category of the store"
    return Proposal(METADATA_CATEGORY, named[0], reason)


def connected(done: Completion, store: RecordStore, snapshot_dir: Path) -> Completion:
    """Return the settings with the column that holds the entries' ids, if it is needed and certain."""
    settings = done.settings
    place = VectorPlace.of(settings, snapshot_dir)
    if place is None or store.has(CHROMA_ID):
        return done
    try:
        with closing(place.open_entries()) as entries:
            column = connect(store, entries).column
    except StoreError:
        # Opening the vectors will say so, if they are needed.
        return done
    if column is None:
        return done
    pairs = as_pairs({CHROMA_ID: column})
    given = settings.texts.get("columns", "")
    found = replace(
        settings,
        columns=(*settings.columns, (CHROMA_ID, column.column)),
        texts={**settings.texts, "columns": ",".join(filter(None, (given, pairs)))},
        sources={"columns": FOUND, **settings.sources},
    )
    return Completion(found, (*done.lines, f"{pairs} (found: {column.reason}; --drift-columns overrides)"))


def _some_records(store: RecordStore) -> list[Record]:
    """Return records from all over the store."""
    step = max(1, store.count() // _TRIED)

    def read(connection: Connection) -> list[Record]:
        ids = [record_id(key) for (key,) in islice(store.stream(connection, "id"), 0, step * _TRIED, step)]
        return [Record(key, Stratum.BASELINE, row) for key, row in store.rows(connection, ids).items()]

    return store.read(read)


def _columns_of_ids(table: Table, store: RecordStore, entries: ReadEntries) -> Iterator[tuple[Column, str]]:
    by_name = {column.name: column.values for column in table.columns}
    texts, categories = by_name[store.columns["text"]], by_name[store.columns["category"]]
    for column in table.columns:
        rows = [
            (as_name(value), as_text(text))
            for value, text, category in zip(column.values, texts, categories, strict=True)
            if None not in (value, text, category)
        ]
        pairs = dict(rows)
        there = entries.entries(list(pairs)) if len(pairs) == len(rows) else {}
        if not there or len(there) < _MOST * len(pairs):
            continue
        documents = [
            is_text_of(entry.document[:LONGEST], pairs[key])
            for key, entry in there.items()
            if entry.document is not None
        ]
        if _are_of_these_texts(documents, list(pairs)):
            yield (
                column,
                f"{len(there)} of {len(pairs)} values looked at are ids of the collection {printable(entries.name)}",
            )


def _are_of_these_texts(documents: Sequence[bool], names: Sequence[str]) -> bool:
    """Whether most documents are the texts; without documents, numbers may count something else."""
    return sum(documents) > len(documents) / 2 if documents else not all(name.isdecimal() for name in names)
