"""The archive of earlier embeddings, which the application fills when it classifies a record again."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, column, func, select, table

from drift_checks.stores.records import RecordStore

ARCHIVES = "embedding_archives"


@dataclass(frozen=True)
class ArchiveCounts:
    """How many records have an `archive_version` above 0, how many of them lack their archive, and all others."""

    archived: int
    missing: int
    never_archived: int


def count_archives(connection: Connection, store: RecordStore) -> ArchiveCounts | None:
    """Return the counts, or None if the store has no column `archive_version` or no table `embedding_archives`."""
    dialect = store.file.dialect
    if not store.has("archive_version") or not any(ARCHIVES in names for names in dialect.tables(connection)):
        return None
    if "classification_id" not in dialect.columns(connection, ARCHIVES):
        return None
    archives = table(ARCHIVES, column("classification_id"))
    kept = select(archives.c.classification_id).where(archives.c.classification_id.is_not(None)).correlate(None)
    changed = store.column("archive_version") > 0
    counted = select(func.count()).select_from(store.table)
    archived = connection.execute(counted.where(changed)).scalar_one()
    missing = connection.execute(counted.where(changed, store.column("id").not_in(kept))).scalar_one()
    total = connection.execute(counted).scalar_one()
    return ArchiveCounts(archived, missing, total - archived)
