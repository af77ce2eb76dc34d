"""What reads the records that the setting `db` names."""

from __future__ import annotations

from pathlib import Path

from drift_checks.core.addresses import Location, ServerURL
from drift_checks.stores.engines.base import RecordFile
from drift_checks.stores.engines.duckdb_file import DuckDBFile
from drift_checks.stores.engines.sources import find_source
from drift_checks.stores.engines.sqlite import SqliteFile


def open_records(path: Location, snapshot_dir: Path, query_seconds: float | None = None) -> RecordFile:
    """Open what the setting `db` names; private copies and temporary files are made in `snapshot_dir`.

    Raises:
        StoreError: There is no such file or database, or it cannot be read.
    """
    if isinstance(path, ServerURL):
        from drift_checks.stores.engines.database import DatabaseServer

        return DatabaseServer(path, query_seconds)
    source = find_source(path)
    if source is None:
        return SqliteFile(path, snapshot_dir, query_seconds=query_seconds)
    return DuckDBFile(source, snapshot_dir, query_seconds)
