"""The labels that are probably wrong, as the file and the sentence show them."""

from __future__ import annotations

import csv
from contextlib import closing
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drift_checks.core import secrets
from drift_checks.report import label_issues
from drift_checks.report.label_issues import LONGEST_TEXT, LabelFindings, issues_csv
from drift_checks.reviews.labels.issues import LabelIssue
from drift_checks.reviews.run import Pipeline
from drift_checks.settings.declarations import Settings
from tests.support.stores import AS_OF, BuiltStore


def issue(key: int | str, stored: str = "fraud", predicted: str = "loan") -> LabelIssue:
    """Return a label that is probably wrong."""
    return LabelIssue(key, stored, predicted, 0.125, 0.75, "recent")


def test_file_lists_the_issues_in_their_order() -> None:
    """With rank, margin, both probabilities and the beginning of the text, if it is known."""
    written = list(csv.DictReader(StringIO(issues_csv([issue(7), issue("a-1")], {7: "x" * 1000}))))
    assert [line["record_id"] for line in written] == ["7", "a-1"]
    first = {name: written[0][name] for name in ("rank", "stored", "predicted", "margin", "stored_probability", "age")}
    assert first == {
        "rank": "1",
        "stored": "fraud",
        "predicted": "loan",
        "margin": "0.625",
        "stored_probability": "0.125",
        "age": "recent",
    }
    assert len(written[0]["text"]) <= LONGEST_TEXT
    assert written[1]["text"] == ""


def test_cells_are_no_formulas_and_hold_no_secrets() -> None:
    """Neither ids, categories nor texts."""
    secrets.remember("Variable1234")
    texts: dict[int | str, str] = {"=1": "@SUM(A1)", 2: "the key is Variable1234"}
    written = list(csv.DictReader(StringIO(issues_csv([issue("=1", "+a", "-b"), issue(2)], texts))))
    cells = [written[0][name] for name in ("record_id", "stored", "predicted", "text")]
    assert cells == ["'=1", "'+a", "'-b", "'@SUM(A1)"]
    assert written[1]["text"] == "the key is …"


def test_sentence_says_how_many_labels_are_probably_wrong() -> None:
    """None, one, or several."""
    said = [LabelFindings(wrong, 1200, "Chroma", (), ()).sentence for wrong in (0, 1, 24)]
    assert said == [
        "0 of 1,200 labels are probably wrong, by Chroma",
        "1 of 1,200 labels is probably wrong (0.1 %), by Chroma",
        "24 of 1,200 labels are probably wrong (2 %), by Chroma",
    ]


def test_texts_are_read_in_parts(store: BuiltStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them at once would take the memory of a large store."""
    monkeypatch.setattr(label_issues, "_READ_AT_ONCE", 7)
    settings = Settings(db=store.db, snapshot_dir=tmp_path, seed=1, as_of=AS_OF, naive_timezone=ZoneInfo("UTC"))
    with closing(Pipeline(settings)) as pipeline:
        there = {record.id: record.text for record in pipeline.sample.records[:20]}
        assert label_issues.texts_of(pipeline, list(there)) == there
