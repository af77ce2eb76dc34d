"""Values as the history's tables hold them, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from drift_checks.core.plain import to_plain
from drift_checks.report.history.recorded import RecordedRun, recorded_run

Row = Mapping[str, Any] | sqlite3.Row


def bound(value: Any) -> Any:
    """Return the value as a parameter for SQLite: text that is not Unicode becomes bytes."""
    if not isinstance(value, str):
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
    return str(value)


def read(row: Row) -> dict[str, Any]:
    """Return a row's values by column, with text that is stored as bytes decoded."""
    return {
        name: row[name].decode("utf-8", "surrogatepass") if isinstance(row[name], bytes) else row[name]
        for name in row.keys()  # noqa: SIM118 - sqlite3.Row iterates over its values
    }


def instant(moment: datetime) -> str:
    """Return the instant as text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def run_row(run: RecordedRun) -> dict[str, Any]:
    """Return the row of a run."""
    # Only the run's own page needs the details of statistics, which can be large.
    criteria = tuple(
        replace(item, statistics=tuple({**statistic, "details": {}} for statistic in item.statistics))
        for item in run.criteria
    )
    return {
        "run_id": bound(run.run_id),
        "started": instant(run.started),
        "verdict": str(run.verdict),
        "db": bound(run.store.db),
        "table_name": bound(run.store.table),
        "collection": bound(run.store.collection),
        "document": json.dumps(to_plain(replace(run, criteria=criteria))),
    }


def run_of(row: Row) -> RecordedRun:
    """Return the run in a row.

    Raises:
        ValueError: The row is damaged.
    """
    return recorded_run(json.loads(row["document"]))
