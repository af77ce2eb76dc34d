"""A link of entries to records for tests of one collection."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from drift_checks.core.records import Record
from drift_checks.stores.vectors.linking import LinkedRecord


class FixedLink:
    """Links entries by chroma_id to the given records; without any, the metadata decides.

    `others` are of rows that are no decisions.
    """

    problem = ""

    def __init__(self, linked: Mapping[str, LinkedRecord] | None = None, others: Collection[str] = ()) -> None:
        self.linked = linked or {}
        self.others = set(others)

    def key_of(self, record: Record) -> str | None:
        """Return the record's chroma_id."""
        key = record.values.get("chroma_id")
        return None if key is None else str(key)

    def records_of(self, entries: Mapping[str, str | None]) -> dict[str, LinkedRecord]:
        """Return those that are given."""
        return {key: self.linked[key] for key in entries if key in self.linked}

    def undecided(self, keys: Collection[str]) -> set[str]:
        """Return those that are given."""
        return self.others & set(keys)

    def refuse_unlinked(self) -> None:
        """Accept every collection."""
