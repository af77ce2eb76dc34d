"""The runs whose folders are kept."""

from __future__ import annotations

import json
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
    """In whichever order they were written or recorded."""
    for night in (NIGHTS[1], NIGHTS[2], NIGHTS[0]):
        write(tmp_path, document(night))
    assert found(tmp_path, run(NIGHTS[2]), run(NIGHTS[0]), run(NIGHTS[1])) == [(night, True) for night in NIGHTS[2::-1]]


def test_a_run_that_is_not_recorded_is_what_its_document_says(tmp_path: Path) -> None:
    """It is read from its own document."""
    write(tmp_path, document(NIGHTS[0], partial=True, agreed=20))
    (kept,) = kept_runs(tmp_path, [])
    assert not kept.whole
    assert kept.run == run(NIGHTS[0], agreed=20, partial=True)


def test_a_recorded_run_is_not_read_again(tmp_path: Path) -> None:
    """Though its document was damaged since."""
    (write(tmp_path, document(NIGHTS[0])) / "report.json").write_text("{")
    (kept,) = kept_runs(tmp_path, [run(NIGHTS[0])])
    assert kept.run == run(NIGHTS[0])


def test_a_recorded_run_without_a_folder_is_not_kept(tmp_path: Path) -> None:
    """There is no page to go to."""
    assert found(tmp_path, run(NIGHTS[0])) == []


def test_the_latest_is_not_found_twice(tmp_path: Path) -> None:
    """Nor are hidden folders."""
    folder = write(tmp_path, document(NIGHTS[0]))
    (tmp_path / "latest").symlink_to(folder.name)
    write(tmp_path, document(NIGHTS[1]), f".{NIGHTS[1]}.tmp")
    assert found(tmp_path) == [(NIGHTS[0], True)]


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '"drift"', '{"drift": {}}', '{"drift": []}', '{"drift": null}', DEEP, "\ud800"],
    ids=lambda text: ascii(text[:9]),
)
def test_an_unreadable_document_is_skipped(tmp_path: Path, text: str) -> None:
    """The others are found."""
    write(tmp_path, document(NIGHTS[0]))
    (write(tmp_path, document(NIGHTS[1])) / "report.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert found(tmp_path) == [(NIGHTS[0], True)]


def test_a_folder_without_a_document_is_skipped(tmp_path: Path) -> None:
    """As is one whose document is a folder, and a link to nowhere."""
    (tmp_path / NIGHTS[0]).mkdir()
    (tmp_path / NIGHTS[1] / "report.json").mkdir(parents=True)
    (tmp_path / NIGHTS[2]).mkdir()
    (tmp_path / NIGHTS[2] / "report.json").symlink_to("nowhere")
    assert found(tmp_path) == []


def test_a_missing_folder_has_no_runs(tmp_path: Path) -> None:
    """It may have just been removed."""
    assert found(tmp_path / "gone") == []


def test_a_document_with_an_invalid_value_is_skipped(tmp_path: Path) -> None:
    """As other documents of another form are."""
    damaged = document(NIGHTS[0])
    damaged["drift"]["agreement"]["interval"] = []
    write(tmp_path, damaged)
    assert found(tmp_path) == []


def test_a_copy_of_a_folder_is_not_a_run(tmp_path: Path) -> None:
    """Its document names another folder."""
    folder = write(tmp_path, document(NIGHTS[0]))
    shutil.copytree(folder, tmp_path / f"{NIGHTS[0]} (copy)")
    assert json.loads((tmp_path / f"{NIGHTS[0]} (copy)" / "report.json").read_text())["drift"]["run_id"] == NIGHTS[0]
    assert found(tmp_path, run(NIGHTS[0])) == [(NIGHTS[0], True)]
