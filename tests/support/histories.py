"""Histories of runs for tests, and a look into their files."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from drift_checks.report.document import drift_document
from drift_checks.report.history.database import History
from drift_checks.report.history.reading import NAME, HistoryView
from drift_checks.report.history.recorded import RecordedCriterion, RecordedRun, recorded_run
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity
from tests.support.reports import report, reviewed

RUN = "20260115T020000Z-abc123"
STORE = StoreIdentity("/data/risk_classifications.db", "risk_classifications", "risk_classifications")
REPOSITORY = Path(__file__).parents[2]
# What the other processes below begin with.
PREPARED = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from dataclasses import replace
from pathlib import Path
from drift_checks.report.history.database import History
from tests.support.histories import night, run
"""


def night(number: int) -> str:
    """Return the id of the run of a night; they sort as the numbers do."""
    return f"{datetime(2026, 1, 10) + timedelta(days=number):%Y%m%d}T020000Z-abc123"


NIGHTS = [night(number) for number in range(6)]


def document(run_id: str = RUN, agreed: int = 45, unmeasured: int = 0, **changed: Any) -> Any:
    """Return what a run writes."""
    started = f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}T{run_id[9:11]}:00:00Z"
    made = report(reviewed(agreed, 50 - agreed, unmeasured), run_id=run_id, **({"started": started} | changed))
    return {"drift": json.loads(json.dumps(drift_document(made)))}


def run(run_id: str = RUN, agreed: int = 45, **changed: Any) -> RecordedRun:
    """Return a run of 50 reviewed records."""
    return recorded_run(document(run_id, agreed, **changed)["drift"])


def altered(run: RecordedRun, **changed: Any) -> RecordedRun:
    """Return the run, changed as given; a dict changes some fields of a part."""
    parts = {name: replace(getattr(run, name), **value) for name, value in changed.items() if isinstance(value, dict)}
    return replace(run, **(changed | parts))


def criterion(name: str, verdict: Verdict | None = Verdict.OK, **changed: Any) -> RecordedCriterion:
    """Return the result of a criterion, in which everything else is 0 or missing unless given."""
    values: dict[str, Any] = {
        **dict.fromkeys(("passed", "failed", "unmeasured", "not_needed"), 0),
        **dict.fromkeys(("rate", "interval", "value")),
        "warn": 0.85,
        "critical": 0.75,
        "message": "",
    }
    return RecordedCriterion(name=name, verdict=verdict, **(values | changed))


def write(reports: Path, written: Any, name: str | None = None) -> Path:
    """Write a run's folder; return it."""
    folder = reports / (name or written["drift"]["run_id"])
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(written), encoding="utf-8")
    return folder


def taken_up(reports: Path) -> list[str]:
    """Let the history take up what it lacks; return the ids that are there then."""
    with History(reports) as history:
        history.take_up_missing()
        return ids(history)


def ids(history: HistoryView) -> list[str]:
    """Return the ids of the runs."""
    return [item.run_id for item in history.runs()]


def raw(reports: Path, statement: str) -> list[Any]:
    """Run a statement on the file, past the history; return its rows."""
    connection = sqlite3.connect(reports / NAME)
    with connection:
        found = connection.execute(statement).fetchall()
    connection.close()
    return found


def set_aside(reports: Path) -> list[Path]:
    """Return the damaged histories that were kept."""
    return sorted(reports.glob(f"{NAME}.corrupt-*"))


def whole(reports: Path) -> dict[str, int]:
    """Return how many disagreements each run has, all of them checked to be whole."""
    assert raw(reports, "PRAGMA quick_check") == [("ok",)]
    with History(reports) as history:
        assert history.warnings == []
        found = history.runs()
    for item in found:
        assert (len(item.criteria), item.criteria[0].failed) == (2, len(item.disagreements))
    return {item.run_id: len(item.disagreements) for item in found}
