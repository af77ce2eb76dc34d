"""Items of a large sample check batches of records, each of which keeps its own outcome."""

from __future__ import annotations

from typing import Any

import pytest

from drift_checks.core import records
from drift_checks.plugin import batches
from tests.support.session_criteria import write_criterion
from tests.support.session_runs import Review, Run
from tests.support.stores import BuiltStore, records_alone

ALL = "--drift-sample-size=all"
# A passed, failed, skipped and expectedly failed record, and fixtures of each scope.
EACH_RESULT = """
@pytest.fixture(scope="module")
def limit():
    return 3

def test_each(record, review, limit, store, drift_settings):
    assert review.record_id == record.id
    if record.id % 11 == 0:
        pytest.skip(f"{record.id} is a multiple of eleven")
    if record.id % 13 == 0:
        pytest.xfail("known")
    assert record.id > limit, f"{record.id} is at most {limit}"
"""
FRESH = """
@pytest.fixture
def fresh():
    return []

def test_fresh(record, fresh):
    fresh.append(record)
    assert len(fresh) == 1
"""
BREAKS = "def test_breaks(record):\n    if record.id in (4, 8):\n        raise LookupError(f'no {record.id}')"


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample of more than twenty records is large."""
    monkeypatch.setattr(records, "FEW", 20)
    monkeypatch.setattr(batches, "MOST_ITEMS", 20)
    monkeypatch.setattr(batches, "_SIZE", 25)


def items_of(run: Run, criterion: str) -> list[dict[str, Any]]:
    """Return the items of a criterion in report.json."""
    return [test for test in run.document["tests"] if f"test_{criterion}.py" in test["nodeid"]]


def found_by(run: Run) -> tuple[object, ...]:
    """Return what a run found, whatever its items."""
    drift = run.drift
    criteria = [{key: value for key, value in item.items() if key != "statistics"} for item in drift["criteria"]]
    return criteria, drift["disagreements"], drift["agreement"], drift["verdict"]


def test_batches_find_what_items_find(review: Review, doubtful: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, messages, disagreements and the verdict are the same; report.json has each record of a batch."""
    write_criterion(review.folder / "own", "each", EACH_RESULT)
    options = (*records_alone(doubtful), ALL, "--drift-seed=1", "--drift-as-of=2026-01-01", "own")
    single = review(*options)
    monkeypatch.setattr(records, "FEW", 20)
    monkeypatch.setattr(batches, "MOST_ITEMS", 20)
    monkeypatch.setattr(batches, "_SIZE", 25)
    batched = review(*options)
    assert found_by(batched) == found_by(single)
    assert (len(items_of(single, "each")), len(items_of(batched, "each"))) == (120, 5)
    outcomes = {item["record_id"]: item for test in items_of(batched, "each") for item in test["records"]}
    assert len(outcomes) == 120
    assert [outcomes[key]["outcome"] for key in (2, 4, 11, 13)] == ["failed", "passed", "skipped", "skipped"]
    assert (outcomes[2]["message"], outcomes[11]["message"]) == ("2 is at most 3", "11 is a multiple of eleven")


@pytest.mark.usefixtures("large")
def test_broken_record_breaks_the_batch_alone(review: Review, store: BuiltStore) -> None:
    """The other records keep their outcomes; the error names those for which the check broke."""
    own = write_criterion(review.folder / "own", "breaks", BREAKS)
    found = review.pytest(own, *records_alone(store), ALL)
    criterion = found.criterion("breaks")
    assert (found.exit_code, criterion["passed"], criterion["unmeasured"]) == (3, 118, 2)
    assert "LookupError: no 4" in found.out
    assert "The check broke for 2 of 25 records: 4: no 4; 8: no 8" in found.out


@pytest.mark.usefixtures("large")
def test_check_with_a_fixture_of_its_own_is_an_item_for_each_record(review: Review, store: BuiltStore) -> None:
    """The fixture is made anew for each of them, as its scope says; last failed batches run again as a whole."""
    write_criterion(review.folder / "own", "fresh", FRESH)
    write_criterion(review.folder / "own", "first", "def test_first(record):\n    assert record.id > 1")
    options = ("own", *records_alone(store), ALL)
    found = review.pytest(*options)
    assert (found.criterion("fresh")["passed"], len(items_of(found, "fresh"))) == (120, 120)
    assert (found.criterion("first")["failed"], len(items_of(found, "first"))) == (1, 5)
    again = review.pytest("--lf", *options)
    (item,) = again.document["tests"]
    assert (len(item["records"]), item["call"]["longrepr"].partition(":")[0]) == (25, "1 of 25 records")


INTERRUPTS = """
import os, signal

ASKED = []

def classify(text):
    ASKED.append(text)
    if len(ASKED) == 30:
        os.kill(os.getpid(), signal.SIGINT)
    return "other"
"""


def test_interrupted_batches_check_what_was_reviewed(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records without a review have no outcome, and the run has a report."""
    monkeypatch.setattr(batches, "MOST_ITEMS", 20)
    monkeypatch.setattr(batches, "_SIZE", 25)
    (review.folder / "interrupting.py").write_text(INTERRUPTS, encoding="utf-8")
    reviewer = ("--drift-reviewer=interrupting:classify", "--drift-concurrency=1")
    found = review(*records_alone(store), *reviewer, ALL)
    assert found.exit_code == 2
    (agreement,) = (item for item in found.drift["criteria"] if item["name"] == "agreement")
    assert 25 < agreement["passed"] + agreement["failed"] <= 31
    assert agreement["unmeasured"] == 0
