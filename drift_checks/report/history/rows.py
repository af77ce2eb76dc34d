"""Values as the history's tables hold them, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from drift_checks.core.plain import finite, read_json, to_plain
from drift_checks.core.secrets import masked
from drift_checks.report.history.recorded import RecordedRun, recorded_run
from drift_checks.stores.identity import StoreIdentity

# The details that a criterion compares with those of later nights, and the label issues that wait for a judgement.
_COMPARED = ("basis", "records", "wrong", "witnesses", "alone", "reviewer", "answers", "issues")
_INSTANTS = ("created", "settled", "until", "made", "withdrawn")
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


def insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any], verb: str = "INSERT") -> int:
    """Add a row to a table; return its number."""
    names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
    cursor = connection.execute(f"{verb} INTO {table} ({names}) VALUES ({places})", row)
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def store_row(store: StoreIdentity) -> dict[str, Any]:
    """Return the columns of a store."""
    return {"db": bound(store.db), "table_name": bound(store.table), "collection": bound(store.collection)}


def store_of(values: Mapping[str, Any]) -> StoreIdentity:
    """Return the store in a row that was read."""
    return StoreIdentity(values["db"], values["table_name"], values["collection"])


def instant(moment: datetime) -> str:
    """Return the instant as text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def run_row(run: RecordedRun) -> dict[str, Any]:
    """Return the row of a run."""
    # Only the run's own page needs the other details of statistics, which can be large.
    criteria = tuple(
        replace(item, statistics=tuple({**each, "details": _compared(each)} for each in item.statistics))
        for item in run.criteria
    )
    return {
        "run_id": bound(run.run_id),
        "started": instant(run.started),
        "verdict": str(run.verdict),
        **store_row(run.store.identity),
        "document": json.dumps(finite(masked(to_plain(replace(run, criteria=criteria))))),
    }


def _compared(statistic: Mapping[str, Any]) -> dict[str, Any]:
    details = statistic.get("details") or {}
    return {key: details[key] for key in _COMPARED if key in details}


def refuse_unreadable(table: str, values: Mapping[str, Any]) -> None:
    """Raise ValueError, LookupError or TypeError if the values of a row cannot be read."""
    for name in _INSTANTS:
        if values.get(name) is not None and datetime.fromisoformat(values[name]).tzinfo is None:
            raise ValueError(f"{values[name]!r} has no zone")
    if table == "acknowledgements":
        versions = read_json(values["versions"])
        if not isinstance(versions, dict) or not all(isinstance(item, str) for item in versions.values()):
            raise ValueError("its versions are not texts")


def run_of(row: Row) -> RecordedRun:
    """Return the run in a row.

    Raises:
        ValueError: The row is damaged.
    """
    return recorded_run(read_json(row["document"]))
