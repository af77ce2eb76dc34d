"""Texts that the store holds under several categories."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, not_, or_, select

from drift_checks.core.records import RecordId
from drift_checks.stores.records import RecordStore

# SQLite would hold several copies of a longer text, so texts that begin alike are taken for identical.
_COMPARED = 1_000_000


@dataclass(frozen=True)
class Conflict:
    """A text under several categories: its number of records and categories, and the lowest id."""

    records: int
    categories: int
    first: RecordId


def find_conflicts(connection: Connection, store: RecordStore) -> list[Conflict]:
    """Return the identical texts that have more than one category, the most frequent first.

    If there is a column of hashes, only texts whose hash is missing or occurs twice are compared, which is fast in a
    store of a million records. A wrong hash hides its record here, but record_integrity reports it.
    """
    dialect, category = store.file.dialect, store.column("category")
    beginning = func.substr(store.column("text"), 1, _COMPARED)
    # Counted by text and category first, because different values in groups are counted by sorting all rows.
    counted = (
        select(
            dialect.identity(beginning).label("same"),
            func.count().label("records"),
            dialect.least(store.column("id")).label("first"),
        )
        .where(not_(dialect.is_blank(beginning)), category.is_not(None))
        .group_by(dialect.identity(beginning), category)
    )
    has_hashes = store.has("text_hash") and dialect.in_process
    hashed = store.column("text_hash") if has_hashes else beginning
    # Digests of ten million texts fit in memory; the texts do not.
    digest = dialect.digest(hashed)
    if digest is None and has_hashes:
        digest = hashed
    if digest is not None:
        twice = select(digest).group_by(digest).having(func.count() > 1).correlate(None)
        counted = counted.where(or_(digest.in_(twice), hashed.is_(None)))
    groups = counted.subquery()
    query = (
        select(func.sum(groups.c.records), func.count(), func.min(groups.c.first))
        .group_by(groups.c.same)
        .having(func.count() > 1)
        .order_by(func.sum(groups.c.records).desc())
    )
    return [Conflict(int(records), *others) for records, *others in connection.execute(query)]
