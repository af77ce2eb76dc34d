"""Folders, history, metrics and the list of runs are kept, whatever goes wrong with one of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from drift_checks.core.errors import ReportsError
from drift_checks.report.document import drift_document
from drift_checks.report.folder import ReportsFolder
from drift_checks.report.history import reading
from drift_checks.report.history.reading import NAME, open_for_reading
from drift_checks.report.keeping import METRICS, Keeper
from tests.support.histories import NIGHTS, STORE, document, ids, night, raw, set_aside
from tests.support.histories import write as write_document
from tests.support.reports import report, reviewed

QUARTER = timedelta(days=90)


@contextmanager
def keeping(reports: Path, retention: timedelta = QUARTER) -> Iterator[Keeper]:
    """Keep runs in the folder, as one run does."""
    folder = ReportsFolder(reports)
    keeper = Keeper(folder, retention)
    try:
        yield keeper
    finally:
        keeper.close()
        folder.release()


def keep_in(keeper: Keeper, run_id: str, **facts: Any) -> Path:
    """Keep a run of that night; return its page."""
    started = f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}T{run_id[9:11]}:00:00Z"
    made = report(reviewed(45, 5), run_id=run_id, **({"started": started} | facts))
    return keeper.keep(made, {"drift": drift_document(made)})


def keep(reports: Path, run_id: str, retention: timedelta = QUARTER, **facts: Any) -> list[str]:
    """Keep a run of that night, check its page, and return the warnings."""
    with keeping(reports, retention) as keeper:
        page = keep_in(keeper, run_id, **facts)
    assert page == reports / run_id / "index.html"
    assert page.read_text().rstrip().endswith("</html>")
    return keeper.warnings


def recorded(reports: Path) -> list[str]:
    """Return the ids of the runs in the history."""
    history = open_for_reading(reports)
    assert history is not None
    with history:
        return ids(history)


def folders(reports: Path) -> list[str]:
    """Return the ids of the runs whose folders are there."""
    return sorted(folder.name for folder in reports.glob("[0-9]*"))


def listed(reports: Path) -> list[str]:
    """Return the ids of the runs in the list, oldest first, each once."""
    text = (reports / "index.html").read_text()
    return [run_id for run_id in map(night, range(-400, 10)) if f'href="{run_id}/index.html"' in text]


def seconds(reports: Path) -> float:
    """Return when the run in the metrics began."""
    lines = (reports / METRICS).read_text().splitlines()
    return float(next(line for line in lines if line.startswith("drift_checks_run_start_")).rpartition(" ")[2])


@contextmanager
def locked(reports: Path) -> Iterator[None]:
    """Hold the history, as another program may."""
    with closing(sqlite3.connect(reports / NAME, isolation_level=None)) as other:
        other.execute("begin exclusive")
        yield


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LOCK_WAIT_SECONDS", 0.05)


def test_a_run_is_kept_everywhere(tmp_path: Path) -> None:
    """In its folder, the history, the metrics and the list, with those before it."""
    for run_id in NIGHTS[:2]:
        assert keep(tmp_path, run_id) == []
    assert folders(tmp_path) == recorded(tmp_path) == NIGHTS[:2]
    assert listed(tmp_path) == NIGHTS[:2]
    assert seconds(tmp_path) == 1768096800.0


def test_past_runs_are_those_of_the_store_without_this_one(tmp_path: Path) -> None:
    """Oldest first, with those that the history lacks, as after a kill; a resumed run is not in its own past."""
    write_document(tmp_path, document(NIGHTS[0]))
    for run_id in NIGHTS[1:3]:
        keep(tmp_path, run_id)
    keep(tmp_path, NIGHTS[3], db="/another.db")
    with keeping(tmp_path) as keeper:
        assert [run.run_id for run in keeper.past(STORE, NIGHTS[1])] == [NIGHTS[0], NIGHTS[2]]


def test_a_partial_run_is_only_listed(tmp_path: Path) -> None:
    """It changes neither history nor metrics, and prunes nothing."""
    keep(tmp_path, NIGHTS[0])
    before = [(tmp_path / name).read_bytes() for name in (NAME, METRICS)]
    assert keep(tmp_path, NIGHTS[1], timedelta(0), partial=True) == []
    assert [(tmp_path / name).read_bytes() for name in (NAME, METRICS)] == before
    assert listed(tmp_path) == NIGHTS[:2]
    assert (tmp_path / "index.html").read_text().count("partial review") == 1


def test_a_run_whose_folder_cannot_be_written_is_kept_nowhere(tmp_path: Path) -> None:
    """The folder comes first; everything else stays as it was."""
    keep(tmp_path, NIGHTS[0])
    (tmp_path / f".{NIGHTS[1]}.tmp").write_text("in the way")
    before = [(tmp_path / name).read_bytes() for name in (NAME, METRICS, "index.html")]
    with keeping(tmp_path) as keeper, pytest.raises(ReportsError, match="reports cannot be written there"):
        keep_in(keeper, NIGHTS[1])
    assert [(tmp_path / name).read_bytes() for name in (NAME, METRICS, "index.html")] == before
    assert recorded(tmp_path) == NIGHTS[:1]


def test_a_history_that_stays_locked_is_a_warning(tmp_path: Path) -> None:
    """The next run adds what is missing."""
    keep(tmp_path, NIGHTS[0])
    with locked(tmp_path):
        warnings = keep(tmp_path, NIGHTS[1])
    assert {f"{NAME}: another process has held the history" in warning for warning in warnings} == {True}
    assert recorded(tmp_path) == NIGHTS[:1]
    assert keep(tmp_path, NIGHTS[2]) == []
    assert recorded(tmp_path) == NIGHTS[:3]


def test_a_history_that_gets_locked_is_one_warning(tmp_path: Path) -> None:
    """The metrics are those of the run all the same: an alert must not rest on the night before."""
    keep(tmp_path, NIGHTS[0])
    with keeping(tmp_path) as keeper, locked(tmp_path):
        page = keep_in(keeper, NIGHTS[1])
        assert keeper.past(STORE, NIGHTS[1]) == ()
    assert page.exists()
    (warning,) = keeper.warnings
    assert f"{NAME}: " in warning
    assert seconds(tmp_path) == 1768096800.0


def test_a_corrupt_history_is_replaced(tmp_path: Path) -> None:
    """With the runs that are kept."""
    keep(tmp_path, NIGHTS[0])
    (tmp_path / NAME).write_bytes(b"no database" * 1000)
    (warning,) = keep(tmp_path, NIGHTS[1])
    assert "was damaged" in warning
    assert set_aside(tmp_path)
    assert recorded(tmp_path) == listed(tmp_path) == NIGHTS[:2]


def test_a_newer_history_is_left_alone(tmp_path: Path) -> None:
    """With one warning; metrics and list are written, and whole runs are listed as such from their documents."""
    keep(tmp_path, NIGHTS[0])
    raw(tmp_path, "pragma user_version = 99")
    (warning,) = keep(tmp_path, NIGHTS[1])
    assert "was made by a newer version" in warning
    assert raw(tmp_path, "select run_id from runs") == [(NIGHTS[0],)]
    assert (listed(tmp_path), seconds(tmp_path)) == (NIGHTS[:2], 1768096800.0)
    assert "partial review" not in (tmp_path / "index.html").read_text()


def test_a_history_that_cannot_be_created_is_a_warning(tmp_path: Path) -> None:
    """Metrics and list are written all the same."""
    (tmp_path / NAME / "mine").mkdir(parents=True)
    (warning,) = keep(tmp_path, NIGHTS[0])
    assert f"{NAME}: the history cannot be written" in warning
    assert (listed(tmp_path), seconds(tmp_path)) == (NIGHTS[:1], 1768010400.0)
    assert "partial review" not in (tmp_path / "index.html").read_text()


def test_metrics_that_cannot_be_written_are_a_warning(tmp_path: Path) -> None:
    """The history comes before them, and the list does not need them."""
    (tmp_path / METRICS / "mine").mkdir(parents=True)
    (warning,) = keep(tmp_path, NIGHTS[0])
    assert f"{METRICS}: the metrics cannot be written there" in warning
    assert recorded(tmp_path) == listed(tmp_path) == NIGHTS[:1]


def test_a_list_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """It comes last."""
    (tmp_path / "index.html" / "mine").mkdir(parents=True)
    (warning,) = keep(tmp_path, NIGHTS[0])
    assert "reports cannot be written there" in warning
    assert recorded(tmp_path) == NIGHTS[:1]
    assert seconds(tmp_path) == 1768010400.0


def test_a_list_that_cannot_be_replaced_is_a_warning(tmp_path: Path) -> None:
    """The previous list stays."""
    keep(tmp_path, NIGHTS[0])
    with keeping(tmp_path) as keeper:
        (tmp_path / ".index.html.tmp").mkdir()
        keep_in(keeper, NIGHTS[1])
    (warning,) = keeper.warnings
    assert "Is a directory" in warning
    assert listed(tmp_path) == NIGHTS[:1]
    assert recorded(tmp_path) == NIGHTS[:2]


def test_a_damaged_report_of_another_run_is_skipped(tmp_path: Path) -> None:
    """A user may have edited it."""
    damaged = document(NIGHTS[0])
    damaged["drift"]["agreement"]["interval"] = []
    write_document(tmp_path, damaged)
    (warning,) = keep(tmp_path, NIGHTS[1])
    assert f"{NIGHTS[0]}/report.json: cannot be read, so the history lacks this run; " in warning
    assert recorded(tmp_path) == listed(tmp_path) == NIGHTS[1:2]


def test_old_runs_are_pruned(tmp_path: Path) -> None:
    """Folder, row and line of the list, after ninety days; the newest run of another store stays recorded.

    So do judgements and plans of repair: what people said cannot be made again.
    """
    kept = [tmp_path / "judgements.jsonl", tmp_path / "repairs" / "20250101T000000Z" / "plan.json"]
    kept[1].parent.mkdir(parents=True)
    for path in kept:
        path.write_text("{}\n")
    keep(tmp_path, night(-100), db="/another.db")
    for run_id in (night(-95), night(-90), night(-89)):
        keep(tmp_path, run_id)
    keep(tmp_path, NIGHTS[0])
    assert folders(tmp_path) == listed(tmp_path) == [night(-90), night(-89), NIGHTS[0]]
    assert recorded(tmp_path) == [night(-100), night(-90), night(-89), NIGHTS[0]]
    assert all(path.read_text() == "{}\n" for path in kept)


def test_folders_are_pruned_before_rows(tmp_path: Path) -> None:
    """A folder without its row would be added to the history again."""
    keep(tmp_path, night(-100))
    with keeping(tmp_path) as keeper, locked(tmp_path):
        keep_in(keeper, NIGHTS[0])
    assert folders(tmp_path) == NIGHTS[:1]
    assert recorded(tmp_path) == [night(-100)]


def test_runs_may_be_kept_forever(tmp_path: Path) -> None:
    """The setting accepts any number of days from 30."""
    assert keep(tmp_path, NIGHTS[0], timedelta(days=999_999)) == []


def test_unreadable_reports_are_named_in_one_warning(tmp_path: Path) -> None:
    """The newest of them; folders that are no run's, and runs without a report, are passed over."""
    for name in (night(1), night(2), "notes"):
        (write_document(tmp_path, document(night(1)), name) / "report.json").write_bytes(b"{")
    (tmp_path / night(3)).mkdir()
    (warning,) = keep(tmp_path, night(4))
    problem = "cannot be read, so the history lacks this run and 1 other like it; remove the folder."
    assert warning == f"{tmp_path / night(2) / 'report.json'}: {problem}"
    assert recorded(tmp_path) == [night(4)]
