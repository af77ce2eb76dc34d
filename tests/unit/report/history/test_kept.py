"""The runs whose folders are kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from drift_checks.report.history.kept import kept_runs
from drift_checks.report.history.recorded import RecordedRun
from tests.support.histories import NIGHTS, document, run, write


def found(reports: Path, *recorded: RecordedRun) -> list[tuple[str, bool]]:
    """Return the ids of the runs kept, and whether each is whole."""
    return [(item.run.run_id, item.whole) for item in kept_runs(reports, recorded)]


def test_runs_are_found_newest_first(tmp_path: Path) -> None:
    """In whichever order they were written or recorded; one without a folder has no page, and is not kept."""
    for night in (NIGHTS[1], NIGHTS[2], NIGHTS[0]):
        write(tmp_path, document(night))
    recorded = [run(NIGHTS[place]) for place in (2, 0, 3, 1)]
    assert found(tmp_path, *recorded) == [(night, True) for night in NIGHTS[2::-1]]


def test_a_run_that_is_not_recorded_is_read_from_its_document(tmp_path: Path) -> None:
    """As a partial one."""
    write(tmp_path, document(NIGHTS[0], partial=True, agreed=20))
    (kept,) = kept_runs(tmp_path, [])
    assert not kept.whole
    assert kept.run == run(NIGHTS[0], agreed=20, partial=True)


def test_a_recorded_run_is_not_read_again(tmp_path: Path) -> None:
    """Even if its document was damaged since."""
    (write(tmp_path, document(NIGHTS[0])) / "report.json").write_text("{")
    (kept,) = kept_runs(tmp_path, [run(NIGHTS[0])])
    assert kept.run == run(NIGHTS[0])


def test_a_run_is_found_once(tmp_path: Path) -> None:
    """The link to the latest run, a copy of its folder, and unfinished runs are not further runs."""
    folder = write(tmp_path, document(NIGHTS[0]))
    (tmp_path / "latest").symlink_to(folder.name)
    write(tmp_path, document(NIGHTS[1]), f".{NIGHTS[1]}.tmp")
    shutil.copytree(folder, tmp_path / f"{NIGHTS[0]} (copy)")
    assert found(tmp_path) == found(tmp_path, run(NIGHTS[0])) == [(NIGHTS[0], True)]


TEXTS = ("", "{", "[]", "{}", '"drift"', '{"drift": {}}', '{"drift": []}', '{"drift": null}', "[" * 100_000, "\ud800")


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:9]))
def test_an_invalid_document_is_skipped(tmp_path: Path, text: str) -> None:
    """The others are found."""
    write(tmp_path, document(NIGHTS[0]))
    (write(tmp_path, document(NIGHTS[1])) / "report.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert found(tmp_path) == [(NIGHTS[0], True)]


def test_a_folder_without_a_document_is_skipped(tmp_path: Path) -> None:
    """So is one whose document is a folder or a dangling link; the folder of reports may be missing."""
    (tmp_path / NIGHTS[0]).mkdir()
    (tmp_path / NIGHTS[1] / "report.json").mkdir(parents=True)
    (tmp_path / NIGHTS[2]).mkdir()
    (tmp_path / NIGHTS[2] / "report.json").symlink_to("nowhere")
    assert found(tmp_path) == found(tmp_path / "gone") == []
