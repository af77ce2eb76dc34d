"""The last runs: their age, their verdicts, and undelivered alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from drift_checks.operations.doctor.check import Finding
from drift_checks.operations.doctor.runs import PastRuns, checks, format_age, last_run, undelivered, verdict
from drift_checks.report.history.alert_log import Alert, AlertLog
from drift_checks.report.history.database import History
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity
from tests.support.doctoring import NIGHTS, NOW, findings_of, identity, outcome, put_runs, put_timer, setup, statuses
from tests.support.histories import night, run
from tests.support.stores import BuiltStore

DAY, WEEK = timedelta(days=1), timedelta(days=7)


def runs(tmp_path: Path, store: BuiltStore) -> dict[str, Finding]:
    """Return the findings about the runs, by name."""
    return findings_of(checks(setup(tmp_path, store)))


def nights(*verdicts: Verdict) -> list[RecordedRun]:
    """Return a run for each night, with these verdicts."""
    return [replace(run(night(number)), verdict=one) for number, one in enumerate(verdicts)]


def test_recent_runs_pass(tmp_path: Path, store: BuiltStore) -> None:
    """As often as the schedule has them."""
    put_timer(tmp_path)
    put_runs(tmp_path / "reports", identity(store), *NIGHTS)
    found = runs(tmp_path, store)
    assert set(statuses(found).values()) == {"ok"}
    assert found["last run"].message == "2026-01-15 02:00 UTC, 7 hours ago"
    assert found["history"].message == f"2 runs in {tmp_path}/reports, since 2026-01-14"


def test_no_run_yet_is_a_warning(tmp_path: Path, store: BuiltStore) -> None:
    """Runs of another store do not count."""
    put_runs(tmp_path / "reports", identity(store, "other"), *NIGHTS)
    found = runs(tmp_path, store)
    assert statuses(found) == {"history": "warning", "last run": "skipped", "verdict": "skipped", "alerts": "ok"}
    assert "--run-once" in found["history"].remedy


def test_a_damaged_history_fails_once(tmp_path: Path, store: BuiltStore) -> None:
    """The checks that need it are skipped."""
    put_runs(tmp_path / "reports", identity(store))
    (tmp_path / "reports/history.sqlite3").write_bytes(b"not a database, but long enough to be taken for one")
    found = statuses(runs(tmp_path, store))
    assert found == {"history": "error", "last run": "skipped", "verdict": "skipped", "alerts": "skipped"}


@pytest.mark.parametrize(
    ("hours", "every", "status"),
    [
        (35, DAY, "ok"),
        (37, DAY, "warning"),
        (37, None, "ok"),
        (24 * 9, WEEK, "warning"),
        (-1, DAY, "warning"),
    ],
)
def test_the_last_run_must_be_recent(hours: int, every: timedelta | None, status: str) -> None:
    """Within a day and a half if one is due daily, else eight days; one in the future means that the clock is wrong."""
    now = datetime.fromisoformat("2026-01-15T02:00Z") + timedelta(hours=hours)
    found = last_run(run("20260115T020000Z-abc123"), now, every)
    assert (found.status, bool(found.remedy)) == (status, status != "ok")


@pytest.mark.parametrize(
    ("verdicts", "status", "message"),
    [
        ((Verdict.CRITICAL, Verdict.OK), "ok", "OK"),
        ((Verdict.CRITICAL,), "warning", "CRITICAL"),
        ((Verdict.INCONCLUSIVE,), "warning", "INCONCLUSIVE: too little could be reviewed"),
        (
            (Verdict.INCONCLUSIVE, Verdict.OK, *[Verdict.INCONCLUSIVE] * 2),
            "warning",
            "INCONCLUSIVE, 2 times in a row: too little could be reviewed",
        ),
        (
            (Verdict.OK, *[Verdict.INCONCLUSIVE] * 3),
            "error",
            "INCONCLUSIVE, 3 times in a row: no verdict since 2026-01-11",
        ),
    ],
)
def test_the_verdict_of_the_last_run(verdicts: tuple[Verdict, ...], status: str, message: str) -> None:
    """Three inconclusive nights are an outage."""
    found = verdict(nights(*verdicts), Path("/reports"))
    assert (found.status, found.message) == (status, message)
    assert (f"/reports/{night(len(verdicts) - 1)}/index.html" in found.remedy) is (status != "ok")


def test_undelivered_alerts_are_a_warning(tmp_path: Path, store: BuiltStore) -> None:
    """Whatever their store; without a history there are none."""
    reports = tmp_path / "reports"
    put_runs(reports, identity(store), *NIGHTS)
    with History(reports) as history:
        alert = Alert(
            channel="slack",
            incident="drift",
            store=StoreIdentity(str(store.db), "t", "c"),
            run_id="20260115T020000Z-abc123",
            kind="worse",
            verdict=Verdict.CRITICAL,
            state=Verdict.CRITICAL,
            created=NOW,
            message={},
        )
        AlertLog(history).queue([alert])
    found = runs(tmp_path, store)["alerts"]
    assert outcome(found) == ("warning", "1 alert not delivered yet")
    assert "alert-test" in found.remedy
    assert PastRuns(tmp_path / "none", StoreIdentity("a", "b", "c")).undelivered() == 0
    assert undelivered(2).message == "2 alerts not delivered yet"


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(hours=1, minutes=30), "1 hour ago"),
        (timedelta(hours=47), "47 hours ago"),
        (timedelta(days=9, hours=3), "9 days ago"),
        (timedelta(minutes=-3), "less than an hour ago"),
    ],
)
def test_an_age_is_in_hours_then_in_days(age: timedelta, expected: str) -> None:
    """Days from two on."""
    assert format_age(age) == expected
