"""The last runs: how long ago, what they came to, and what has not been told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from drift_checks.operations.doctor.finding import Finding
from drift_checks.operations.doctor.runs import Past, ago, checks, last_run, past_of, undelivered, verdict
from drift_checks.report.history.alert_log import Alert, AlertLog
from drift_checks.report.history.database import History
from drift_checks.report.history.recorded import RecordedRun, StoreIdentity
from drift_checks.report.verdict import Verdict
from tests.support.doctoring import NIGHTS, NOW, found, identity, put_runs, said, setup
from tests.support.histories import night, run
from tests.support.stores import BuiltStore

DAY, WEEK = timedelta(days=1), timedelta(days=7)


def looked_at(tmp_path: Path, store: BuiltStore, every: timedelta | None = DAY) -> dict[str, Finding]:
    """Return what is found of the runs, by name."""
    return found(checks(past_of(setup(tmp_path, store)), NOW, lambda: every))


def nights(*verdicts: Verdict) -> list[RecordedRun]:
    """Return runs of one night after the other that came to these verdicts."""
    return [replace(run(night(number)), verdict=one) for number, one in enumerate(verdicts)]


def test_runs_of_late_are_ticks(tmp_path: Path, store: BuiltStore) -> None:
    """With when they were and what they came to."""
    put_runs(tmp_path / "reports", identity(store), *NIGHTS)
    told = looked_at(tmp_path, store)
    assert {line.status for line in told.values()} == {"ok"}
    assert said(told["last run"])[1] == "2026-01-15 02:00 UTC, 7 hours ago"
    assert said(told["history"])[1] == f"2 runs in {tmp_path}/reports, since 2026-01-14"


def test_no_run_yet_is_a_warning(tmp_path: Path, store: BuiltStore) -> None:
    """Runs of another store are none of this one."""
    put_runs(tmp_path / "reports", identity(store, "other"), *NIGHTS)
    told = looked_at(tmp_path, store)
    assert [str(told[name].status) for name in ("history", "last run", "verdict")] == ["warning", "skipped", "skipped"]
    assert "--run-once" in told["history"].remedy


def test_a_damaged_history_is_a_cross(tmp_path: Path, store: BuiltStore) -> None:
    """Once; the rest is not known."""
    put_runs(tmp_path / "reports", identity(store))
    (tmp_path / "reports/history.sqlite3").write_bytes(b"not a database, but long enough to be taken for one")
    told = looked_at(tmp_path, store)
    assert [str(told[name].status) for name in ("history", "last run", "verdict", "alerts")] == [
        "error",
        *["skipped"] * 3,
    ]


@pytest.mark.parametrize(
    ("hours", "every", "status"),
    [
        (35, DAY, "ok"),
        (37, DAY, "warning"),
        (37, WEEK, "ok"),
        (37, None, "ok"),
        (24 * 9, WEEK, "warning"),
        (24 * 9, None, "warning"),
        (-1, DAY, "warning"),
    ],
)
def test_how_old_a_run_may_be(hours: int, every: timedelta | None, status: str) -> None:
    """A day and a half where one is due daily, else eight days; one that is yet to come is the clock's fault."""
    told = last_run(
        run("20260115T020000Z-abc123"), datetime.fromisoformat("2026-01-15T02:00Z") + timedelta(hours=hours), every
    )
    assert told.status == status
    assert bool(told.remedy) is (status != "ok")


@pytest.mark.parametrize(
    ("verdicts", "status", "message"),
    [
        ((Verdict.CRITICAL, Verdict.OK), "ok", "OK"),
        ((Verdict.WARNING,), "warning", "WARNING"),
        ((Verdict.CRITICAL,), "warning", "CRITICAL"),
        ((Verdict.INCONCLUSIVE,), "warning", "INCONCLUSIVE: too little could be reviewed"),
        (
            (Verdict.INCONCLUSIVE, Verdict.OK, *[Verdict.INCONCLUSIVE] * 2),
            "warning",
            "INCONCLUSIVE, 2 times running: too little could be reviewed",
        ),
        (
            (Verdict.OK, *[Verdict.INCONCLUSIVE] * 3),
            "error",
            "INCONCLUSIVE, 3 times running: nothing was judged since 2026-01-11",
        ),
    ],
)
def test_the_verdict_of_the_last_run(verdicts: tuple[Verdict, ...], status: str, message: str) -> None:
    """Three nights without one are an outage."""
    told = verdict(nights(*verdicts), Path("/reports"))
    assert (str(told.status), told.message) == (status, message)
    assert (f"/reports/{night(len(verdicts) - 1)}/index.html" in told.remedy) is (status != "ok")


def test_alerts_that_wait_are_a_warning(tmp_path: Path, store: BuiltStore) -> None:
    """Those of any store."""
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
    assert said(looked_at(tmp_path, store)["alerts"]) == ("warning", "1 alert waits to be delivered")
    assert "alert-test" in looked_at(tmp_path, store)["alerts"].remedy


def test_no_history_has_no_alerts(tmp_path: Path) -> None:
    """So none waits."""
    assert Past(tmp_path, StoreIdentity("a", "b", "c")).waiting() == 0
    assert undelivered(2).message == "2 alerts wait to be delivered"


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (timedelta(minutes=5), "less than an hour ago"),
        (timedelta(hours=1, minutes=30), "1 hour ago"),
        (timedelta(hours=47), "47 hours ago"),
        (timedelta(days=9, hours=3), "9 days ago"),
        (timedelta(minutes=-3), "less than an hour ago"),
    ],
)
def test_ages_as_people_say_them(age: timedelta, told: str) -> None:
    """In hours, then in days."""
    assert ago(age) == told
