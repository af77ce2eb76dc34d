"""Reviews of records that are not in SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.whole_runs import run_here

CLASSIFIER = "--drift-reviewer=mine:classify"
RENAMED = "--drift-columns=text=body,category=label"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a classifier and a CSV file that has only texts and labels, a tenth of them missing."""
    (tmp_path / "mine.py").write_text("def classify(text):\n    return text.split()[0]\n")
    lines = [f"{label} number {place},{label if place % 10 else ''}" for place, label in enumerate(["a", "b"] * 40)]
    (tmp_path / "decisions.csv").write_text("\n".join(["body,label", *lines, ""]))
    return tmp_path


def test_a_csv_file_of_texts_and_labels_is_enough(folder: Path) -> None:
    """It needs no ids, confidences, times or vectors, and stays as it is."""
    before = (folder / "decisions.csv").read_bytes()
    found = run_here(folder, "--drift-db=decisions.csv", RENAMED, CLASSIFIER, way="module")
    assert (found.exit_code, found.drift["store"]["records"]) == (0, 72)
    notes = "\n".join(found.drift["sample"]["notes"])
    assert "8 records have no category yet" in notes
    assert "the id of a record is its number in the file" in notes
    assert (folder / "decisions.csv").read_bytes() == before
    assert {path.name for path in (folder / "cache" / "drift-checks" / "snapshots").iterdir()} <= {
        "labels",
        "label_vectors",
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--drift-where=lable = 'a'",), "where: \"lable = 'a'\" is no condition on the rows of"),
        (("--drift-write-back",), "is read as CSV, and --drift-write-back needs a SQLite file."),
    ],
)
def test_what_cannot_work_is_refused_before_any_call(folder: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """In one sentence, with 4."""
    found = run_here(folder, "--drift-db=decisions.csv", RENAMED, CLASSIFIER, *arguments)
    assert (found.exit_code, sentence in found.text) == (4, True)
