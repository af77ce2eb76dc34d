"""A clock that was far ahead or went back between two runs loses, hides and silences nothing for long."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drift_checks.alerts.message import Incident, Kind
from drift_checks.alerts.policy import Policy
from drift_checks.core.errors import SettingError
from drift_checks.operations.doctor.runs import PastRuns, last_run
from drift_checks.report.acknowledgements import Acknowledgement
from drift_checks.report.folder import ReportsFolder
from drift_checks.report.history.acknowledged import Acknowledgements, kept_acknowledgements
from drift_checks.report.history.alert_log import Belief
from drift_checks.report.history.database import History
from drift_checks.report.keeping import METRICS
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.journal import JOURNAL_FILE
from drift_checks.reviews.resuming import find_unfinished
from tests.support.alert_messages import message
from tests.support.histories import STORE, ids, night, run
from tests.unit.report.test_keeping import keep, recorded
from tests.unit.reviews.test_resuming import leave, settings

AHEAD = "20990115T020000Z-abc123"
NOW = datetime(2026, 1, 15, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def run_folders(reports: Path) -> list[str]:
    """Return the runs whose folders are kept."""
    return sorted(path.name for path in reports.glob("2*"))


@pytest.mark.parametrize("nights", [3, 40])
def test_one_run_far_ahead_deletes_ten_runs_at_most(tmp_path: Path, nights: int) -> None:
    """The oldest ones; the next run, under the right clock, deletes no more."""
    before = [night(number) for number in range(nights)]
    for run_id in before:
        keep(tmp_path, run_id)
    keep(tmp_path, AHEAD)
    keep(tmp_path, night(nights))
    expected = [*before[10:], night(nights), AHEAD]
    assert run_folders(tmp_path) == expected
    assert sorted(recorded(tmp_path)) == expected


def test_a_run_of_the_future_counts_as_the_oldest(tmp_path: Path) -> None:
    """For the trend, for the newest run of a store, and within the number of runs that is asked for."""
    with History(tmp_path) as history:
        for run_id in (night(1), AHEAD, night(2)):
            history.add(run(run_id))
        assert ids(history) == [AHEAD, night(1), night(2)]
        assert [item.run_id for item in history.runs(STORE, last=2)] == [night(1), night(2)]
        assert [item.run_id for item in history.newest_of_each_store()] == [night(2)]


def test_only_a_run_of_the_future_is_still_the_newest(tmp_path: Path) -> None:
    """Better than none; `doctor` says that the clock is wrong."""
    with History(tmp_path) as history:
        history.add(run(AHEAD))
        (newest,) = history.newest_of_each_store()
    assert newest.run_id == AHEAD
    assert "in the future" in last_run(newest, NOW, DAY).message


def test_doctor_looks_at_the_run_under_the_right_clock(tmp_path: Path) -> None:
    """A night under a wrong clock is no warning for ever."""
    keep(tmp_path, AHEAD)
    keep(tmp_path, night(1))
    assert PastRuns(tmp_path, STORE).known()[-1].run_id == night(1)


def test_latest_and_metrics_show_the_last_run_whatever_its_date(tmp_path: Path) -> None:
    """A clock that went back hides no run."""
    for run_id in (AHEAD, night(3), night(1)):
        keep(tmp_path, run_id)
        assert (tmp_path / "latest").resolve().name == run_id
        assert run_id in (tmp_path / METRICS).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("since", "due"), [(timedelta(hours=-1), False), (-2 * DAY, True), (DAY, True), (73 * 365 * DAY, True)]
)
def test_an_alert_sent_in_the_future_silences_no_channel(since: timedelta, due: bool) -> None:
    """It counts as sent long ago."""
    policy = Policy({"slack": [Verdict.CRITICAL]}, DAY, False, {})
    believed = {Incident.DRIFT: Belief(Verdict.CRITICAL, NOW + since)}
    found = list(policy.due("slack", message(verdict=Verdict.CRITICAL, ended=()), believed, NOW))
    assert [item.kind for item, _ in found] == [Kind.REMINDER] * due


def acknowledgement(until: datetime) -> Acknowledgement:
    """Return an acknowledgement of a criterion."""
    return Acknowledgement(
        number=0,
        store=STORE,
        until=until,
        reason="known",
        made=NOW,
        versions={},
        criterion="class_mix",
        verdict=Verdict.WARNING,
    )


@pytest.mark.parametrize(("told", "kept"), [(AHEAD, True), (night(1), False)])
def test_an_acknowledgement_that_ended_in_the_future_holds_again(tmp_path: Path, told: str, kept: bool) -> None:
    """Its end was reported under a wrong clock; `acknowledge --list` shows it too."""
    with History(tmp_path) as history:
        log = Acknowledgements(history)
        number, _ = log.add(acknowledgement(datetime.now(UTC) + DAY))
        log.end({number: "it was until yesterday"}, told)
        assert len(log.of_store(STORE)) == kept
        assert (kept_acknowledgements(history)[0].ended is None) == kept


@pytest.mark.parametrize("ahead", [400 * 24 * 3600, 60, 0])
def test_reviews_written_in_the_future_are_kept_for_a_week_from_now(tmp_path: Path, ahead: float) -> None:
    """And then removed as others are."""
    moment = time.time() + ahead
    journal = tmp_path / ".20260115T020000Z-abc123.tmp" / JOURNAL_FILE
    journal.parent.mkdir()
    journal.touch()
    os.utime(journal, (moment, moment))
    ReportsFolder(tmp_path).release()
    assert journal.stat().st_mtime <= time.time() + 3600
    os.utime(journal, (time.time() - 8 * 24 * 3600,) * 2)
    ReportsFolder(tmp_path).release()
    assert not journal.exists()


def test_a_finished_run_of_the_future_does_not_hide_an_interrupted_one(tmp_path: Path) -> None:
    """`--drift-resume` finds the run that was interrupted under the right clock."""
    leave(tmp_path, AHEAD, aside=False, finished=True)
    interrupted = leave(tmp_path, night(1))
    assert find_unfinished(settings(tmp_path)).folder == interrupted
    leave(tmp_path, night(2), aside=False, finished=True)
    with pytest.raises(SettingError, match=f"{night(2)}, is finished"):
        find_unfinished(settings(tmp_path))
