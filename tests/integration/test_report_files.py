"""What a run leaves: its folder with report.json, junit.xml and index.html."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from drift_checks.plugin.collection import built_in_names
from tests.support.session_criteria import write_criterion
from tests.support.session_damage import other_schema, without_vectors
from tests.support.session_runs import RUN_ID, SMALL, Review
from tests.support.stores import NAME, BuiltStore

LOW_CONFIDENCE = ("--drift-sample-size=30", "--drift-low-confidence-share=1", "--drift-baseline=0")
NUMBER = (int, float)
# Each key of the contract with the types that it may have.
SHAPE: dict[str, Any] = {
    "schema": int,
    "run_id": str,
    "started": str,
    "duration_seconds": float,
    "verdict": str,
    "exit_code": int,
    "store": {"db": str, "chroma": str, "records": int, "vectors": int},
    "sample": {
        "size": int,
        "seed": int,
        "strata": {"low_confidence": int, "old": int, "baseline": int},
        "record_ids": list,
    },
    "reviewer": {
        "name": str,
        "model": (str, type(None)),
        "calls": int,
        "failed": int,
        "input_tokens": (int, type(None)),
        "output_tokens": (int, type(None)),
        "cost": (*NUMBER, type(None)),
    },
    "agreement": {
        "agreed": int,
        "reviewed": int,
        "rate": float,
        "interval": list,
        "confidence_change": (float, type(None)),
        "population": {"rate": float, "interval": list},
    },
    "criteria": list,
    "disagreements": list,
}
CRITERION: dict[str, Any] = {
    "name": str,
    "verdict": (str, type(None)),
    "passed": int,
    "failed": int,
    "unmeasured": int,
    "rate": (float, type(None)),
    "interval": (list, type(None)),
    "warn": NUMBER,
    "critical": (*NUMBER, type(None)),
    "message": str,
}
DISAGREEMENT: dict[str, Any] = {
    "record_id": (int, str),
    "stratum": str,
    "stored": str,
    "reviewed": str,
    "stored_confidence": float,
    "reviewed_confidence": float,
}


def misfits(value: Any, shape: Any, where: str = "drift") -> list[str]:
    """Return where a document lacks a key of the shape or has another type."""
    if not isinstance(shape, dict):
        fits = isinstance(value, shape) and not (isinstance(value, bool) and shape is not bool)
        return [] if fits else [f"{where}: {value!r}"]
    if not isinstance(value, dict):
        return [f"{where}: {value!r}"]
    found = [f"{where}.{key} is missing" for key in shape if key not in value]
    for key in shape.keys() & value.keys():
        found += misfits(value[key], shape[key], f"{where}.{key}")
    return found


def test_run_leaves_three_files(review: Review, store: BuiltStore) -> None:
    """A run's folder is named after its time and holds the report in three forms."""
    found = review(*store.options, *SMALL)
    assert {path.name for path in found.folder.iterdir()} == {"index.html", "report.json", "junit.xml", "reviews.jsonl"}


def test_run_folder_bears_the_run_id(review: Review, store: BuiltStore) -> None:
    """The folder's name is the run's id: UTC timestamp and short id."""
    found = review(*store.options, *SMALL)
    assert (found.folder.name, bool(RUN_ID.fullmatch(found.folder.name))) == (found.drift["run_id"], True)


def test_drift_key_is_as_documented(review: Review, doubtful: BuiltStore) -> None:
    """Every key of the contract is there with its type."""
    drift = review(*doubtful.options).drift
    wrong = misfits(drift, SHAPE)
    wrong += [fault for item in drift["criteria"] for fault in misfits(item, CRITERION, "criteria")]
    wrong += [fault for item in drift["disagreements"] for fault in misfits(item, DISAGREEMENT, "disagreements")]
    assert wrong == []


def test_population_is_null_without_a_baseline(review: Review, store: BuiltStore) -> None:
    """Without records of the rest of the store the whole cannot be estimated."""
    assert review(*store.options, *SMALL, "--drift-baseline=0").drift["agreement"]["population"] is None


def test_unmeasured_numbers_are_null(review: Review, store: BuiltStore) -> None:
    """Nothing measured has null for rate, interval and confidence."""
    without_vectors(store, list(range(1, 121)))
    agreement = review(*store.options, *SMALL).drift["agreement"]
    assert {agreement[key] for key in ("rate", "interval", "confidence_change")} == {None}


def test_agreement_leaves_the_baseline_out(review: Review, store: BuiltStore) -> None:
    """The rate counts the low-confidence and old strata alone."""
    drift = review(*store.options).drift
    assert (drift["agreement"]["reviewed"], drift["sample"]["size"]) == (50, 60)


def test_disagreements_are_those_counted(review: Review, doubtful: BuiltStore) -> None:
    """Ten disagree, and are listed with both categories."""
    drift = review(*doubtful.options, *LOW_CONFIDENCE).drift
    ids = [item["record_id"] for item in drift["disagreements"] if item["stored"] != item["reviewed"]]
    assert ids == list(range(4, 44, 4))


def test_text_ids_stay_text(review: Review, store: BuiltStore) -> None:
    """Ids are given as they are stored."""
    other_schema(store, {name: name for name in ("id", "text", "category", "chroma_id", "timestamp")})
    store.execute("update notes set id = 'N-' || id")
    found = review(*store.options, "--drift-table=notes", "--drift-records=N-1,N-2")
    assert sorted(found.record_ids, key=str) == ["N-1", "N-2"]


def test_document_is_pytest_json_reports(review: Review, store: BuiltStore) -> None:
    """Beside the key `drift` stands what pytest-json-report writes."""
    document = review(*store.options, *SMALL).document
    wanted = {"created": float, "duration": float, "exitcode": int, "root": str, "summary": dict, "tests": list}
    assert misfits(document, wanted) == []


@pytest.mark.parametrize("json_report", [(), ("--json-report",)], ids=["own", "asked for"])
@pytest.mark.parametrize(("store_name", "code"), [("store", 0), ("doubtful", 1)])
def test_exitcode_in_the_document_is_the_runs(
    review: Review, request: pytest.FixtureRequest, json_report: tuple[str, ...], store_name: str, code: int
) -> None:
    """`exitcode` is the exit code, though pytest-json-report would have another."""
    built: BuiltStore = request.getfixturevalue(store_name)
    found = review(*built.options, "--drift-records=4,8", *json_report)
    assert (found.document["exitcode"], found.drift["exit_code"], found.exit_code) == (code, code, code)


def test_users_own_json_report_is_written_where_they_said(review: Review, doubtful: BuiltStore) -> None:
    """`--json-report` gives the user the same document, in their place too."""
    found = review(*doubtful.options, "--drift-records=4,8", "--json-report", "--json-report-file=mine.json")
    mine = json.loads((review.folder / "mine.json").read_text(encoding="utf-8"))
    assert (mine["drift"]["run_id"], mine["exitcode"]) == (found.drift["run_id"], 1)


def test_no_json_report_is_written_unasked(review: Review, store: BuiltStore) -> None:
    """pytest-json-report's own file appears only where it was asked for."""
    review(*store.options, *SMALL)
    assert not (review.folder / ".report.json").exists()


def test_documents_outcomes_are_failed_and_passed(review: Review, doubtful: BuiltStore) -> None:
    """An item whose record failed its criterion has the outcome `failed`, while the criterion holds or not."""
    document = review(*doubtful.options, "--drift-records=4,1,3", "-k", "test_agreement.py").document
    assert sorted(test["outcome"] for test in document["tests"]) == ["failed", "passed", "passed"]


def test_documents_summary_counts_the_outcomes(review: Review, doubtful: BuiltStore) -> None:
    """The summary of the document knows pytest's words only."""
    summary = review(*doubtful.options, "--drift-records=4,1,3", "-k", "test_agreement.py").document["summary"]
    assert (summary["failed"], summary["passed"], summary["total"]) == (1, 2, 3)


def test_unmeasured_items_are_skipped_with_the_reason(review: Review, store: BuiltStore) -> None:
    """An item that could not be measured is `skipped` and says why."""
    without_vectors(store, [1])
    (test,) = review(*store.options, "--drift-records=1", "-k", "test_agreement.py").document["tests"]
    assert (test["outcome"], "no vector" in json.dumps(test)) == ("skipped", True)


def test_items_that_met_an_outage_are_skipped(review: Review, store: BuiltStore) -> None:
    """An item that the store did not answer is unmeasured: `skipped` in the document."""
    check = """
    from drift_checks.core.errors import StoreError

    def test_outage(record):
        raise StoreError("the store is away")
    """
    own = write_criterion(review.folder / "own", "outage", check)
    document = review(*store.options, "--drift-records=1", own).document
    (test,) = [test for test in document["tests"] if "test_outage" in test["nodeid"]]
    assert test["outcome"] == "skipped"


def test_junit_has_a_case_a_criterion(review: Review, store: BuiltStore) -> None:
    """However many records."""
    junit = ElementTree.parse(review(*store.options, *SMALL).folder / "junit.xml")
    names = sorted(case.get("name", "") for case in junit.iter("testcase"))
    assert names == sorted(built_in_names())


@pytest.mark.parametrize(
    ("thresholds", "red"), [(("0.9", "0.7"), ["agreement"]), (("0.9", "0.5"), []), (("0.5", "0.5"), [])]
)
def test_junit_is_red_only_for_critical(
    review: Review, doubtful: BuiltStore, thresholds: tuple[str, str], red: list[str]
) -> None:
    """WARNING is no failure in junit.xml."""
    warn, critical = thresholds
    found = review(*doubtful.options, "--drift-records=4,1,3", f"--drift-warn={warn}", f"--drift-critical={critical}")
    cases = ElementTree.parse(found.folder / "junit.xml").iter("testcase")
    assert [case.get("name") for case in cases if case.find("failure") is not None] == red


def test_page_escapes_the_stores_texts(review: Review, doubtful: BuiltStore) -> None:
    """Markup in a category does not become markup in the report."""
    doubtful.execute(f"update {NAME} set category = '<script>alert(1)</script>' where id = 4")
    page = (review(*doubtful.options, "--drift-records=4").folder / "index.html").read_text(encoding="utf-8")
    assert ("<script>alert" in page, "&lt;script&gt;alert" in page) == (False, True)
