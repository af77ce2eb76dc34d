"""What is kept of runs: folders, history, metrics and the list of them all, whatever goes wrong with one of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
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
    """Keep a run of that night as a run does, and return the warnings; its page is there whatever they say."""
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
    """Oldest first; a run that is taken up again is none of its own past."""
    for run_id in NIGHTS[:3]:
        keep(tmp_path, run_id)
    keep(tmp_path, NIGHTS[3], db="/another.db")
    with keeping(tmp_path) as keeper:
        assert [run.run_id for run in keeper.past(STORE, NIGHTS[1])] == [NIGHTS[0], NIGHTS[2]]


def test_runs_that_the_history_lacks_are_past_ones_too(tmp_path: Path) -> None:
    """As one that was killed before it was recorded."""
    write_document(tmp_path, document(NIGHTS[0]))
    with keeping(tmp_path) as keeper:
        assert [run.run_id for run in keeper.past(STORE, NIGHTS[1])] == NIGHTS[:1]


def test_a_part_of_a_review_is_listed_alone(tmp_path: Path) -> None:
    """It touches neither history nor metrics, and prunes nothing."""
    keep(tmp_path, NIGHTS[0])
    before = [(tmp_path / name).read_bytes() for name in (NAME, METRICS)]
    assert keep(tmp_path, NIGHTS[1], timedelta(0), partial=True) == []
    assert [(tmp_path / name).read_bytes() for name in (NAME, METRICS)] == before
    assert listed(tmp_path) == NIGHTS[:2]
    assert (tmp_path / "index.html").read_text().count("partial review") == 1


def test_a_run_whose_folder_cannot_be_written_is_kept_nowhere(tmp_path: Path) -> None:
    """The folder comes first; what else is there stays as it was."""
    keep(tmp_path, NIGHTS[0])
    (tmp_path / f".{NIGHTS[1]}.tmp").write_text("in the way")
    before = [(tmp_path / name).read_bytes() for name in (NAME, METRICS, "index.html")]
    with keeping(tmp_path) as keeper, pytest.raises(ReportsError, match="reports cannot be written there"):
        keep_in(keeper, NIGHTS[1])
    assert [(tmp_path / name).read_bytes() for name in (NAME, METRICS, "index.html")] == before
    assert recorded(tmp_path) == NIGHTS[:1]


def test_a_history_locked_all_the_time_is_reported(tmp_path: Path) -> None:
    """The next run takes up what it could not take."""
    keep(tmp_path, NIGHTS[0])
    with locked(tmp_path):
        warnings = keep(tmp_path, NIGHTS[1])
    assert {f"{NAME}: another process has held the history" in warning for warning in warnings} == {True}
    assert recorded(tmp_path) == NIGHTS[:1]
    assert keep(tmp_path, NIGHTS[2]) == []
    assert recorded(tmp_path) == NIGHTS[:3]


def test_a_history_locked_at_the_end_is_reported(tmp_path: Path) -> None:
    """As one locked from the start is."""
    with keeping(tmp_path) as keeper, locked(tmp_path):
        page = keep_in(keeper, NIGHTS[0])
        assert keeper.past(STORE, NIGHTS[0]) == ()
    assert page.exists()
    assert {f"{NAME}: " in warning for warning in keeper.warnings} == {True}


def test_a_locked_history_is_told_of_once(tmp_path: Path) -> None:
    """One reason, one sentence."""
    with keeping(tmp_path) as keeper, locked(tmp_path):
        keep_in(keeper, NIGHTS[0])
    assert len(keeper.warnings) == len(set(keeper.warnings))


def test_metrics_are_of_the_newest_run_though_the_history_is_locked(tmp_path: Path) -> None:
    """An alert must not rest on the night before."""
    keep(tmp_path, NIGHTS[0])
    with keeping(tmp_path) as keeper, locked(tmp_path):
        keep_in(keeper, NIGHTS[1])
    assert seconds(tmp_path) == 1768096800.0


def test_a_corrupt_history_is_made_anew(tmp_path: Path) -> None:
    """With the runs that are kept."""
    keep(tmp_path, NIGHTS[0])
    (tmp_path / NAME).write_bytes(b"no database" * 1000)
    (warning,) = keep(tmp_path, NIGHTS[1])
    assert "was damaged" in warning
    assert set_aside(tmp_path)
    assert recorded(tmp_path) == listed(tmp_path) == NIGHTS[:2]


def newer(reports: Path) -> list[str]:
    """Keep a run beside a history of a newer version, which has the run before."""
    keep(reports, NIGHTS[0])
    raw(reports, "pragma user_version = 99")
    return keep(reports, NIGHTS[1])


def test_a_newer_history_is_left_alone(tmp_path: Path) -> None:
    """And told of once; the run's page is there and listed."""
    (warning,) = newer(tmp_path)
    assert "was made by a newer version" in warning
    assert raw(tmp_path, "select run_id from runs") == [(NIGHTS[0],)]
    assert listed(tmp_path) == NIGHTS[:2]


def test_metrics_are_written_beside_a_newer_history(tmp_path: Path) -> None:
    """An alert on a missing series would go off, one on the verdict would not."""
    newer(tmp_path)
    assert seconds(tmp_path) == 1768096800.0


def in_the_way(reports: Path) -> None:
    """Put a folder where the history is to be."""
    (reports / NAME / "mine").mkdir(parents=True)


@pytest.mark.parametrize("spoil", [newer, in_the_way])
def test_whole_reviews_are_listed_as_such_without_the_history(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    """Their documents say what they are."""
    spoil(tmp_path)
    keep(tmp_path, NIGHTS[2])
    assert "partial review" not in (tmp_path / "index.html").read_text()


def test_a_history_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    """Metrics and list are written all the same."""
    in_the_way(tmp_path)
    (warning,) = keep(tmp_path, NIGHTS[0])
    assert f"{NAME}: the history cannot be written" in warning
    assert listed(tmp_path) == NIGHTS[:1]
    assert seconds(tmp_path) == 1768010400.0


def test_metrics_that_cannot_be_written_are_reported(tmp_path: Path) -> None:
    """The history comes before them, and the list does not need them."""
    (tmp_path / METRICS / "mine").mkdir(parents=True)
    (warning,) = keep(tmp_path, NIGHTS[0])
    assert f"{METRICS}: the metrics cannot be written there" in warning
    assert recorded(tmp_path) == listed(tmp_path) == NIGHTS[:1]


def test_a_list_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    """It comes last."""
    (tmp_path / "index.html" / "mine").mkdir(parents=True)
    (warning,) = keep(tmp_path, NIGHTS[0])
    assert "reports cannot be written there" in warning
    assert recorded(tmp_path) == NIGHTS[:1]
    assert seconds(tmp_path) == 1768010400.0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    """The list before it stays."""
    keep(tmp_path, NIGHTS[0])
    with keeping(tmp_path) as keeper:
        (tmp_path / ".index.html.tmp").symlink_to("/dev/full")
        keep_in(keeper, NIGHTS[1])
    (warning,) = keeper.warnings
    assert "No space left on device" in warning
    assert listed(tmp_path) == NIGHTS[:1]
    assert recorded(tmp_path) == NIGHTS[:2]


DAMAGES: dict[str, Callable[[Any], None]] = {
    "a rate that is none": lambda drift: drift["agreement"].update(rate="much"),
    "a rate without interval": lambda drift: drift["agreement"].update(interval=None),
    "an interval without bounds": lambda drift: drift["agreement"].update(interval=[]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_report_of_another_run_is_skipped(tmp_path: Path, damage: str) -> None:
    """A user may have edited it."""
    damaged = document(NIGHTS[0])
    DAMAGES[damage](damaged["drift"])
    write_document(tmp_path, damaged)
    keep(tmp_path, NIGHTS[1])


def test_old_runs_are_pruned(tmp_path: Path) -> None:
    """Folder, row and line of the list, ninety days on; the newest of another store stays recorded."""
    keep(tmp_path, night(-100), db="/another.db")
    for run_id in (night(-95), night(-90), night(-89)):
        keep(tmp_path, run_id)
    keep(tmp_path, NIGHTS[0])
    assert folders(tmp_path) == listed(tmp_path) == [night(-90), night(-89), NIGHTS[0]]
    assert recorded(tmp_path) == [night(-100), night(-90), night(-89), NIGHTS[0]]


def test_folders_are_pruned_before_rows(tmp_path: Path) -> None:
    """A row without a folder is no fault; a folder without its row would be taken up again."""
    keep(tmp_path, night(-100))
    with keeping(tmp_path) as keeper, locked(tmp_path):
        keep_in(keeper, NIGHTS[0])
    assert folders(tmp_path) == NIGHTS[:1]
    assert recorded(tmp_path) == [night(-100)]


def test_runs_may_be_kept_for_ever(tmp_path: Path) -> None:
    """The setting takes any number of days from 30."""
    assert keep(tmp_path, NIGHTS[0], timedelta(days=999_999)) == []
