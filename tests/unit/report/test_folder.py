"""The folder of reports."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree.ElementTree import ElementTree

import pytest

from drift_checks.core.errors import ReportsError, RunInProgress
from drift_checks.report.document import drift_document
from drift_checks.report.folder import ReportsFolder
from tests.support.processes import OtherProcess, run_unprivileged
from tests.support.reports import report, reviewed

RUN = "20260115T020000Z-abc123"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where reports are to be written."""
    return tmp_path / "deep" / "reports"


@pytest.fixture
def reports(path: Path) -> Iterator[ReportsFolder]:
    """The folder, held by this run."""
    opened = ReportsFolder(path)
    yield opened
    opened.release()


def write(reports: ReportsFolder, run_id: str = RUN, *, partial: bool = False) -> Path:
    """Write a run; return its page."""
    found = report(reviewed(45, 5), run_id=run_id, partial=partial)
    return reports.write(found, {"drift": drift_document(found)})


def visible(path: Path) -> list[str]:
    """Return what a user sees in the folder."""
    return sorted(entry.name for entry in path.iterdir() if entry.name != ".lock")


def test_a_run_leaves_its_folder_and_the_link_to_it(reports: ReportsFolder, path: Path) -> None:
    """And nothing else."""
    page = write(reports)
    assert page == path / RUN / "index.html"
    assert visible(path) == [RUN, "latest"]
    assert visible(path / RUN) == ["index.html", "junit.xml", "report.json"]
    assert json.loads((path / "latest" / "report.json").read_text())["drift"]["run_id"] == RUN


def test_latest_is_a_relative_link(reports: ReportsFolder, path: Path) -> None:
    """The folder can be moved or mounted elsewhere."""
    write(reports)
    assert (path / "latest").readlink() == Path(RUN)


def test_latest_moves_to_the_newest_run(reports: ReportsFolder, path: Path) -> None:
    """The older stays."""
    write(reports)
    write(reports, "20260116T020000Z-def456")
    assert (path / "latest").readlink() == Path("20260116T020000Z-def456")
    assert (path / RUN).is_dir()


def test_a_part_of_a_review_leaves_latest(reports: ReportsFolder, path: Path) -> None:
    """It writes its folder only."""
    write(reports)
    write(reports, "20260116T020000Z-def456", partial=True)
    assert (path / "latest").readlink() == Path(RUN)
    assert (path / "20260116T020000Z-def456" / "index.html").exists()


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_others_may_not_read_a_report(reports: ReportsFolder, path: Path, umask: int) -> None:
    """It holds the store's texts."""
    before = os.umask(umask)
    try:
        write(reports)
    finally:
        os.umask(before)
    assert (path / RUN).stat().st_mode & 0o777 == 0o750
    assert {file.stat().st_mode & 0o777 for file in (path / RUN).iterdir()} == {0o640}


@pytest.mark.parametrize(("writer", "method"), [(Path, "write_text"), (ElementTree, "write"), (Path, "rename")])
def test_a_run_is_written_whole_or_not_at_all(
    reports: ReportsFolder, path: Path, monkeypatch: pytest.MonkeyPatch, writer: type, method: str
) -> None:
    """A full disk leaves the one before."""
    write(reports)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, method, full)
    with pytest.raises(ReportsError, match=r"No space left on device.*--drift-reports"):
        write(reports, "20260116T020000Z-def456")
    assert visible(path) == [RUN, "latest"]
    assert (path / "latest").readlink() == Path(RUN)


def test_a_path_that_is_no_utf_8_can_be_reported(reports: ReportsFolder, path: Path) -> None:
    """Names of files are bytes, which Python keeps as half characters."""
    found = report(reviewed(45, 5), db=os.fsdecode(b"/data/caf\xe9.db"))
    reports.write(found, {"drift": drift_document(found)})
    assert visible(path) == [RUN, "latest"]


def test_a_second_run_learns_who_has_locked_the_folder(reports: ReportsFolder, path: Path) -> None:
    """And that it can try again."""
    with pytest.raises(RunInProgress) as refused:
        ReportsFolder(path)
    said = str(refused.value)
    assert said.startswith(
        f"{path}: another run is in progress (process {os.getpid()} on {socket.gethostname()} since "
    )
    assert "--drift-reports" in said


def test_a_run_in_another_process_holds_it_too(path: Path) -> None:
    """Until it ends, however it ends."""
    with OtherProcess() as other:
        other.run(
            "from pathlib import Path\nfrom drift_checks.report.folder import ReportsFolder\n"
            f"held = ReportsFolder(Path({str(path)!r}))"
        )
        with pytest.raises(RunInProgress, match=f"process {other.pid} on"):
            ReportsFolder(path)
    ReportsFolder(path).release()


def test_a_refused_run_leaves_the_holder_its_lock(reports: ReportsFolder, path: Path) -> None:
    """A third run is refused with the same message."""
    for _ in range(2):
        with pytest.raises(RunInProgress, match=f"process {os.getpid()}"):
            ReportsFolder(path)


def test_a_released_folder_can_be_locked_again(path: Path) -> None:
    """By the next run."""
    ReportsFolder(path).release()
    ReportsFolder(path).release()


def test_opening_leaves_nothing_to_be_seen(reports: ReportsFolder, path: Path) -> None:
    """A run that ends early leaves no empty report."""
    assert visible(path) == []


def test_a_file_in_its_place_is_reported(tmp_path: Path) -> None:
    """The message names path and setting."""
    (tmp_path / "reports").touch()
    with pytest.raises(ReportsError, match=r"reports: reports cannot be written there \(.*\); .* --drift-reports"):
        ReportsFolder(tmp_path / "reports")


OPEN = """
import sys
from pathlib import Path
from drift_checks.core.errors import DriftError
from drift_checks.report.folder import ReportsFolder
try:
    ReportsFolder(Path(sys.argv[1]))
    print("opened")
except DriftError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("existing", [True, False], ids=["there", "to be made"])
def test_a_folder_that_cannot_be_written_to_is_reported(path: Path, existing: bool) -> None:
    """Before anything is reviewed."""
    locked = path if existing else path.parent
    locked.mkdir(parents=True)
    locked.chmod(0o555)
    said = run_unprivileged(OPEN, path)
    assert said.startswith(f"ReportsError {path}: ")
    assert "Permission denied" in said


def test_a_folder_that_became_unwritable_is_reported(path: Path) -> None:
    """Though the lock's file is still there."""
    ReportsFolder(path).release()
    path.chmod(0o555)
    assert run_unprivileged(OPEN, path).startswith(f"ReportsError {path}: ")


@pytest.mark.parametrize(("days", "goes_on", "kept"), [(1, False, True), (8, False, False), (8, True, True)])
def test_reviews_of_a_killed_run_are_kept_for_a_week(path: Path, days: int, goes_on: bool, kept: bool) -> None:
    """And longer if it is resumed now."""
    journal = path / ".20260101T020000Z-abcdef.tmp" / "reviews.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_text("{}")
    os.utime(journal, (0, time.time() - days * 24 * 3600))
    ReportsFolder(path, journal.parent if goes_on else None).release()
    assert journal.exists() is kept


def test_a_file_is_put_beside_the_runs(reports: ReportsFolder, path: Path) -> None:
    """Replacing an existing one, readable by owner and group only."""
    reports.write_file("index.html", "before")
    reports.write_file("index.html", "caf\xe9 \ud800")
    assert (path / "index.html").read_bytes() == b"caf\xc3\xa9 \\ud800"
    assert (path / "index.html").stat().st_mode & 0o777 == 0o640
    assert visible(path) == ["index.html"]


def test_a_file_is_put_whole_or_not_at_all(reports: ReportsFolder, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the old one, and nothing of the new one."""
    reports.write_file("index.html", "before")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReportsError, match=r"No space left on device.*--drift-reports"):
        reports.write_file("index.html", "after")
    assert visible(path) == ["index.html"]
    assert (path / "index.html").read_text() == "before"


def test_a_folder_in_the_place_of_a_file_is_reported(reports: ReportsFolder, path: Path) -> None:
    """It may hold something."""
    (path / "index.html" / "mine").mkdir(parents=True)
    with pytest.raises(ReportsError, match=r"reports: reports cannot be written there \(.*\); .* --drift-reports"):
        reports.write_file("index.html", "text")
    assert visible(path) == ["index.html"]


MOMENT = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
OLDER = "20260115T015959Z-aaaaaa"
NEWER = "20260116T020000Z-def456"


def test_runs_that_began_before_are_pruned(reports: ReportsFolder, path: Path) -> None:
    """To the second; the one that began at the moment stays."""
    for run in (OLDER, RUN, NEWER):
        write(reports, run)
    reports.prune(MOMENT, keep=NEWER)
    assert visible(path) == [RUN, NEWER, "latest"]


def test_the_run_itself_and_the_latest_stay(reports: ReportsFolder, path: Path) -> None:
    """However long ago they began; parts of a review go."""
    write(reports, OLDER)
    write(reports, "20260101T020000Z-bbbbbb", partial=True)
    write(reports, "20260102T020000Z-cccccc", partial=True)
    reports.prune(MOMENT, keep="20260102T020000Z-cccccc")
    assert visible(path) == ["20260102T020000Z-cccccc", OLDER, "latest"]


@pytest.mark.parametrize(
    "name", ["notes", "20250101", "2025-01-01 notes", "20251301T020000Z-abc123", "x20250101T020000Z-abc123"]
)
def test_what_is_no_run_is_not_pruned(reports: ReportsFolder, path: Path, name: str) -> None:
    """It may be somebody's work."""
    (path / name).mkdir()
    reports.prune(MOMENT, keep=RUN)
    assert visible(path) == [name]


def test_neither_a_link_nor_a_file_is_pruned(reports: ReportsFolder, path: Path, tmp_path: Path) -> None:
    """Nor what it points to."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").touch()
    (path / "20250101T020000Z-abc123").symlink_to(tmp_path / "elsewhere")
    (path / "20250102T020000Z-abc123").touch()
    reports.prune(MOMENT, keep=RUN)
    assert visible(path) == ["20250101T020000Z-abc123", "20250102T020000Z-abc123"]
    assert (tmp_path / "elsewhere" / "mine").exists()


@pytest.mark.parametrize("name", ["20250101T020000Z-abc123 (copy)", "20250101T020000Z", "20250101T020000Z-notes"])
def test_what_a_user_named_like_a_run_is_not_pruned(reports: ReportsFolder, path: Path, name: str) -> None:
    """No run has such an id."""
    (path / name).mkdir()
    reports.prune(MOMENT, keep=RUN)
    assert visible(path) == [name]


def test_a_journal_of_a_killed_run_is_not_pruned(reports: ReportsFolder, path: Path) -> None:
    """It is kept for a time of its own."""
    journal = path / f".{OLDER}.tmp" / "reviews.jsonl"
    journal.parent.mkdir()
    journal.touch()
    reports.prune(MOMENT, keep=RUN)
    assert journal.exists()
