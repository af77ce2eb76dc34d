"""With pytest-xdist a run is the same run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.session_criteria import write_criterion
from tests.support.session_runs import Run, run_in
from tests.support.stores import BuiltStore

pytestmark = pytest.mark.slow

LOW_CONFIDENCE = ("--drift-sample-size=30", "--drift-low-confidence-share=1", "--drift-baseline=0")
COUNTED = """
def test_counted(record, review):
    import os
    with open("checkers", "a") as file:
        file.write(f"{os.getpid()}\\n")
"""


@dataclass(frozen=True)
class Both:
    """The same review by one process and by two workers."""

    alone: Run
    parallel: Run


@pytest.fixture(scope="module")
def both(_doubtful_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """A CRITICAL review; a criterion of the user's own writes down who checked."""
    runs = []
    for workers in ("0", "2"):
        folder = tmp_path_factory.mktemp("run")
        own = write_criterion(folder / "own", "counted", COUNTED)
        runs.append(run_in(folder, *_doubtful_once.options, *LOW_CONFIDENCE, own, "-n", workers))
    return Both(*runs)


def test_verdict_and_exit_code_are_the_same(both: Both) -> None:
    """CRITICAL is CRITICAL."""
    found = both.parallel
    assert (found.exit_code, found.drift["verdict"], found.document["exitcode"]) == (1, "CRITICAL", 1)


def test_sample_is_the_same(both: Both) -> None:
    """The workers review the sample that one process would."""
    assert both.parallel.record_ids == both.alone.record_ids


def test_criteria_count_the_same(both: Both) -> None:
    """Counts, rates and intervals do not depend on who checked what."""
    assert by_name(both.parallel) == by_name(both.alone)


def test_disagreements_are_the_same(both: Both) -> None:
    """Each disagreement is listed once, in the order of the sample."""
    assert both.parallel.drift["disagreements"] == both.alone.drift["disagreements"]


def test_agreement_is_the_same(both: Both) -> None:
    """Agreement, its interval and the estimate are the same."""
    assert both.parallel.drift["agreement"] == both.alone.drift["agreement"]


def test_store_is_counted_the_same(both: Both) -> None:
    """The controller knows how many records and vectors the workers saw."""
    assert both.parallel.drift["store"] == both.alone.drift["store"]


def test_report_files_are_the_same(both: Both) -> None:
    """One run folder with its files, and `latest`."""
    names = {path.name for path in both.parallel.folder.iterdir()}
    latest = (both.parallel.reports / "latest").readlink().name
    assert (names, latest) == ({"index.html", "report.json", "junit.xml", "reviews.jsonl"}, both.parallel.folder.name)


def test_documents_tests_are_the_same(both: Both) -> None:
    """The document lists each item once, with its outcome."""
    assert outcomes(both.parallel) == outcomes(both.alone)


def test_summary_is_the_same(both: Both) -> None:
    """The summary is printed once, and says the same."""
    assert lines_of_summary(both.parallel) == lines_of_summary(both.alone)


def test_each_record_is_reviewed_once(both: Both) -> None:
    """Two workers make no two reviews of a record."""
    assert both.parallel.drift["reviewer"]["calls"] == 30


def test_each_check_is_made_once(both: Both) -> None:
    """A check of the user's own is made by one of the workers."""
    checkers = (both.parallel.reports.parent / "checkers").read_text(encoding="utf-8").split()
    assert len(checkers) == 30


def test_package_named_with_pyargs_is_enough(store: BuiltStore, tmp_path: Path) -> None:
    """`pytest --pyargs drift_checks -n 2` reviews: nothing else on the command line tells of criteria."""
    assert run_in(tmp_path, *store.options, *LOW_CONFIDENCE, "-n", "2").exit_code == 0


def test_refusal_is_one_sentence(store: BuiltStore, tmp_path: Path) -> None:
    """What is refused is said once, with 4, and not by each worker with a traceback."""
    refused = run_in(tmp_path, *store.options, *LOW_CONFIDENCE, "--drift-collection=other", "-n", "2")
    assert (refused.exit_code, refused.text.count("has no collection"), "Traceback" in refused.text) == (4, 1, False)


def test_empty_store_is_nothing_to_review(store: BuiltStore, tmp_path: Path) -> None:
    """An empty table is 5."""
    store.execute("delete from risk_classifications")
    assert run_in(tmp_path, *store.options, *LOW_CONFIDENCE, "-n", "2").exit_code == 5


def by_name(run: Run) -> dict[str, object]:
    """Return what report.json says of the criteria, by name."""
    return {item["name"]: item for item in run.drift["criteria"]}


def outcomes(run: Run) -> list[tuple[str, str]]:
    """Return each item of the document with its outcome."""
    return sorted((test["nodeid"], test["outcome"]) for test in run.document["tests"])


def lines_of_summary(run: Run) -> list[str]:
    """Return the lines of the summary but the blank ones and pytest's last."""
    lines = run.summary.splitlines()
    return [line for line in lines if line and not re.match(r"=.*(passed|findings)", line)]
