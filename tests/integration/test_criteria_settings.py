"""The settings of the criteria: thresholds, least numbers, the error rate and the windows; and what is not measured."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.drifting import (
    DriftingStore,
    Row,
    answering,
    check_only,
    disagreeing,
    records,
    statistic,
    two_windows,
    write_store,
)
from tests.support.session_criteria import write_criterion
from tests.support.session_runs import Review, run_in
from tests.support.stores import AS_OF, NAME

EFFECT = """
def test_own(measure):
    measure("own", 0.3, "it is 0.3", number=10)
"""
SLOW_FIRST = """
import time

def test_first(measure):
    time.sleep(1)
    measure("first", 0.1, "it is 0.1")

def test_second(measure):
    measure("second", 0.2, "it is 0.2")
"""


@pytest.fixture
def mixed(tmp_path: Path) -> DriftingStore:
    """A store in which every third of the recent records became financial."""
    return write_store(tmp_path / "mixed", two_windows(_more_financial))


def _more_financial(place: int, row: Row) -> Row:
    return {**row, "category": "financial"} if place % 2 else row


@pytest.mark.parametrize(
    ("thresholds", "verdict"),
    [
        ("class_mix=off:off", "OK"),
        ("trend=5:off,class_mix = 0.15 : off", "WARNING"),
    ],
)
def test_thresholds_are_settings(review: Review, mixed: DriftingStore, thresholds: str, verdict: str) -> None:
    """An empty side stays as it is, and `off` is never."""
    found = check_only(review, mixed, "class_mix", f"--drift-thresholds={thresholds}").criterion("class_mix")
    assert found["verdict"] == verdict


def test_effect_at_its_threshold_is_not_above_it(review: Review, mixed: DriftingStore) -> None:
    """WARNING begins above, as CRITICAL does."""
    value = check_only(review, mixed, "class_mix").criterion("class_mix")["value"]
    at = check_only(review, mixed, "class_mix", f"--drift-thresholds=class_mix={value!r}:").criterion("class_mix")
    assert (at["warn"], at["verdict"]) == (value, "OK")


def test_variable_and_ini_key_give_thresholds(
    review: Review, mixed: DriftingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ini key one a line; the variable wins."""
    ini = "[pytest]\ndrift_thresholds =\n    class_mix=5:\n    trend=0.1:off\n"
    (review.folder / "pytest.ini").write_text(ini, encoding="utf-8")
    by_ini = check_only(review, mixed, "class_mix").verdicts()["class_mix"]
    monkeypatch.setenv("DRIFT_THRESHOLDS", "class_mix=:0.15")
    assert (by_ini, check_only(review, mixed, "class_mix").verdicts()["class_mix"]) == ("OK", "CRITICAL")


@pytest.mark.parametrize(("thresholds", "verdict"), [("0.95:0.9", "WARNING"), ("0.9:0.8", "OK")])
def test_thresholds_of_rates_are_settings(review: Review, mixed: DriftingStore, thresholds: str, verdict: str) -> None:
    """One record in ten is damaged: what is below is bad, and at a threshold is not below it."""
    mixed.execute(f"update {NAME} set confidence = 7 where id % 10 = 0")
    option = f"--drift-thresholds=record_integrity={thresholds}"
    assert check_only(review, mixed, "record_integrity", option).verdicts()["record_integrity"] == verdict


def test_criterion_of_ones_own_has_thresholds_too(review: Review, mixed: DriftingStore) -> None:
    """Named as its file is."""
    own = write_criterion(review.folder / "own", "own", EFFECT, 'question="Is it so?", effect="size", warn=0.5')
    options = [*mixed.options, *answering(review.folder)]
    verdicts = [
        review.pytest(own, *options, *more).verdicts()["own"] for more in ([], ["--drift-thresholds=own=0.1:0.2"])
    ]
    assert verdicts == ["OK", "CRITICAL"]


@pytest.mark.parametrize(("least", "verdict"), [(150, "WARNING"), (151, None)])
def test_least_number_is_a_setting(review: Review, mixed: DriftingStore, least: int, verdict: str | None) -> None:
    """There are 150 recent records."""
    found = check_only(review, mixed, "class_mix", f"--drift-least=class_mix={least}").criterion("class_mix")
    said = "needs 151 recent records, found 150" in found["message"]
    assert (found["verdict"], said, found["least"]) == (verdict, verdict is None, least)


def test_p_value_at_the_error_rate_counts(review: Review, mixed: DriftingStore) -> None:
    """At most the error rate is an accusation, more is chance."""
    run = check_only(review, mixed, "class_mix")
    p_value = statistic(run.criterion("class_mix"), "class mix")["adjusted_p_value"]
    verdicts = [
        check_only(review, mixed, "class_mix", f"--drift-error-rate={rate!r}").verdicts()["class_mix"]
        for rate in (p_value, p_value * 0.999)
    ]
    assert verdicts == ["WARNING", "OK"]


def test_tests_of_other_criteria_are_allowed_for(review: Review, mixed: DriftingStore) -> None:
    """Alone a p-value counts as it is; beside another criterion the smallest counts twice."""
    alone = statistic(check_only(review, mixed, "class_mix").criterion("class_mix"), "class mix")
    both = check_only(review, mixed, "class_mix", beside="confidence_distribution")
    beside = statistic(both.criterion("class_mix"), "class mix")
    assert alone["adjusted_p_value"] == alone["p_value"]
    assert beside["adjusted_p_value"] == pytest.approx(2 * alone["p_value"])


@pytest.fixture
def dated(tmp_path: Path) -> DriftingStore:
    """A record for each of the last 400 days, the newest of this very moment, and one of the days to come."""
    rows = records(401, days=(0, 400))
    future = (AS_OF + timedelta(days=1)).replace(tzinfo=None).isoformat()
    return write_store(tmp_path / "dated", [*rows, {**rows[0], "id": 999, "timestamp": future}])


@pytest.mark.parametrize(
    ("options", "reference", "recent"),
    [
        ((), 365, 31),
        (("--drift-recent-days=100", "--drift-reference-days=1000"), 300, 101),
    ],
)
def test_windows_are_settings(
    review: Review, dated: DriftingStore, options: tuple[str, ...], reference: int, recent: int
) -> None:
    """A record lies in one window at most, and what is not yet lies in none."""
    found = check_only(review, dated, "class_mix", "--drift-least=class_mix=1", *options).criterion("class_mix")
    counts = statistic(found, "class mix")["details"]["categories"]
    assert (sum(item[1] for item in counts), sum(item[2] for item in counts)) == (reference, recent)


REFUSED = (
    "thresholds=class_mix=0.2",
    "thresholds=class_mix=0.5:0.2",
    "thresholds=clas_mix=0.2:",
    "thresholds=agreement=0.8:0.7",
    "least=clas_mix=5",
    "reference-days=800000",
    "thresholds=record_integrity=2:1",
)


@pytest.mark.parametrize("refused", REFUSED)
def test_setting_that_is_none_is_refused(
    review: Review, mixed: DriftingStore, snapshot: SnapshotAssertion, refused: str
) -> None:
    """In a sentence that names the setting and what is allowed: 4."""
    run = check_only(review, mixed, "class_mix", f"--drift-{refused}", beside="record_integrity")
    assert run.refusal == snapshot


def test_thresholds_of_a_criterion_that_is_not_run_are_allowed(review: Review, mixed: DriftingStore) -> None:
    """So that one ini file serves any selection."""
    found = check_only(review, mixed, "class_mix", "--drift-thresholds=trend=0.5:off", "--drift-least=stability=9")
    assert found.verdicts() == {"class_mix": "WARNING"}


@pytest.mark.slow
def test_workers_give_the_same_results(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Statistics, their order, verdicts and outcomes do not depend on which process checks, nor on how long it takes.

    Several things changed at once.
    """
    rows = [disagreeing(row) if row["category"] == "regulatory" else row for row in two_windows(_more_financial)]
    store = write_store(tmp_path_factory.mktemp("both") / "store", rows)
    selected = ("-k", "agreement or category_flow or class_mix or confidence or own")
    results = []
    for workers in ("0", "2"):
        folder = tmp_path_factory.mktemp("run")
        own = write_criterion(folder / "own", "own", SLOW_FIRST, 'question="Is it so?", effect="size", warn=0.5')
        options = (*store.options, *answering(folder), "--drift-sample-size=60", *selected)
        run = run_in(folder, own, *options, "-n", workers)
        assert [item["name"] for item in run.criterion("own")["statistics"]] == ["first", "second"]
        tests = sorted((test["nodeid"], test["outcome"]) for test in run.document["tests"])
        statistics = [_statistics(item) for item in run.drift["criteria"]]
        results.append((run.exit_code, run.drift["verdict"], run.verdicts(), tests, statistics))
    assert results[0] == results[1]


def _statistics(criterion: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    return criterion["name"], sorted(criterion["statistics"], key=lambda item: str(item["name"]))
