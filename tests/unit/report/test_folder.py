"""The folder of reports."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drift_checks.core.errors import ReportsError, RunInProgress
from drift_checks.report.document import drift_document
from drift_checks.report.folder import ReportsFolder
from tests.support.processes import OtherProcess, run_unprivileged
from tests.support.reports import report, reviewed

RUN = "20260115T020000Z-abc123"
NEWER = "20260116T020000Z-def456"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the folder, which is missing."""
    return tmp_path / "deep" / "reports"


@pytest.fixture
def reports(path: Path) -> Iterator[ReportsFolder]:
    """The folder, locked by this run."""
    opened = ReportsFolder(path)
    yield opened
    opened.release()


def write(reports: ReportsFolder, run_id: str = RUN, *, partial: bool = False) -> Path:
    """Write a run; return its page."""
    found = report(reviewed(45, 5), run_id=run_id, partial=partial)
    page = reports.write(found, {"drift": drift_document(found)})
    if not partial:
        reports.point_latest_to(run_id)
    return page


def visible(path: Path) -> list[str]:
    """Return what a user sees in the folder."""
    return sorted(entry.name for entry in path.iterdir() if entry.name != ".lock")


def test_a_run_leaves_its_folder_and_the_link_to_it(reports: ReportsFolder, path: Path) -> None:
    """And nothing else; the link is relative, so that the folder can be moved."""
    assert visible(path) == []
    page = write(reports)
    assert page == path / RUN / "index.html"
    assert visible(path) == [RUN, "latest"]
    assert visible(path / RUN) == ["index.html", "junit.xml", "report.json"]
    assert (path / "latest").readlink() == Path(RUN)
    assert json.loads((path / "latest" / "report.json").read_text())["drift"]["run_id"] == RUN


@pytest.mark.parametrize("partial", [False, True])
def test_latest_is_the_newest_whole_run(reports: ReportsFolder, path: Path, partial: bool) -> None:
    """Both folders stay."""
    write(reports)
    write(reports, NEWER, partial=partial)
    assert (path / "latest").readlink() == Path(RUN if partial else NEWER)
    assert visible(path) == [RUN, NEWER, "latest"]


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


def full(*_: object, **__: object) -> None:
    """Fail as a full disk does."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(("writer", "method"), [(os, "fsync"), (Path, "rename")])
def test_a_run_is_written_completely_or_not_at_all(
    reports: ReportsFolder, path: Path, monkeypatch: pytest.MonkeyPatch, writer: object, method: str
) -> None:
    """A full disk leaves the previous run."""
    write(reports)
    monkeypatch.setattr(writer, method, full)
    with pytest.raises(ReportsError, match=r"No space left on device.*--drift-reports"):
        write(reports, NEWER)
    assert visible(path) == [RUN, "latest"]
    assert (path / "latest").readlink() == Path(RUN)


def test_a_path_that_is_not_utf_8_can_be_reported(reports: ReportsFolder, path: Path) -> None:
    """Names of files are bytes, which Python keeps as lone surrogates."""
    found = report(reviewed(45, 5), db=os.fsdecode(b"/data/caf\xe9.db"))
    reports.write(found, {"drift": drift_document(found)})
    assert visible(path) == [RUN]


def test_a_second_run_is_refused_and_names_the_first(reports: ReportsFolder, path: Path) -> None:
    """So is a third: the refused run leaves the lock as it was."""
    holder = f"process {os.getpid()} on {socket.gethostname()} since "
    for _ in range(2):
        with pytest.raises(RunInProgress) as refused:
            ReportsFolder(path)
        assert str(refused.value).startswith(f"{path}: another run is in progress ({holder}")
        assert "--drift-reports" in str(refused.value)


def test_a_run_in_another_process_locks_the_folder_too(path: Path) -> None:
    """Until it ends, however it ends."""
    with OtherProcess() as other:
        other.run(
            "from pathlib import Path\nfrom drift_checks.report.folder import ReportsFolder\n"
            f"held = ReportsFolder(Path({str(path)!r}))"
        )
        with pytest.raises(RunInProgress, match=f"process {other.pid} on"):
            ReportsFolder(path)
    ReportsFolder(path).release()
    ReportsFolder(path).release()


def test_a_file_in_its_place_is_reported(tmp_path: Path) -> None:
    """With its path and the setting."""
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


@pytest.mark.parametrize("existing", ["nothing", "the folder", "the lock"])
def test_an_unwritable_folder_is_reported(path: Path, existing: str) -> None:
    """Before anything is reviewed, even if the lock's file exists."""
    if existing == "the lock":
        ReportsFolder(path).release()
    unwritable = path.parent if existing == "nothing" else path
    unwritable.mkdir(parents=True, exist_ok=True)
    unwritable.chmod(0o555)
    printed = run_unprivileged(OPEN, path)
    assert printed.startswith(f"ReportsError {path}: ")
    assert "Permission denied" in printed


@pytest.mark.parametrize(("days", "resumed", "kept"), [(1, False, True), (8, False, False), (8, True, True)])
def test_reviews_of_a_killed_run_are_kept_for_a_week(path: Path, days: int, resumed: bool, kept: bool) -> None:
    """And longer if the run is resumed now."""
    journal = path / ".20260101T020000Z-abcdef.tmp" / "reviews.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_text("{}")
    os.utime(journal, (0, time.time() - days * 24 * 3600))
    ReportsFolder(path, journal.parent if resumed else None).release()
    assert journal.exists() is kept


def test_a_file_beside_the_runs_is_replaced(reports: ReportsFolder, path: Path) -> None:
    """Only owner and group may read it."""
    reports.write_file("index.html", "before")
    reports.write_file("index.html", "caf\xe9 \ud800")
    assert (path / "index.html").read_bytes() == b"caf\xc3\xa9 \\ud800"
    assert (path / "index.html").stat().st_mode & 0o777 == 0o640
    assert visible(path) == ["index.html"]


def test_a_file_is_written_completely_or_not_at_all(
    reports: ReportsFolder, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk leaves the previous one, and nothing of the new one."""
    reports.write_file("index.html", "before")
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


def test_runs_that_began_earlier_are_pruned(reports: ReportsFolder, path: Path) -> None:
    """To the second; the one that began at the moment stays."""
    for run in (OLDER, RUN, NEWER):
        write(reports, run)
    reports.prune(MOMENT, keep=NEWER)
    assert visible(path) == [RUN, NEWER, "latest"]


def test_the_run_itself_and_the_latest_are_not_pruned(reports: ReportsFolder, path: Path) -> None:
    """However long ago they began; other partial runs are."""
    write(reports, OLDER)
    write(reports, "20260101T020000Z-bbbbbb", partial=True)
    write(reports, "20260102T020000Z-cccccc", partial=True)
    reports.prune(MOMENT, keep="20260102T020000Z-cccccc")
    assert visible(path) == ["20260102T020000Z-cccccc", OLDER, "latest"]


FOREIGN = (
    "notes",
    "2025-01-01 notes",
    "20251301T020000Z-abc123",
    "20250101T020000Z-abc123 (copy)",
    "20250101T020000Z-abc123.bak",
    "20250101T020000Z",
)


@pytest.mark.parametrize("name", FOREIGN)
def test_other_folders_are_not_pruned(reports: ReportsFolder, path: Path, name: str) -> None:
    """They have no id of a run, even if they hold a report."""
    (path / name).mkdir()
    (path / name / "report.json").touch()
    reports.prune(MOMENT, keep=RUN)
    assert visible(path) == [name]


def test_neither_a_link_nor_a_file_nor_a_folder_without_a_report_is_pruned(
    reports: ReportsFolder, path: Path, tmp_path: Path
) -> None:
    """Even if it is named like a run; least of all what the link leads to."""
    names = [f"2025010{day}T020000Z-abc123" for day in (1, 2, 3)]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "report.json").touch()
    (path / names[0]).symlink_to(tmp_path / "elsewhere")
    (path / names[1]).touch()
    (path / names[2]).mkdir()
    (path / names[2] / "thesis.txt").touch()
    reports.prune(MOMENT, keep=RUN)
    assert visible(path) == names
    assert (tmp_path / "elsewhere" / "report.json").exists()
    assert (path / names[2] / "thesis.txt").exists()


def test_the_journal_of_a_killed_run_is_not_pruned(reports: ReportsFolder, path: Path) -> None:
    """It is kept for a time of its own."""
    journal = path / f".{OLDER}.tmp" / "reviews.jsonl"
    journal.parent.mkdir()
    journal.touch()
    reports.prune(MOMENT, keep=RUN)
    assert journal.exists()
