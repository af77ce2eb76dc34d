"""How long runs are kept, and what is never taken away."""

from __future__ import annotations

import json
import os
import shutil
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.history_files import HISTORY, metrics_of, run_ids, words_of
from tests.support.session_runs import SMALL, Run, run_folders
from tests.support.stores import BuiltStore
from tests.support.whole_runs import run_here

NO_RUNS = (
    "notes.txt",
    "20200101T020000Z-abc123",
    "20200101T020000Z-abc124-copy/report.json",
    "20200101T020000Z-abc125.bak/report.json",
    "old/report.json",
    "2020-01-01/notes.txt",
)


@pytest.fixture(scope="module")
def sound(_store_once: BuiltStore) -> BuiltStore:
    """A sound store, only read here."""
    return _store_once


@pytest.fixture(scope="module")
def _run_once(sound: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_here(tmp_path_factory.mktemp("kept") / "run", *sound.options, *SMALL)


@pytest.fixture
def folder(_run_once: Run, tmp_path: Path) -> Path:
    """A folder in which a run of today was made."""
    shutil.copytree(_run_once.reports.parent, tmp_path / "run", symlinks=True)
    return tmp_path / "run"


def age(folder: Path, days: int, number: int = 0, *, db: str | None = None) -> str:
    """Make a run of so many days ago of the newest one, as if it had been kept; return its id.

    The history is lost, as after a move to another machine, and taken up from the folders by the next run.
    """
    newest = max(run_folders(folder / "reports"))
    began = datetime.now(UTC) - timedelta(days=days, minutes=5)
    run_id = f"{began:%Y%m%dT%H%M%SZ}-{number:06x}"
    target = folder / "reports" / run_id
    shutil.copytree(newest, target)
    document: dict[str, Any] = json.loads((target / "report.json").read_text(encoding="utf-8"))
    document["drift"] |= {"run_id": run_id, "started": f"{began:%Y-%m-%dT%H:%M:%SZ}"}
    if "finished" in document["drift"]:
        document["drift"]["finished"] = f"{began:%Y-%m-%dT%H:%M:%SZ}"
    if db is not None:
        document["drift"]["store"]["db"] = db
    (target / "report.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "reports" / HISTORY).unlink(missing_ok=True)
    return run_id


def names(folder: Path) -> set[str]:
    """Return the ids of the runs whose folders are there."""
    return {path.name for path in run_folders(folder / "reports")}


def test_under_thirty_days_is_refused(sound: BuiltStore, tmp_path: Path) -> None:
    """29 is refused in one sentence with 4, before anything is written."""
    found = run_here(tmp_path / "run", *sound.options, *SMALL, "--drift-retention-days=29")
    lines = [line for line in found.refusal.splitlines() if "retention-days" in line]
    assert (found.exit_code, len(lines), "29" in lines[0], "30" in lines[0]) == (4, 1, True, True)
    assert not (tmp_path / "run" / "reports").exists()


@pytest.mark.parametrize(
    ("days", "given", "stays"),
    [
        (89, (), True),
        (91, (), False),
        (31, ("--drift-retention-days=30",), False),
        (91, ("--drift-retention-days=120",), True),
    ],
)
def test_runs_are_kept_for_the_days_given(
    folder: Path, sound: BuiltStore, days: int, given: tuple[str, ...], stays: bool
) -> None:
    """90 by default; folder and history row go together."""
    old = age(folder, days)
    found = run_here(folder, *sound.options, *SMALL, *given)
    assert found.exit_code == 0
    assert (old in names(folder), old in run_ids(folder / "reports")) == (stays, stays)


def test_rows_of_runs_long_gone_go_too(folder: Path, sound: BuiltStore) -> None:
    """A run whose folder was removed by hand leaves the history when it expires, and not before."""
    gone, recent = age(folder, 60, 1), age(folder, 20, 2)
    run_here(folder, *sound.options, *SMALL)
    for run_id in (gone, recent):
        shutil.rmtree(folder / "reports" / run_id)
    run_here(folder, *sound.options, *SMALL, "--drift-retention-days=30")
    kept = run_ids(folder / "reports")
    assert (gone in kept, recent in kept) == (False, True)


def test_list_forgets_with_the_folders(folder: Path, sound: BuiltStore) -> None:
    """`reports/index.html` links to no folder that is gone."""
    old = age(folder, 100)
    run_here(folder, *sound.options, *SMALL)
    page = (folder / "reports" / "index.html").read_text(encoding="utf-8")
    assert (old in page, "Runs (2)" in words_of(folder / "reports" / "index.html")) == (False, True)


def test_newest_whole_run_never_goes(folder: Path, sound: BuiltStore) -> None:
    """However old it is, a partial run of today leaves it, its row and `latest`."""
    old = age(folder, 200)
    shutil.rmtree(folder / "reports" / max(names(folder)))
    (folder / "reports" / "latest").unlink()
    (folder / "reports" / "latest").symlink_to(old)
    run_here(folder, *sound.options, "--drift-records=1,2")
    assert old in names(folder)
    assert (folder / "reports" / "latest").resolve().name == old


def test_newest_run_of_another_store_stays_in_the_metrics(folder: Path, sound: BuiltStore) -> None:
    """A store that is reviewed seldom is not forgotten while its run is kept."""
    other = age(folder, 80, db="/elsewhere/other.db")
    found = run_here(folder, *sound.options, *SMALL)
    expected = {"/elsewhere/other.db": other, str(sound.db): found.folder.name}
    assert metrics_of(folder / "reports") == expected


@pytest.mark.parametrize("name", NO_RUNS)
def test_other_files_stay(folder: Path, sound: BuiltStore, name: str) -> None:
    """Files and folders that are not runs, whatever their names."""
    path = folder / "reports" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine", encoding="utf-8")
    os.utime(path, (0, 0))
    os.utime(path.parent, (0, 0))
    old = age(folder, 100)
    run_here(folder, *sound.options, *SMALL)
    assert (old in names(folder), path.read_text(encoding="utf-8")) == (False, "mine")


def test_folder_behind_a_link_stays(folder: Path, sound: BuiltStore) -> None:
    """A link that bears an old run's name is not followed."""
    old = age(folder, 100)
    shutil.move(folder / "reports" / old, folder / "archived")
    (folder / "reports" / old).symlink_to(folder / "archived")
    run_here(folder, *sound.options, *SMALL)
    assert (folder / "archived" / "report.json").exists()


def test_folder_without_a_report_stays(folder: Path, sound: BuiltStore) -> None:
    """A folder that only looks like a run's may hold somebody's work."""
    (folder / "reports" / "20200101T020000Z-abc123").mkdir()
    (folder / "reports" / "20200101T020000Z-abc123" / "thesis.txt").write_text("mine", encoding="utf-8")
    run_here(folder, *sound.options, *SMALL)
    assert (folder / "reports" / "20200101T020000Z-abc123" / "thesis.txt").exists()


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_others_may_read_nothing(tmp_path: Path, sound: BuiltStore, mask: int) -> None:
    """A run's folder, its files, list and history are the owner's and the group's, whatever the umask lets through."""
    before = os.umask(mask)
    try:
        found = run_here(tmp_path / "run", *sound.options, *SMALL)
    finally:
        os.umask(before)
    paths = [found.folder, *found.folder.iterdir(), found.reports / "index.html", found.reports / HISTORY]
    assert {path.name: others for path in paths if (others := stat.S_IMODE(path.stat().st_mode) & 0o007)} == {}
    group = stat.S_IMODE(found.folder.stat().st_mode) & 0o070
    assert (group & mask, bool(group)) == (0, mask != 0o077)


def test_rewritten_list_stays_closed_to_others(folder: Path, sound: BuiltStore) -> None:
    """A second run writes it again with the same permissions."""
    (folder / "reports" / "index.html").chmod(0o644)
    run_here(folder, *sound.options, *SMALL)
    assert stat.S_IMODE((folder / "reports" / "index.html").stat().st_mode) & 0o007 == 0
