"""Criteria that hold the reviewer's decisions against the stored ones."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.drifting import (
    ALL,
    DriftingStore,
    Row,
    accused,
    answered,
    check_all,
    check_only,
    disagreeing,
    module_of,
    records,
    statistic,
    two_windows,
    write_store,
)
from tests.support.llm_runs import asking, named_but
from tests.support.session_runs import Review
from tests.support.stores import NAME, BuiltStore, build_store

FEW = {
    "agreement_by_slice": "needs 8 reviewed records in the slice, found 2",
    "category_flow": "needs 30 reviewed records, found 7",
    "confidence_change": "needs 20 reviewed records with both confidences, found 7",
    "calibration": "needs 30 reviewed records with a confidence, found 7",
}


def chance(row: Row) -> float:
    """Return a number from 0 to 1 that depends on the record's id and nothing else."""
    return random.Random(f"chance:{row['id']}").random()


def as_sure_as_right(row: Row) -> Row:
    """The reviewer agrees as often as the stored confidence says."""
    return row if chance(row) < confidence_of(row) else disagreeing(row)


def collapsed(row: Row) -> Row:
    """Every twentieth record is of a category with which the reviewer never agrees."""
    return answered({**row, "category": "climate"}, "financial") if int(str(row["id"])) % 20 == 0 else row


def drained(row: Row) -> Row:
    """Four in ten financial records are reviewed as regulatory."""
    return answered(row, "regulatory") if row["category"] == "financial" and chance(row) < 0.4 else row


def less_sure(row: Row) -> Row:
    """The reviewer agrees, but is less sure by 0.2."""
    return answered(row, sure=confidence_of(row) - 0.2)


def often_wrong(row: Row) -> Row:
    """Half of the decisions are wrong, however sure the store is."""
    return disagreeing(row) if chance(row) < 0.5 else row


def confidence_of(row: Row) -> float:
    """Return the stored confidence."""
    return float(str(row["confidence"]))


def test_without_drift_all_are_ok(review: Review, tmp_path: Path) -> None:
    """Disagreements as frequent as the confidences announce are not drift."""
    store = write_store(tmp_path / "store", map(as_sure_as_right, two_windows()))
    assert check_all(review, store, FEW).verdicts() == dict.fromkeys(FEW, "OK")


def test_too_few_reviews_are_not_measured(review: Review, tmp_path: Path) -> None:
    """Whatever they say; the report names the required number."""
    run = check_all(review, write_store(tmp_path / "store", map(often_wrong, records(7, days=(100, 300)))), FEW)
    assert run.verdicts() == dict.fromkeys(FEW)
    assert {name: FEW[name] in run.criterion(name)["message"] for name in FEW} == dict.fromkeys(FEW, True)


def test_failed_reviews_are_not_measured(review: Review, tmp_path: Path) -> None:
    """An outage is not drift."""
    rows = [{**row, "text": f"no answer to {row['id']}"} for row in two_windows()]
    run = check_all(review, write_store(tmp_path / "store", rows), FEW)
    assert run.verdicts() == dict.fromkeys(FEW)
    assert all("found 0" in run.criterion(name)["message"] for name in FEW)


def test_wrong_decisions_everywhere_are_overconfident_and_no_slice_is_accused(review: Review, tmp_path: Path) -> None:
    """Agreement is critical; each slice agrees as often as the rest."""
    store = write_store(tmp_path / "store", map(often_wrong, two_windows()))
    run = check_all(review, store, ("agreement", "agreement_by_slice", "calibration"))
    assert run.verdicts() == {"agreement": "CRITICAL", "agreement_by_slice": "OK", "calibration": "WARNING"}


def test_class_that_collapsed_is_found_though_the_total_looks_well(review: Review, tmp_path: Path) -> None:
    """Agreement of 95 % is OK, and one category of twenty records is accused by name."""
    store = write_store(tmp_path / "store", map(collapsed, two_windows()))
    run = check_only(review, store, "agreement_by_slice", beside="agreement")
    found = run.criterion("agreement_by_slice")
    assert (run.verdicts(), accused(found)) == (
        {"agreement": "OK", "agreement_by_slice": "WARNING"},
        ["category=climate"],
    )


def test_category_that_only_one_model_decides_wrongly_is_found_as_a_pair(review: Review, tmp_path: Path) -> None:
    """In words, with the other records of the category and of the model, which agree."""
    rows = [{**row, "model_version": "model-2" if chance(row) < 0.5 else "model-1"} for row in two_windows()]
    wrong = [row["category"] == "financial" and row["model_version"] == "model-2" for row in rows]
    rows = [disagreeing(row) if bad else answered(row) for row, bad in zip(rows, wrong, strict=True)]
    found = check_only(review, write_store(tmp_path / "store", rows), "agreement_by_slice")
    (pair,) = (item for item in found.criterion("agreement_by_slice")["statistics"] if " and " in item["name"])
    assert (pair["name"], pair["verdict"]) == ("category=financial and model_version=model-2", "WARNING")
    assert f"category financial and model_version model-2 together: 0 of {sum(wrong)} agree" in pair["message"]
    page = (found.folder / "index.html").read_text(encoding="utf-8")
    assert "category = financial and model version = model-2" in page


def test_slice_of_doubtful_records_is_compared_with_doubtful_ones(review: Review, tmp_path: Path) -> None:
    """A category that is mostly of low confidence agrees less than the rest, and no less than its like."""

    def doubtful(row: Row) -> Row:
        low = chance(row) < (0.9 if row["category"] == "financial" else 0.2)
        row = answered({**row, "confidence": 0.6 if low else 0.9})
        return disagreeing(row) if low and int(str(row["id"])) % 4 < 2 else row

    store = write_store(tmp_path / "store", map(doubtful, two_windows()))
    found = check_only(review, store, "agreement_by_slice").criterion("agreement_by_slice")
    financial = statistic(found, "category=financial")["details"]
    difference = financial["rest_agreed"] / financial["rest_reviewed"] - financial["agreed"] / financial["reviewed"]
    assert (difference > 0.2, accused(found)) == (True, [])


@pytest.fixture
def changed_model(tmp_path: Path) -> DriftingStore:
    """Decisions of model-1, with which the reviewer mostly disagrees, and later ones of model-2."""
    rows = [often_wrong(row) for row in two_windows()]
    rows[250:] = [answered({**row, "model_version": "model-2"}) for row in rows[250:]]
    return write_store(tmp_path / "changed", rows)


def test_slices_by_version_name_the_stored_and_the_current_one(review: Review, changed_model: DriftingStore) -> None:
    """In words and as values; other slices name none, and one that agrees more is OK."""
    found = check_only(review, changed_model, "agreement_by_slice").criterion("agreement_by_slice")
    worse, better = (statistic(found, f"model_version=model-{number}") for number in (1, 2))
    versions = (worse["details"]["stored_version"], worse["details"]["current_version"])
    assert (worse["verdict"], versions) == ("WARNING", ("model-1", "model-2"))
    assert "model_version model-1 (now model-2)" in worse["message"]
    assert (better["value"] < 0, better["verdict"]) == (True, "OK")
    other = statistic(found, "category=financial")["details"]
    assert (other["stored_version"], other["current_version"]) == (None, None)
    # All records have the same prompt version and source.
    dimensions = {item["name"].partition("=")[0] for item in found["statistics"]}
    assert dimensions == {"category", "model_version", "age", "text_length", "pairs of slices"}


def test_current_version_is_the_reviewers_model(review: Review, tmp_path: Path, llm_key: None) -> None:
    """Where the reviewer is a model that says its name, that is what decides today."""
    store = build_store(tmp_path / "store")
    store.execute(f"update {NAME} set model_version = 'model-0' where id % 2")
    wrong: dict[int, dict[str, Any]] = {key: {"category": "financial"} for key in range(1, 121, 2)}
    with ChatServer(Behaviour(answer=named_but(wrong))) as server:
        options = [*store.options, ALL, *asking(server, "model-9")]
        run = review.pytest("--pyargs", module_of("agreement_by_slice"), *options)
    found = statistic(run.criterion("agreement_by_slice"), "model_version=model-0")
    assert (found["verdict"], found["details"]["current_version"]) == ("WARNING", run.drift["reviewer"]["model"])


def test_category_that_drains_is_named_with_where_it_goes(review: Review, tmp_path: Path) -> None:
    """The one that gains is not accused; the flows are counted, including records that stay."""
    rows = list(map(drained, two_windows()))
    found = check_only(review, write_store(tmp_path / "store", rows), "category_flow").criterion("category_flow")
    assert (found["verdict"], accused(found)[0], "regulatory" in accused(found)) == ("WARNING", "financial", False)
    assert "mostly to regulatory, and gains 0" in found["message"]
    flows = statistic(found, "all categories")["details"]["flows"]
    stored = Counter(str(row["category"]) for row in rows)
    moved = sum(row["category"] == "financial" and "answered as regulatory" in str(row["text"]) for row in rows)
    stayed = [[name, name, number - (moved if name == "financial" else 0)] for name, number in stored.items()]
    assert sorted(flows) == sorted([["financial", "regulatory", moved], *stayed])


def test_confusion_both_ways_is_no_flow(review: Review, tmp_path: Path) -> None:
    """Two categories that are mixed up lose and gain as much."""
    other = {"financial": "regulatory", "regulatory": "financial"}
    rows = [
        answered(row, other.get(str(row["category"]))) if int(str(row["id"])) % 10 < 4 else row for row in two_windows()
    ]
    found = check_only(review, write_store(tmp_path / "store", rows), "category_flow").criterion("category_flow")
    assert (found["verdict"], statistic(found, "financial")["value"] < 0.05) == ("OK", True)


def test_fall_of_confidence_is_measured_over_all_and_where_the_category_stayed(review: Review, tmp_path: Path) -> None:
    """A collapse shows before the first disagreement."""
    store = write_store(tmp_path / "store", map(less_sure, two_windows()))
    found = check_only(review, store, "confidence_change").criterion("confidence_change")
    fell = {item["name"]: item["value"] for item in found["statistics"]}
    assert fell == {"all": pytest.approx(0.2, abs=0.001), "category kept": pytest.approx(0.2, abs=0.001)}
    assert found["verdict"] == "WARNING"


def test_fall_hidden_by_new_categories_is_found_where_the_category_stayed(review: Review, tmp_path: Path) -> None:
    """Where the reviewer is surer of other categories, the mean of all stays."""
    rows = [disagreeing(row, 1.0) if chance(row) < 0.5 else less_sure(row) for row in two_windows()]
    found = check_only(review, write_store(tmp_path / "store", rows), "confidence_change").criterion(
        "confidence_change"
    )
    assert accused(found) == ["category kept"]


def test_what_the_reviewer_neighbours_cannot_measure(review: Review, store: BuiltStore) -> None:
    """A share of votes is not on the scale of stored confidences, and agreement is what neighbourhood would measure."""
    modules = map(module_of, ("confidence_change", "neighbourhood"))
    run = review.pytest("--pyargs", *modules, *store.options)
    assert run.verdicts() == {"confidence_change": None, "neighbourhood": None}
    scale = "the reviewer's confidence is not on the scale of the stored one"
    assert scale in run.criterion("confidence_change")["message"]
    assert "the neighbours are the reviewer" in run.criterion("neighbourhood")["message"]
