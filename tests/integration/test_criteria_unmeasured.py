"""What a criterion could not measure: the report says why, and nobody is accused."""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.drifting import (
    DriftingStore,
    answering,
    check_all,
    check_only,
    module_of,
    records,
    two_windows,
    write_store,
)
from tests.support.session_criteria import write_criterion
from tests.support.session_runs import Review

LACKING = (
    "class_mix",
    "confidence_distribution",
    "embedding_drift",
    "neighbourhood",
    "confidence_change",
    "calibration",
    "trend",
)
MISSING = {
    "latency_and_tokens": ("response_time_ms", "input_tokens", "output_tokens"),
    "provenance": ("embedding_model", "archive_version"),
}


@pytest.fixture
def bare(tmp_path: Path) -> DriftingStore:
    """Twenty records with texts, categories and times, and little else."""
    store = write_store(tmp_path / "bare", records(20, days=(1, 300)))
    for column in ("confidence", "embedding_json", *MISSING["provenance"], *MISSING["latency_and_tokens"]):
        store.without(column)
    return store


def test_what_is_not_measured_says_why(review: Review, bare: DriftingStore, snapshot: SnapshotAssertion) -> None:
    """The missing columns, or the number of records that there are and that are needed."""
    criteria = (*LACKING, *MISSING)
    run = check_all(review, bare, criteria)
    assert run.verdicts() == dict.fromkeys(criteria)
    assert {name: run.criterion(name)["message"] for name in criteria} == snapshot


@pytest.mark.slow
def test_same_run_gives_the_same_reasons(review: Review, bare: DriftingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three columns are missing, and are named in one order whatever the process."""
    said = set()
    for seed in range(2):
        monkeypatch.setenv("PYTHONHASHSEED", str(seed))
        options = [*bare.options, *answering(review.folder)]
        run = review.pytest("--pyargs", module_of("latency_and_tokens"), *options, process=True)
        said.add(run.criterion("latency_and_tokens")["message"])
    assert len(said) == 1


def test_what_is_not_measured_accuses_nobody(review: Review, tmp_path: Path) -> None:
    """The run's verdict is that of the criteria that were measured."""
    store = write_store(tmp_path / "store", two_windows(lambda place, row: {**row, "category": "financial"}, recent=20))
    run = check_only(review, store, "class_mix", beside="agreement")
    assert (run.drift["verdict"], run.verdicts()) == ("OK", {"class_mix": None, "agreement": "OK"})


def test_sample_without_slices_says_why(review: Review, bare: DriftingStore) -> None:
    """One record has nothing to be compared with."""
    found = check_only(review, bare, "agreement_by_slice", "--drift-records=1").criterion("agreement_by_slice")
    assert (found["verdict"], "parameter set" in found["message"]) == (None, False)


def test_failing_assertion_beside_an_effect_is_not_passed_over(review: Review, bare: DriftingStore) -> None:
    """A check that fails is not one that was not made."""
    check = "def test_own(store):\n    assert store.count() > 1000"
    own = write_criterion(review.folder / "own", "own", check, 'question="Is it so?", effect="size", warn=0.5')
    found = review.pytest(own, *bare.options, *answering(review.folder)).criterion("own")
    assert found["verdict"] in ("WARNING", "CRITICAL", "INCONCLUSIVE")
