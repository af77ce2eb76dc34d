"""Histories of schema versions 1 and 2, which had a column for each figure, as documents."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from drift_checks.core.plain import read_json
from drift_checks.report.history.rows import read

Values = dict[str, Any]


def documents(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return the id of each run and its document in JSON, with all that its rows hold."""
    return [
        (
            run["run_id"],
            json.dumps(_document(read(run), *(_rows(connection, table, run["run_id"]) for table in _PARTS))),
        )
        for run in connection.execute("SELECT * FROM runs").fetchall()
    ]


_PARTS = ("criteria", "disagreements")


def _rows(connection: sqlite3.Connection, table: str, run_id: str) -> list[Values]:
    query = f"SELECT * FROM {table} WHERE run_id = ? ORDER BY position"  # noqa: S608 - a name of this file
    return [read(row) for row in connection.execute(query, (run_id,))]


def _document(run: Values, criteria: Sequence[Values], disagreements: Sequence[Values]) -> Values:
    interval = _interval(run, "population")
    return {
        **_some(run, "run_id started finished duration_seconds verdict exit_code decision judge"),
        "demo": bool(run["demo"]),
        "partial": False,
        "store": {
            **_some(run, "db collection records vectors"),
            "table": run["table_name"],
            "versions": read_json(run["versions"]),
        },
        "sample": {"size": run["sample_size"], "seed": int(run["seed"]), "as_of": run["as_of"]},
        "reviewer": {"name": run["reviewer"], **_some(run, "model prompt calls input_tokens output_tokens cost")},
        "agreement": {
            **_some(run, "agreed reviewed rate confidence_change"),
            "interval": _interval(run, "interval"),
            "population": interval and {"rate": run["population_rate"], "interval": interval},
        },
        "criteria": [
            {
                **_some(item, "name verdict passed failed unmeasured not_needed rate value warn critical message"),
                "interval": _interval(item, "interval"),
            }
            for item in criteria
        ],
        "disagreements": [
            _some(item, "record_id stratum stored reviewed stored_confidence reviewed_confidence")
            for item in disagreements
        ],
    }


def _some(row: Values, names: str) -> Values:
    return {name: row[name] for name in names.split()}


def _interval(row: Values, prefix: str) -> tuple[float, float] | None:
    lower, upper = row[f"{prefix}_lower"], row[f"{prefix}_upper"]
    return None if lower is None or upper is None else (lower, upper)
