"""Labels of the whole store that are probably wrong."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.support.drifting import DriftingStore, other_category, two_windows, write_store
from tests.support.whole_runs import run_here


@pytest.fixture
def flipped(tmp_path: Path) -> DriftingStore:
    """Of 250 earlier and 150 recent records, thirty recent ones have a wrong label."""
    rows = two_windows(lambda place, row: {**row, "category": other_category(row)} if place < 30 else row)
    return write_store(tmp_path / "store", rows)


def test_wrong_recent_labels_are_a_warning_and_listed(flipped: DriftingStore, tmp_path: Path) -> None:
    """Summary, page and file name them; the texts are left out on request. A run with another seed predicts nothing."""
    options = [*flipped.options, "--drift-reviewer=neighbours", "--drift-sample-size=4", "-k", "label_issues"]
    first = run_here(tmp_path / "run", *options)
    found = first.criterion("label_issues")
    assert found["verdict"] == "WARNING"
    listed = list(csv.DictReader((first.folder / "label_issues.csv").open(encoding="utf-8")))
    wrong = {str(key) for key in range(251, 281)}
    assert len({line["record_id"] for line in listed} & wrong) >= 25
    assert all(line["text"].startswith("Risk number") for line in listed)
    assert f"{len(listed)} of 400 labels are probably wrong" in first.text
    page = (first.folder / "index.html").read_text(encoding="utf-8")
    assert f"Labels that are probably wrong ({len(listed)})" in page
    redacted = run_here(tmp_path / "run", *options, "--drift-redact")
    listed = list(csv.DictReader((redacted.folder / "label_issues.csv").open(encoding="utf-8")))
    assert {line["text"] for line in listed} == {""}
    assert "Risk number" not in (redacted.folder / "index.html").read_text(encoding="utf-8")
    [kept] = (tmp_path / "run").rglob("snapshots/labels/*")
    before = kept.read_bytes()
    again = run_here(tmp_path / "run", *options, "--drift-seed=7").criterion("label_issues")
    assert again["statistics"] == found["statistics"]
    assert [path.read_bytes() for path in kept.parent.iterdir()] == [before]


BOTH = "test_agreement.py or label_issues"


def test_assessed_labels_make_the_estimate_of_the_agreement_narrower(flipped: DriftingStore, tmp_path: Path) -> None:
    """The report and the summary say so; without the criterion, the sample alone estimates it."""
    options = [*flipped.options, "--drift-reviewer=neighbours", "--drift-sample-size=40"]
    runs = (run_here(tmp_path / "run", *options, "-k", chosen) for chosen in (BOTH, "test_agreement.py"))
    with_labels, alone = (run.drift["agreement"] for run in runs)
    assert (with_labels["population_basis"], alone["population_basis"]) == ("predictions", "sample")
    assert with_labels["population_sample"] == alone["population"]
    assert with_labels["population"] != alone["population"]


@pytest.mark.slow
def test_workers_hand_over_the_predictions(flipped: DriftingStore, tmp_path: Path) -> None:
    """The estimate is that of a run in one process."""
    options = [*flipped.options, "--drift-reviewer=neighbours", "--drift-sample-size=40", "-k", BOTH]
    alone, parallel = (run_here(tmp_path / "run", *options, "-n", workers) for workers in ("0", "2"))
    assert parallel.drift["agreement"]["population_basis"] == "predictions"
    assert parallel.drift["agreement"] == alone.drift["agreement"]


def test_hunt_confirms_likely_issues_and_estimates_the_whole_store(flipped: DriftingStore, tmp_path: Path) -> None:
    """Half of the sample; the report says which sample was drawn, and only the estimate counts these records."""
    options = [*flipped.options, "--drift-reviewer=neighbours", "--drift-sample-size=40", "--drift-sample=hunt"]
    found = run_here(tmp_path / "run", *options, "-k", f"{BOTH} or integrity")
    drawn = found.drift["sample"]
    assert (drawn["method"], drawn["strata"]["label_issue"]) == ("hunt", 25)
    assert sum(drawn["store_strata"].values()) == 400
    assert "of 25 likely label issues confirmed" in found.text
    assert "of 25 likely label issues confirmed" in (found.folder / "index.html").read_text(encoding="utf-8")
    agreement = found.drift["agreement"]
    assert agreement["population_basis"] == "predictions"
    assert agreement["population"]["interval"][0] < 370 / 400 < agreement["population"]["interval"][1]
    assert found.criterion("record_integrity")["passed"] == sum(drawn["strata"].values()) - 25
    refused = run_here(tmp_path / "run", *options, "--drift-judge=sample")
    assert refused.exit_code == 4
    assert "use judge=population, or sample=random" in refused.text
