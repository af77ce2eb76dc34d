"""How long runs are kept, and what is never removed."""

from __future__ import annotations

import json
import os
import shutil
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.history_files import HISTORY, metrics_of, run_ids
from tests.support.session_runs import SMALL, Run, run_folders
from tests.support.stores import BuiltStore
from tests.support.whole_runs import run_here


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
    """Copy the newest run as an older one, return its id, and delete the history for the next run to restore."""
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
    """Return the ids of the runs whose folders exist."""
    return {path.name for path in run_folders(folder / "reports")}


def test_under_thirty_days_is_refused(sound: BuiltStore, tmp_path: Path) -> None:
    """29 days are refused in one sentence with exit code 4, before anything is written."""
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
    """90 by default; folder, history row and line of the list go together."""
    old = age(folder, days)
    found = run_here(folder, *sound.options, *SMALL, *given)
    assert found.exit_code == 0
    listed = (folder / "reports" / "index.html").read_text(encoding="utf-8")
    assert (old in names(folder), old in run_ids(folder / "reports"), old in listed) == (stays, stays, stays)


def test_rows_of_removed_folders_are_pruned_too(folder: Path, sound: BuiltStore) -> None:
    """A run whose folder somebody removed stays in the history until it is old enough."""
    gone, recent = age(folder, 60, 1), age(folder, 20, 2)
    run_here(folder, *sound.options, *SMALL)
    for run_id in (gone, recent):
        shutil.rmtree(folder / "reports" / run_id)
    run_here(folder, *sound.options, *SMALL, "--drift-retention-days=30")
    kept = run_ids(folder / "reports")
    assert (gone in kept, recent in kept) == (False, True)


def test_newest_whole_run_is_never_pruned(folder: Path, sound: BuiltStore) -> None:
    """However old it is; a partial run of today leaves it and `latest`."""
    old = age(folder, 200)
    shutil.rmtree(folder / "reports" / max(names(folder)))
    (folder / "reports" / "latest").unlink()
    (folder / "reports" / "latest").symlink_to(old)
    run_here(folder, *sound.options, "--drift-records=1,2")
    assert old in names(folder)
    assert (folder / "reports" / "latest").resolve().name == old


def test_newest_run_of_another_store_stays_in_the_metrics(folder: Path, sound: BuiltStore) -> None:
    """A rarely reviewed store is not forgotten while its run is kept."""
    other = age(folder, 80, db="/elsewhere/other.db")
    found = run_here(folder, *sound.options, *SMALL)
    expected = {"/elsewhere/other.db": other, str(sound.db): found.folder.name}
    assert metrics_of(folder / "reports") == expected


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_others_may_read_nothing(tmp_path: Path, sound: BuiltStore, mask: int) -> None:
    """A run's folder, its files, list and history are for owner and group, whatever the umask, also when replaced."""
    before = os.umask(mask)
    try:
        (tmp_path / "run" / "reports").mkdir(parents=True)
        (tmp_path / "run" / "reports" / "index.html").touch(0o666)
        found = run_here(tmp_path / "run", *sound.options, *SMALL)
    finally:
        os.umask(before)
    paths = [found.folder, *found.folder.iterdir(), found.reports / "index.html", found.reports / HISTORY]
    assert {path.name: others for path in paths if (others := stat.S_IMODE(path.stat().st_mode) & 0o007)} == {}
    group = stat.S_IMODE(found.folder.stat().st_mode) & 0o070
    assert (group & mask, bool(group)) == (0, mask != 0o077)
