"""With pytest-xdist a run gives the same results."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from tests.support.history_files import rows, words_of
from tests.support.session_criteria import write_criterion
from tests.support.session_runs import Review, Run
from tests.support.stores import BuiltStore
from tests.support.whole_runs import LOW_CONFIDENCE, run_here

pytestmark = pytest.mark.slow

# What differs from run to run on the page.
CHANGING = (
    (re.compile(r"\bcd \S+ &&"), "cd FOLDER &&"),
    (re.compile(r"\d{8}T\d{6}Z-[0-9a-f]+"), "<run>"),
    (re.compile(r"2026-1\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?"), "<time>"),
    (re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z| UTC)"), "<time>"),
    (re.compile(r"\d+\.\d s"), "<seconds>"),
    # On the time axis.
    (re.compile(r"\b\d\d:\d\d\b"), "<time>"),
)

COUNTED = """
def test_counted(record, review):
    import os
    with open("checkers", "a") as file:
        file.write(f"{os.getpid()}\\n")
"""


@dataclass(frozen=True)
class Both:
    """The same review in one process and with two workers."""

    alone: Run
    parallel: Run


@pytest.fixture(scope="module")
def both(_doubtful_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """A CRITICAL review with a criterion of the user's own that notes each check."""
    runs = []
    for workers in ("0", "2"):
        folder = tmp_path_factory.mktemp("run")
        own = write_criterion(folder / "own", "counted", COUNTED)
        runs.append(run_here(folder, *_doubtful_once.options, *LOW_CONFIDENCE, own, "-n", workers))
    return Both(*runs)


def test_verdict_and_exit_code_are_the_same(both: Both) -> None:
    """CRITICAL exits with 1."""
    found = both.parallel
    assert (found.exit_code, found.drift["verdict"], found.document["exitcode"]) == (1, "CRITICAL", 1)


@pytest.mark.parametrize("part", ["sample", "agreement", "store", "disagreements"])
def test_part_of_the_report_is_the_same(both: Both, part: str) -> None:
    """It does not depend on who checked what."""
    assert both.parallel.drift[part] == both.alone.drift[part]


def test_criteria_are_the_same(both: Both) -> None:
    """Counts, rates, intervals and verdicts are equal."""
    assert by_name(both.parallel) == by_name(both.alone)


def test_files_are_the_same(both: Both) -> None:
    """There is one run folder, and `latest` links to it."""
    names = {path.name for path in both.parallel.folder.iterdir()}
    latest = (both.parallel.reports / "latest").readlink().name
    wanted = {"index.html", "label_issues.csv", "report.json", "junit.xml", "reviews.jsonl"}
    assert (names, latest) == (wanted, both.parallel.folder.name)


def test_doubtful_labels_are_the_same(both: Both) -> None:
    """One worker lists them."""
    alone, parallel = (run.folder / "label_issues.csv" for run in (both.alone, both.parallel))
    assert parallel.read_bytes() == alone.read_bytes()


def test_items_are_the_same(both: Both) -> None:
    """The document lists each item once, with its outcome."""
    assert outcomes(both.parallel) == outcomes(both.alone)


def test_summary_is_the_same(both: Both) -> None:
    """It is printed once."""
    assert summary_lines(both.parallel) == summary_lines(both.alone)


@pytest.mark.parametrize("table", ["agreement", "criteria", "disagreements"])
def test_rows_of_the_history_are_the_same(both: Both, table: str) -> None:
    """Each has the row of its run once."""
    alone, parallel = ([row for _, *row in rows(run.reports, table)] for run in (both.alone, both.parallel))
    assert alone
    assert parallel == alone


def test_page_is_the_same(both: Both) -> None:
    """Except for times and ids, and the order of figures inside a chart."""
    alone, parallel = (run.normalised(words_of(run.folder / "index.html")) for run in (both.alone, both.parallel))
    assert sorted(settled(parallel)) == sorted(settled(alone))


def test_each_record_is_reviewed_and_checked_once(both: Both) -> None:
    """The workers share reviews and checks."""
    checkers = (both.parallel.reports.parent / "checkers").read_text(encoding="utf-8").split()
    assert (both.parallel.drift["reviewer"]["calls"], len(checkers)) == (30, 30)


def test_refusal_is_printed_once(review: Review, store: BuiltStore) -> None:
    """It exits with 4, without a traceback from each worker."""
    refused = review(*store.options, *LOW_CONFIDENCE, "--drift-collection=other", "-n", "2")
    assert (refused.exit_code, refused.text.count("has no collection"), "Traceback" in refused.text) == (4, 1, False)


def test_empty_store_is_nothing_to_review(review: Review, store: BuiltStore) -> None:
    """An empty table exits with 5."""
    store.execute("delete from risk_classifications")
    assert review(*store.options, *LOW_CONFIDENCE, "-n", "2").exit_code == 5


def by_name(run: Run) -> dict[str, object]:
    """Return the criteria in report.json by name."""
    return {item["name"]: item for item in run.drift["criteria"]}


def outcomes(run: Run) -> list[tuple[str, str]]:
    """Return each item in the document with its outcome."""
    return sorted((test["nodeid"], test["outcome"]) for test in run.document["tests"])


def summary_lines(run: Run) -> list[str]:
    """Return the lines of the summary, without blank ones and pytest's last."""
    lines = run.summary.splitlines()
    return [line for line in lines if line and not re.match(r"=.*(passed|findings)", line)]


def settled(page: str) -> list[str]:
    """Return the words of a page without what changes from run to run."""
    for pattern, placeholder in CHANGING:
        page = pattern.sub(placeholder, page)
    return page.split()
