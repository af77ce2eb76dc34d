"""Texts that the store holds more than once, under different categories."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, collate, func, or_, select

from drift_checks.core.records import RecordId
from drift_checks.stores.records import RecordStore

_WHITE_SPACE = " \t\n\r\v\f"


@dataclass(frozen=True)
class Conflict:
    """A text under several categories: how many records have it, how many categories, and the first of the records."""

    records: int
    categories: int
    first: RecordId


def find_conflicts(connection: Connection, store: RecordStore) -> list[Conflict]:
    """Return the texts, word for word the same, that stand under more than one category; the most frequent first.

    Where there is a column of hashes, only texts whose hash occurs twice, or is missing, are read and compared: that is
    quick in a store of a million records. A wrong hash accuses nobody, but hides its record, which is another
    criterion's to find.
    """
    text, category = store.column("text"), store.column("category")
    query = (
        select(func.count(), func.count(category.distinct()), func.min(store.column("id")))
        .where(func.trim(text, _WHITE_SPACE) != "", category.is_not(None))
        .group_by(collate(text, "BINARY"))
        .having(func.count(category.distinct()) > 1)
        .order_by(func.count().desc())
    )
    if store.has("text_hash"):
        hashed = store.column("text_hash")
        twice = select(hashed).group_by(hashed).having(func.count() > 1).correlate(None)
        query = query.where(or_(hashed.in_(twice), hashed.is_(None)))
    return [Conflict(*row) for row in connection.execute(query)]
