"""Texts that the store holds under several categories."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, collate, func, or_, select

from drift_checks.core.records import RecordId
from drift_checks.stores.records import RecordStore

# SQLite would hold several copies of a longer text, so texts that begin alike are taken for identical.
_COMPARED = 1_000_000
_WHITE_SPACE = " \t\n\r\v\f"


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
    category = store.column("category")
    beginning = func.substr(store.column("text"), 1, _COMPARED)
    query = (
        select(func.count(), func.count(category.distinct()), func.min(store.column("id")))
        .where(func.trim(beginning, _WHITE_SPACE) != "", category.is_not(None))
        .group_by(collate(beginning, "BINARY"))
        .having(func.count(category.distinct()) > 1)
        .order_by(func.count().desc())
    )
    if store.has("text_hash"):
        hashed = store.column("text_hash")
        twice = select(hashed).group_by(hashed).having(func.count() > 1).correlate(None)
        query = query.where(or_(hashed.in_(twice), hashed.is_(None)))
    return [Conflict(*row) for row in connection.execute(query)]
