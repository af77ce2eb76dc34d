"""What a folder of reports holds, read without the package: history, pages and metrics."""

from __future__ import annotations

import html
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.session_runs import run_folders

HISTORY = "history.sqlite3"
# Columns, and what they are selected from.
_TABLES = {
    "runs": ("run_id, verdict, db", "runs"),
    "criteria": ("run_id, position, name, verdict, passed, failed, unmeasured, rate, value, message", "criteria"),
    "disagreements": (
        "run_id, key, json_extract(value, '$.record_id'), json_extract(value, '$.stored'),"
        " json_extract(value, '$.reviewed')",
        "runs, json_each(document, '$.disagreements')",
    ),
    "agreement": (
        "run_id, json_extract(document, '$.agreement.agreed'), json_extract(document, '$.agreement.reviewed')",
        "runs",
    ),
}


def rows(reports: Path, table: str) -> list[tuple[Any, ...]]:
    """Return what the history says in a table, in order; nothing without a history."""
    if not (reports / HISTORY).exists():
        return []
    columns, source = _TABLES[table]
    with closing(sqlite3.connect(reports / HISTORY)) as connection:
        there = connection.execute("select 1 from sqlite_master where name = 'criteria'").fetchone()
        found = connection.execute(f"select {columns} from {source}").fetchall() if there else []
    return sorted(found, key=lambda row: row[:2])


def run_ids(reports: Path) -> list[str]:
    """Return the ids of the runs in the history."""
    return [row[0] for row in rows(reports, "runs")]


def finished_runs(reports: Path) -> dict[str, Any]:
    """Return what report.json says in each folder of a whole run that came to a verdict, by the run's id."""
    found = {}
    for folder in sorted(run_folders(reports)):
        document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        found[folder.name] = document["drift"]
    return found


def half_rows(reports: Path) -> list[str]:
    """Return what of the history is not whole: damage, or runs with too few criteria or disagreements."""
    if not (reports / HISTORY).exists():
        return []
    with closing(sqlite3.connect(reports / HISTORY)) as connection:
        told = connection.execute("pragma integrity_check").fetchall()
    faults = [f"damaged: {told}"] * (told != [("ok",)])
    for run_id, drift in finished_runs(reports).items():
        if run_id not in run_ids(reports):
            continue
        names = [row[2] for row in rows(reports, "criteria") if row[0] == run_id]
        ids = [row[2] for row in rows(reports, "disagreements") if row[0] == run_id]
        wanted = [item["name"] for item in drift["criteria"]], [item["record_id"] for item in drift["disagreements"]]
        faults += [f"{run_id} has half a row"] * ((names, ids) != wanted)
    return faults


def words_of(page: Path) -> str:
    """Return what a reader sees of a page, with single spaces."""
    markup = re.sub(r"<(style|script)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def metrics_of(reports: Path) -> dict[str, str]:
    """Return the id of the run that the metrics tell of each store, by the store's path."""
    text = (reports / "metrics.prom").read_text(encoding="utf-8")
    lines = [dict(re.findall(r'(\w+)="([^"]*)"', line)) for line in text.splitlines() if "_run_info{" in line]
    return {line["store"]: line["run_id"] for line in lines}
