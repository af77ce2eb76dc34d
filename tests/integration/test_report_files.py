"""The folder of a run: report.json, junit.xml and index.html."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from drift_checks.plugin.criterion_files import built_in_names
from tests.support.session_criteria import write_criterion
from tests.support.session_damage import other_schema, without_vectors
from tests.support.session_runs import RUN_ID, SMALL, Review
from tests.support.stores import NAME, BuiltStore

# The keys of pytest-json-report, with their types.
DOCUMENT = {"created": float, "duration": float, "exitcode": int, "root": str, "summary": dict, "tests": list}


def test_run_folder_is_named_after_the_run_id(review: Review, store: BuiltStore) -> None:
    """It holds the report in three forms and the journal of the reviews, and nothing else is written."""
    found = review(*store.options, *SMALL)
    assert {path.name for path in found.folder.iterdir()} == {"index.html", "report.json", "junit.xml", "reviews.jsonl"}
    assert (found.folder.name, bool(RUN_ID.fullmatch(found.folder.name))) == (found.drift["run_id"], True)
    assert {name: type(found.document[name]) for name in DOCUMENT} == DOCUMENT
    assert not (review.folder / ".report.json").exists()
    junit = ElementTree.parse(found.folder / "junit.xml")
    assert sorted(case.get("name", "") for case in junit.iter("testcase")) == sorted(built_in_names())


def test_agreement_excludes_the_baseline(review: Review, store: BuiltStore) -> None:
    """It counts only the low-confidence and old strata."""
    drift = review(*store.options).drift
    assert (drift["agreement"]["reviewed"], drift["sample"]["size"]) == (50, 60)


def test_text_ids_stay_text(review: Review, store: BuiltStore) -> None:
    """Ids keep their type."""
    other_schema(store, {name: name for name in ("id", "text", "category", "chroma_id", "timestamp")})
    store.execute("update notes set id = 'N-' || id")
    found = review(*store.options, "--drift-table=notes", "--drift-records=N-1,N-2")
    assert sorted(found.record_ids, key=str) == ["N-1", "N-2"]


@pytest.mark.parametrize("json_report", [(), ("--json-report",)], ids=["own", "asked for"])
@pytest.mark.parametrize(("store_name", "code"), [("store", 0), ("doubtful", 1)])
def test_exitcode_in_the_document_is_that_of_the_run(
    review: Review, request: pytest.FixtureRequest, json_report: tuple[str, ...], store_name: str, code: int
) -> None:
    """pytest-json-report would have another."""
    built: BuiltStore = request.getfixturevalue(store_name)
    found = review(*built.options, "--drift-records=4,8", *json_report)
    assert (found.document["exitcode"], found.drift["exit_code"], found.exit_code) == (code, code, code)


def test_requested_json_report_is_written_too(review: Review, doubtful: BuiltStore) -> None:
    """`--json-report` writes the same document."""
    found = review(*doubtful.options, "--drift-records=4,8", "--json-report", "--json-report-file=mine.json")
    mine = json.loads((review.folder / "mine.json").read_text(encoding="utf-8"))
    assert (mine["drift"]["run_id"], mine["exitcode"]) == (found.drift["run_id"], 1)


def test_document_counts_failed_and_passed_items(review: Review, doubtful: BuiltStore) -> None:
    """An item whose record failed its criterion is `failed`, even if the criterion holds."""
    document = review(*doubtful.options, "--drift-records=4,1,3", "-k", "test_agreement.py").document
    assert sorted(test["outcome"] for test in document["tests"]) == ["failed", "passed", "passed"]
    summary = document["summary"]
    assert (summary["failed"], summary["passed"], summary["total"]) == (1, 2, 3)


def test_unmeasured_items_are_skipped_with_the_reason(review: Review, store: BuiltStore) -> None:
    """In the document."""
    without_vectors(store, [1])
    (test,) = review(*store.options, "--drift-records=1", "-k", "test_agreement.py").document["tests"]
    assert (test["outcome"], "usable vector" in json.dumps(test)) == ("skipped", True)


def test_items_that_met_an_outage_are_skipped(review: Review, store: BuiltStore) -> None:
    """An unreachable store makes an item unmeasured."""
    check = """
    from drift_checks.core.errors import StoreError

    def test_outage(record):
        raise StoreError("risk.db", "it cannot be reached")
    """
    own = write_criterion(review.folder / "own", "outage", check)
    document = review(*store.options, "--drift-records=1", own).document
    (test,) = [test for test in document["tests"] if "test_outage" in test["nodeid"]]
    assert test["outcome"] == "skipped"


def test_page_escapes_texts_of_the_store(review: Review, doubtful: BuiltStore) -> None:
    """Markup in a category stays text."""
    doubtful.execute(f"update {NAME} set category = '<script>alert(1)</script>' where id = 4")
    page = (review(*doubtful.options, "--drift-records=4").folder / "index.html").read_text(encoding="utf-8")
    assert ("<script>alert" in page, "&lt;script&gt;alert" in page) == (False, True)
