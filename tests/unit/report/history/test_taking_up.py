"""What the history lacks is taken up from the reports; a damaged one is made anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drift_checks.report.history.database import History
from drift_checks.report.history.reading import NAME
from drift_checks.report.verdict import Verdict
from tests.support.histories import (
    NIGHTS,
    PREPARED,
    RUN,
    document,
    ids,
    night,
    raw,
    run,
    set_aside,
    taken_up,
    whole,
    write,
)


def test_missing_runs_are_added(tmp_path: Path) -> None:
    """As after a kill, or if the history was lost; they are not read again, though a report may be damaged later."""
    for name in NIGHTS:
        write(tmp_path, document(name))
    assert taken_up(tmp_path) == NIGHTS
    (tmp_path / NIGHTS[0] / "report.json").write_text("{", encoding="utf-8")
    assert taken_up(tmp_path) == NIGHTS
    with History(tmp_path) as history:
        assert history.runs() == [run(night) for night in NIGHTS]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("changed", [{"partial": True}, {"interrupted": "3 of 50 records were reviewed"}])
def test_partial_and_interrupted_runs_are_not_added(tmp_path: Path, changed: Any, indent: int | None) -> None:
    """However their reports are laid out."""
    folder = write(tmp_path, document(**changed))
    (folder / "report.json").write_text(json.dumps(document(**changed), indent=indent), encoding="utf-8")
    assert taken_up(tmp_path) == []


def test_a_resumed_run_replaces_its_outage(tmp_path: Path) -> None:
    """As if it was killed before it was recorded."""
    folder = write(tmp_path, document(agreed=10, unmeasured=400))
    with History(tmp_path) as history:
        history.take_up_missing()
        assert [item.verdict for item in history.runs()] == [Verdict.INCONCLUSIVE]
        (folder / "report.json").write_text(json.dumps(document()), encoding="utf-8")
        history.take_up_missing()
        assert [item.verdict for item in history.runs()] == [Verdict.OK]


def test_a_copy_of_a_folder_is_not_a_run(tmp_path: Path) -> None:
    """Nor is the link to the latest one, nor an unfinished run."""
    folder = write(tmp_path, document(NIGHTS[0]))
    write(tmp_path, document(NIGHTS[1]), f"{NIGHTS[1]} (copy)")
    write(tmp_path, document(NIGHTS[2]), f".{NIGHTS[2]}.tmp")
    (tmp_path / "latest").symlink_to(folder.name)
    assert taken_up(tmp_path) == NIGHTS[:1]


def test_an_unreadable_report_is_skipped(tmp_path: Path) -> None:
    """It keeps no other run from being added."""
    for place, text in enumerate(("", "{", "[" * 100_000, '{"drift": {}}', "\x00\x00")):
        write(tmp_path, document(NIGHTS[place]))
        (tmp_path / NIGHTS[place] / "report.json").write_text(text, encoding="utf-8")
    write(tmp_path, document(NIGHTS[5]))
    (tmp_path / night(6)).mkdir()
    (tmp_path / night(7) / "report.json").mkdir(parents=True)
    (tmp_path / night(8)).mkdir()
    (tmp_path / night(8) / "report.json").symlink_to("nowhere")
    assert taken_up(tmp_path) == NIGHTS[5:]


def replaced(file: Path) -> None:
    """Put the database of another program in its place."""
    file.unlink()
    raw(file.parent, "CREATE TABLE songs (title)")


def damaged_in_the_middle(file: Path) -> None:
    """Overwrite pages as a disk that failed does."""
    with file.open("r+b") as opened:
        opened.seek(5000)
        opened.write(b"\x55" * (file.stat().st_size - 9000))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no database": lambda file: file.write_bytes(b"this is no database, but long enough to look at" * 9),
    "header": lambda file: file.write_bytes(b"\x00" * 16 + file.read_bytes()[16:]),
    "truncated": lambda file: os.truncate(file, file.stat().st_size // 2),
    "truncated to a page": lambda file: os.truncate(file, 4096),
    "pages": damaged_in_the_middle,
    "a table is missing": lambda file: raw(file.parent, "DROP TABLE alerts"),
    "a column is missing": lambda file: raw(file.parent, "ALTER TABLE alerts DROP COLUMN kind"),
    "another database": replaced,
    "the text of a row": lambda file: raw(file.parent, "UPDATE runs SET document = substr(document, 9)"),
    "bytes of a row": lambda file: raw(file.parent, "UPDATE runs SET document = CAST(x'ff00' AS TEXT)"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_history_is_set_aside_and_replaced(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    """The runs are read from their reports; a warning says so, and the damaged file is kept."""
    for name in NIGHTS:
        write(tmp_path, document(name))
    taken_up(tmp_path)
    damage(tmp_path / NAME)
    before = (tmp_path / NAME).read_bytes()
    with History(tmp_path) as history:
        history.take_up_missing()
        assert ids(history) == NIGHTS
        (warning,) = history.warnings
    (aside,) = set_aside(tmp_path)
    assert aside.read_bytes() == before
    assert warning.startswith(f"{tmp_path / NAME}: was damaged (")
    kept = "the new one gets its runs from the reports that are kept; no alerts"
    assert f"is set aside as {aside.name}; {kept}" in warning
    with History(tmp_path) as history:
        assert history.warnings == []


def test_a_journal_is_set_aside_with_its_history(tmp_path: Path) -> None:
    """It would be applied to the new one."""
    (tmp_path / NAME).write_bytes(b"this is no database" * 400)
    (tmp_path / f"{NAME}-journal").write_bytes(b"\x00" * 512)
    with History(tmp_path) as history:
        history.add(run())
    assert [file.name[-8:] for file in set_aside(tmp_path)][1:] == ["-journal"]
    assert whole(tmp_path) == {RUN: 5}


def test_a_history_replaced_by_another_process_stays(tmp_path: Path) -> None:
    """It is another file."""
    (tmp_path / NAME).write_bytes(b"this is no database" * 400)
    found = (tmp_path / NAME).stat()
    with History(tmp_path) as history:
        history.add(run())
        history._set_aside(found, "damaged")
        assert len(history.warnings) == 1
    assert whole(tmp_path) == {RUN: 5}


def test_an_emptied_history_is_filled_again(tmp_path: Path) -> None:
    """There is nothing to set aside."""
    write(tmp_path, document())
    taken_up(tmp_path)
    os.truncate(tmp_path / NAME, 0)
    assert taken_up(tmp_path) == [RUN]
    assert set_aside(tmp_path) == []


def test_processes_that_find_damage_at_once_set_it_aside_once(tmp_path: Path) -> None:
    """None sets aside the new history of another."""
    (tmp_path / NAME).write_bytes(b"this is no database" * 400)
    code = f"{PREPARED}\nwith History(Path({str(tmp_path)!r})) as history: history.add(run(sys.argv[1]))"
    writers = [subprocess.Popen([sys.executable, "-c", code, night]) for night in NIGHTS[:4]]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert len(set_aside(tmp_path)) == 1
    assert list(whole(tmp_path)) == NIGHTS[:4]
