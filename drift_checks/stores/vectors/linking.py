"""Which entry of a Chroma collection is of which record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Protocol
from uuid import UUID

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, select

from drift_checks.core.addresses import Location
from drift_checks.core.errors import StoreError
from drift_checks.core.records import Damaged, Record, RecordId, as_text, record_id
from drift_checks.core.text import quoted
from drift_checks.stores.embeddings import read_embedding
from drift_checks.stores.records import RecordStore
from drift_checks.stores.vectors.base import Entry

# The records, and the entries, by which the spelling of ids is recognised.
_TRIED = 60
_LONGEST_PREFIX = 40
NAME_COLUMN = "name the column that holds the entries' ids with --drift-columns=chroma_id=NAME"
# What a document that was cut short may end in.
# The characters of a document that are compared, since texts may be a hundred megabytes.
_COMPARED = 100_000
_ELLIPSIS = "… ."


@dataclass(frozen=True, slots=True)
class LinkedRecord:
    """The record of an entry; `category` is None if it has none."""

    id: RecordId
    text: str
    category: str | None


@dataclass(frozen=True, slots=True)
class Spelling:
    """How an entry's id is made from a record's."""

    form: Callable[[str], str]
    prefix: str = ""

    def key(self, record: RecordId) -> str | None:
        """Return the id of the record's entry, None if the record's id has no such form."""
        try:
            return self.prefix + self.form(str(record))
        except ValueError:
            return None


_FORMS: tuple[Callable[[str], str], ...] = (
    str,
    lambda key: str(UUID(key)),
    lambda key: UUID(key).hex,
    lambda key: str(UUID(key)).upper(),
    lambda key: UUID(key).hex.upper(),
    # As Microsoft's programs store one.
    lambda key: str(UUID(bytes_le=bytes.fromhex(key))),
    lambda key: bytes.fromhex(key).decode(),
)


class Entries(Protocol):
    """The entries of a collection."""

    name: str
    count: int

    @property
    def place(self) -> Location:
        """The directory or the server that holds it."""

    def entries(self, ids: Sequence[str]) -> Mapping[str, Entry]:
        """Return the entries with these ids."""

    def first(self, number: int) -> Sequence[Entry]:
        """Return some entries, at most this number."""

    def ids(self) -> Iterable[str]:
        """Return the ids of all entries."""


class Link:
    """Connects records and entries: by the column chroma_id, or by the record's id in a store without that column.

    Attributes:
        problem: Why no entry is of a record; empty if some are.
        has_column: Whether a column names the entries.
    """

    def __init__(self, store: RecordStore, collection: Entries, sample: Sequence[Record]) -> None:
        self.problem = ""
        self._store = store
        self._collection = collection
        self._sample = sample[:_TRIED]
        self._known = {record.id: record for record in sample}
        self.has_column = store.has("chroma_id") and store.read(self._holds_keys)
        self._spelling: Spelling | None = None
        if collection.count:
            if not self.has_column:
                self._spelling = self._find_spelling()
            elif not self._any_linked():
                self._set_problem([as_text(record.values["chroma_id"]) for record in self._sample], "chroma_id")

    def key_of(self, record: Record) -> str | None:
        """Return the id of the record's entry, None if it has none."""
        if self.has_column:
            key = record.values.get("chroma_id")
            return None if key is None else str(key)
        return None if self._spelling is None else self._spelling.key(record.id)

    def keys(self, connection: Connection) -> Iterator[str | None]:
        """Yield the id of each record's entry, None for a record without one."""
        if self.has_column:
            for (key,) in self._store.stream(connection, "chroma_id"):
                yield None if key is None else str(key)
        elif self._spelling is not None:
            for (key,) in self._store.stream(connection, "id"):
                if key is not None:
                    yield self._spelling.key(record_id(key))

    def records_of(self, entries: Mapping[str, str | None]) -> dict[str, LinkedRecord]:
        """Return the records of entries, which are given as documents by id; an entry of another text has none."""
        if self.has_column:
            return self._by_column(entries)
        return {} if self._spelling is None else self._spelled(entries, self._spelling)

    def undecided(self, keys: Collection[str]) -> set[str]:
        """Return which of these entries are of rows that are no decisions."""
        others = self._store.others
        if others is None or not keys:
            return set()
        if self.has_column:
            stored = self._store.read(lambda connection: connection.execute(select(others.c.chroma_id)).scalars().all())
            return {str(self._store.read_value("chroma_id", key)) for key in stored if key is not None} & set(keys)
        spelling = self._spelling
        if spelling is None:
            return set()
        ids = self._store.read(partial(self._store.other_ids, ids=_ids_of(keys, spelling)))
        return {key for found in ids if (key := spelling.key(found)) in keys and key is not None}

    def refuse_unlinked(self) -> None:
        """Raise StoreError if no entry is of a record."""
        if self.problem:
            raise StoreError(self._collection.place, self.problem, NAME_COLUMN)

    def _holds_keys(self, connection: Connection) -> bool:
        key = self._store.column("chroma_id")
        return connection.execute(select(key).where(key.is_not(None)).limit(1)).first() is not None

    def _by_column(self, entries: Mapping[str, str | None]) -> dict[str, LinkedRecord]:
        def read(connection: Connection) -> dict[str, list[LinkedRecord]]:
            key, stored = self._store.column("chroma_id"), self._store.column("id")
            there = self._store.file.dialect.with_ids(key, [form for name in entries for form in _stored_forms(name)])
            named = {
                record_id(found): str(self._store.read_value("chroma_id", name))
                for found, name in connection.execute(select(stored, key).where(there))
            }
            found: dict[str, list[LinkedRecord]] = {}
            for record, linked in self._rows(connection, list(named)).items():
                if named[record] in entries:
                    found.setdefault(named[record], []).append(linked)
            return found

        return {
            key: linked
            for key, several in self._store.read(read).items()
            if (linked := next((one for one in several if is_text_of(entries[key], one.text)), None)) is not None
        }

    def _spelled(self, entries: Mapping[str, str | None], spelling: Spelling) -> dict[str, LinkedRecord]:
        rows = self._store.read(partial(self._rows, ids=_ids_of(entries, spelling)))
        keys = {key: linked for record, linked in rows.items() if (key := spelling.key(record)) in entries}
        return {
            key: linked for key, linked in keys.items() if key is not None and is_text_of(entries[key], linked.text)
        }

    def _rows(self, connection: Connection, ids: Sequence[RecordId]) -> dict[RecordId, LinkedRecord]:
        # A text may be a hundred megabytes, so those of the sample are not read again. Where they are in a spool, they
        # are read in the order in which they are there: in another, each would be read with the block around it.
        wanted = set(ids)
        known = {key: _linked(key, record.values) for key, record in self._known.items() if key in wanted}
        unknown = [key for key in ids if key not in known]
        rows = self._store.rows(connection, unknown, ("id", "text", "category"))
        return {key: known[key] for key in ids if key in known} | {key: _linked(key, row) for key, row in rows.items()}

    def _find_spelling(self) -> Spelling | None:
        """Return how the entries' ids are made from the records', with a prefix only if contents confirm it."""
        collection, problem = quoted(self._collection.name), ""
        for form in _FORMS:
            spelling = Spelling(form)
            there = self._entries_of(spelling)
            if not there:
                continue
            if not _mostly([_is_entry_of(entry, record) for entry, record in there], certain=False):
                problem = f"the entries of collection {collection} that have the records' ids are of other texts"
                problem += f", such as {quoted(there[0][0].id)}"
            elif self._counts_rows():
                problem = f"the entries of collection {collection} are numbered from 0, and the records are not"
            else:
                return spelling
        if (prefixed := self._find_prefix()) is not None:
            return prefixed
        self._set_problem([str(record.id) for record in self._sample], "id")
        self.problem = problem or self.problem
        return None

    def _entries_of(self, spelling: Spelling) -> list[tuple[Entry, Record]]:
        keys = {key: record for record in self._sample if (key := spelling.key(record.id)) is not None}
        found = self._collection.entries(list(keys)) if keys else {}
        return [(entry, keys[key]) for key, entry in found.items()]

    def _counts_rows(self) -> bool:
        """Whether the entries are numbered from 0 and the records are not, so that equal numbers mean nothing."""
        zero = self._collection.entries(["0"])
        return bool(zero) and zero["0"].document is None and not self._store.read(partial(self._rows, ids=[0]))

    def _find_prefix(self) -> Spelling | None:
        first = {entry.id: entry for entry in self._collection.first(_TRIED)}
        common = common_prefix(min(first), max(first))
        documents = {key: entry.document for key, entry in first.items()}
        for end in range(len(common), 0, -1):
            for form in _FORMS:
                spelling = Spelling(form, common[:end])
                linked = self._spelled(documents, spelling)
                records = self._store.read(partial(self._full_rows, ids=[found.id for found in linked.values()]))
                confirmed = [_is_entry_of(first[key], records[found.id]) for key, found in linked.items()]
                if len(linked) > len(first) / 2 and _mostly(confirmed, certain=True):
                    return spelling
        return None

    def _full_rows(self, connection: Connection, ids: Sequence[RecordId]) -> dict[RecordId, Record]:
        stratum = self._sample[0].stratum
        return {key: Record(key, stratum, row) for key, row in self._store.rows(connection, ids).items()}

    def _any_linked(self) -> bool:
        """Whether an entry has the chroma_id of a record: of a sampled one, of the first entries, or of any."""
        keys = [key for record in self._sample if (key := self.key_of(record)) is not None]
        if keys and self._collection.entries(keys):
            return True
        records = self._store.read(lambda connection: digests(key for key in self.keys(connection) if key is not None))
        return bool(np.isin(records, digests(self._collection.ids())).any())

    def _set_problem(self, ours: Collection[str], column: str) -> None:
        theirs = [entry.id for entry in self._collection.first(2)]
        self.problem = (
            f"no entry of collection {quoted(self._collection.name)} is of a record: its entries have ids such as"
            f" {_two(theirs)}, the records such as {_two(ours)} (in the column {self._store.columns[column]})"
        )


def is_text_of(document: str | None, text: str) -> bool:
    """Return whether a document is the text or its beginning, whatever the white space; so is a missing one."""
    if document is None:
        return True
    cut, whole = " ".join(document[:_COMPARED].split()), " ".join(text[: 4 * _COMPARED].split())
    return whole.startswith((cut, cut.rstrip(_ELLIPSIS) or cut))


def digests(keys: Iterable[object]) -> npt.NDArray[np.uint64]:
    """Return a 64-bit digest of each key, which takes less than a tenth of the memory of the key."""
    return np.fromiter(
        (int.from_bytes(hashlib.blake2b(str(key).encode(), digest_size=8).digest(), "little") for key in keys),
        dtype=np.uint64,
    )


def _is_entry_of(entry: Entry, record: Record) -> bool | None:
    """Whether the document, or else the vector, is the record's; None if neither can be compared."""
    if entry.document is not None:
        return is_text_of(entry.document, record.text)
    own = read_embedding(record.values.get("embedding_json"))
    if own is None or own.size != entry.vector.size or not own.any() or not entry.vector.any():
        return None
    cosine = own @ entry.vector / (np.linalg.norm(own) * np.linalg.norm(entry.vector))
    return bool(cosine > 0.999)


def _mostly(confirmed: Sequence[bool | None], *, certain: bool) -> bool:
    """Whether most of the answers are yes; without any answer, only if it need not be certain."""
    answers = [answer for answer in confirmed if answer is not None]
    return sum(answers) > len(answers) / 2 if answers else not certain


def _ids_of(keys: Iterable[str], spelling: Spelling) -> list[RecordId]:
    """Return the ids that the records of these entries may have."""
    rests = [key.removeprefix(spelling.prefix) for key in keys if key.startswith(spelling.prefix)]
    return list(dict.fromkeys(found for rest in rests for found in _ids_spelled(rest)))


def _ids_spelled(rest: str) -> Iterator[RecordId]:
    """Yield the ids that a record may have whose entry has this id."""
    yield from _stored_forms(rest)
    yield rest.encode(errors="replace").hex()
    try:
        found = UUID(rest)
    except ValueError:
        return
    yield from (str(found), found.hex, str(found).upper(), found.hex.upper(), found.bytes_le.hex())


def _stored_forms(key: str) -> Iterator[RecordId]:
    """Yield what a column may hold for an entry's id."""
    yield key
    if len(key) < _LONGEST_PREFIX and key.isascii() and key.isdigit() and str(int(key)) == key:
        yield int(key)


def common_prefix(one: str, other: str) -> str:
    """Return what both begin with, at most so much as may be a prefix of ids."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one[:_LONGEST_PREFIX], other, strict=False))
    return "".join(letter for letter, _ in pairs)


def _linked(key: RecordId, row: Mapping[str, object]) -> LinkedRecord:
    return LinkedRecord(key, as_text(row["text"]), _category(row["category"]))


def _category(stored: object) -> str | None:
    return None if stored is None or isinstance(stored, Damaged) or not as_text(stored).strip() else as_text(stored)


def _two(ids: Collection[str]) -> str:
    return " and ".join(quoted(key, 40) for key in list(dict.fromkeys(ids))[:2])
