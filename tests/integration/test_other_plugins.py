"""Plugins and options that run a check again, stop at failures or fail tests themselves change no verdict."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.session_criteria import write_criterion
from tests.support.session_runs import Review, Run
from tests.support.stores import BuiltStore
from tests.support.whole_runs import LOW_CONFIDENCE, run_here

# Ten of thirty records disagree: 67 % agree.
HOLDS = ("--drift-warn=0.6", "--drift-critical=0.5")
FEW = "--drift-records=1,2,3"
ASSERTS = "    assert record.id > 1, 'the first record'"


def agreement(found: Run) -> tuple[int, int]:
    """Return how many records passed and failed the criterion `agreement`."""
    criterion = found.criterion("agreement")
    return criterion["passed"], criterion["failed"]


@pytest.mark.parametrize("workers", [(), pytest.param(("-n", "2", "--dist", "each"), marks=pytest.mark.slow)], ids=str)
def test_repeats_count_once(review: Review, doubtful: BuiltStore, workers: tuple[str, ...]) -> None:
    """Records and statistics, whether a plugin, an option or the command line repeats their checks."""
    plain = review(*doubtful.options, *LOW_CONFIDENCE, *HOLDS)
    again = ("--reruns=2", "--count=2", "--keep-duplicates", "drift_checks.criteria.test_class_mix", *workers)
    found = review(*doubtful.options, *LOW_CONFIDENCE, *HOLDS, *again)
    assert (agreement(found), found.exit_code) == ((20, 10), 0)
    assert found.drift["criteria"] == plain.drift["criteria"]
    assert len(found.document["tests"]) == len(plain.document["tests"])


@pytest.mark.parametrize("workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.slow)], ids=str)
def test_run_does_not_stop_at_a_finding(review: Review, doubtful: BuiltStore, workers: tuple[str, ...]) -> None:
    """With -x and --stepwise it is complete, and CRITICAL is a failure for --junitxml and in the last lines."""
    found = review(*doubtful.options, *LOW_CONFIDENCE, "-x", "--stepwise", "--junitxml=tests.xml", *workers)
    assert (agreement(found), found.exit_code, found.drift["partial"]) == ((20, 10), 1, False)
    assert (failures("tests.xml"), "agreement - CRITICAL: 10 of 30" in found.out, "1 failed" in found.out) == (
        ["CRITICAL"],
        True,
        True,
    )


def test_findings_that_the_criterion_tolerates_are_no_failures(review: Review, doubtful: BuiltStore) -> None:
    """Neither for --junitxml nor in pytest's own summary."""
    found = review(*doubtful.options, *LOW_CONFIDENCE, *HOLDS, "-rA", "--junitxml=tests.xml")
    assert (failures("tests.xml"), "FAILED" in found.out, "10 findings" in found.out) == ([], False, True)


def failures(file: str) -> list[str]:
    """Return the first word of each failure in a file of --junitxml."""
    found = ElementTree.parse(file).iter("failure")
    return [str(item.get("message")).partition(":")[0] for item in found]


AGREES = """
import sqlite3

records = sqlite3.connect({db!r}, check_same_thread=False)

def agrees(text):
    (category,) = records.execute("select category from risk_classifications where text = ?", [text]).fetchone()
    return category
"""


def test_last_failed_records_have_no_verdict_on_their_rate(review: Review, doubtful: BuiltStore) -> None:
    """All of them disagreed before: they are INCONCLUSIVE while one disagrees, and OK once all agree."""
    review(*doubtful.options, *LOW_CONFIDENCE)
    begins = "PARTIAL · 10 of 30 records, 1 of 20 criteria · "
    again = review(*doubtful.options, *LOW_CONFIDENCE, "--lf")
    assert (again.exit_code, again.drift["headline"].startswith(f"{begins}INCONCLUSIVE · ")) == (75, True)
    assert (f"{begins}INCONCLUSIVE" in again.out, again.drift["partial"]) == (True, True)
    (review.folder / "classifier.py").write_text(AGREES.format(db=str(doubtful.db)), encoding="utf-8")
    settled = review(*doubtful.options, *LOW_CONFIDENCE, "--lf", "--drift-reviewer=classifier:agrees")
    assert (settled.exit_code, settled.drift["verdict"]) == (0, "OK")


def test_record_named_by_its_node_id_has_no_verdict_on_its_rate(review: Review, doubtful: BuiltStore) -> None:
    """One record of thirty is no rate."""
    node = "drift_checks.criteria.test_agreement::test_agreement"
    found = review.pytest("--pyargs", node, *doubtful.options, *LOW_CONFIDENCE, "-k", "4-")
    assert found.drift["headline"].startswith("PARTIAL · ")
    assert found.exit_code == 75


def test_run_that_stops_early_is_inconclusive(review: Review, doubtful: BuiltStore) -> None:
    """Whatever stops it: checks that were chosen but not made are missing."""
    stop = "def test_stop(record, request):\n    request.session.shouldfail = record.id == 4 and 'enough'"
    own = write_criterion(review.folder / "own", "stop", stop)
    found = review.pytest(own, *doubtful.options, "--drift-records=1,4,8")
    begins = "PARTIAL · 2 of 3 chosen records, 1 of 21 criteria · INCONCLUSIVE"
    assert (found.drift["headline"].startswith(begins), found.exit_code) == (True, 75)


BREAKING = {
    "timeout": "def test_own(record):\n    __import__('time').sleep(3)",
    "fixture": "def test_own(record, broken):\n    pass",
    "fixture asked for inside": "def test_own(record, request):\n    request.getfixturevalue('broken')",
    "plugin before": "def test_own_before(record):\n    pass",
    "plugin after": "def test_own_after(record):\n" + ASSERTS,
    "plugin's report": "def test_own_report(record):\n" + ASSERTS,
    "warning": "def test_own(record):\n    __import__('warnings').warn('old', DeprecationWarning)",
}
PLUGIN = """
import pytest

@pytest.fixture
def broken():
    assert False, "no database"

def pytest_runtest_call(item):
    assert "before" not in item.name

def pytest_runtest_teardown(item):
    assert "after" not in item.name

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if "report" in item.name and call.when == "call":
        report.outcome = "failed"
    return report
"""


@pytest.mark.parametrize("breaking", sorted(BREAKING))
def test_what_fails_beside_the_criterion_is_no_finding(review: Review, doubtful: BuiltStore, breaking: str) -> None:
    """The check is broken: 3."""
    own = write_criterion(review.folder / "own", "own", BREAKING[breaking])
    (own.parent / "conftest.py").write_text(PLUGIN, encoding="utf-8")
    # Not what the first check waits for, which is the whole review.
    limit = ["--timeout=1", "-o", "timeout_func_only=true"] if breaking == "timeout" else []
    found = review.pytest(own, *doubtful.options, FEW, *limit, "-W", "error::DeprecationWarning")
    assert (found.exit_code, found.criterion("own")["verdict"]) == (3, "INCONCLUSIVE")


def test_assertion_in_a_helper_is_a_finding(review: Review, doubtful: BuiltStore) -> None:
    """Whether a fixture returned it, a library has it, or it is a subtest."""
    own = review.folder / "own"
    helper = "@pytest.fixture\ndef helper():\n    def helps(record):\n        assert record.id > 1\n    return helps\n"
    write_criterion(own, "helped", f"{helper}\ndef test_helped(record, helper):\n    helper(record)")
    library = "def test_library(record):\n    __import__('numpy').testing.assert_array_less(1, record.id)"
    write_criterion(own, "library", library)
    write_criterion(own, "named", "def test_named(record):\n    if record.id == 1:\n        pytest.fail('the first')")
    found = review.pytest(own, *doubtful.options, FEW)
    names = ("helped", "library", "named")
    assert [found.criterion(name)["failed"] for name in names] == [1, 1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=str)
def test_timeout_by_a_thread_is_not_critical(review: Review, doubtful: BuiltStore, workers: tuple[str, ...]) -> None:
    """It ends the process with 3, and says in which check."""
    own = write_criterion(review.folder / "own", "own", BREAKING["timeout"])
    timeout = ("--timeout=1", "--timeout-method=thread", "-o", "timeout_func_only=true")
    found = review.pytest(own, *doubtful.options, FEW, *timeout, *workers, process=True)
    assert (found.exit_code, "test_own[1-" in found.text) == (3, True)


def test_failed_test_beside_the_criteria_explains_the_exit_code(folder: Path, doubtful: BuiltStore) -> None:
    """The summary names the process's own code: pytest's 1, or 3 where 1 means CRITICAL."""
    (folder / "test_other.py").write_text("def test_other():\n    assert False\n", encoding="utf-8")
    for way, code in (("pyargs", 1), ("module", 3)):
        found = run_here(folder, *doubtful.options, FEW, "test_other.py", way=way)
        assert (found.exit_code, found.drift["exit_code"], found.drift["verdict"]) == (code, code, "OK")
        assert f"exit {code}      a test beside the criteria failed (test_other.py::test_other)" in found.out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for runs."""
    made = tmp_path / "folder"
    made.mkdir()
    return made


def test_terminal_plugin_is_not_needed(review: Review, doubtful: BuiltStore) -> None:
    """CRITICAL exits with 1 without it."""
    found = review(*doubtful.options, *LOW_CONFIDENCE, "-p", "no:terminal")
    assert (found.exit_code, agreement(found)) == (1, (20, 10))


def test_value_that_hides_the_ini_file_is_refused(review: Review, doubtful: BuiltStore) -> None:
    """The error names the ini file and what to write; the module reads both forms."""
    review.pytester.makefile(".ini", pytest="[pytest]\ndrift_baseline = 0")
    db, chroma = ("--drift-db", str(doubtful.db)), ("--drift-chroma", str(doubtful.chroma))
    refused = review(*db, *chroma)
    advice = " ".join(map("=".join, (db, chroma)))
    told = f"ignores {review.folder / 'pytest.ini'}; write {advice}." in refused.text
    assert (refused.exit_code, told, "Traceback" in refused.text) == (4, True, False)
    pinned = [option for option in doubtful.options if not option.startswith(("--drift-db", "--drift-chroma"))]
    assert review(*map("=".join, (db, chroma)), *pinned, "--drift-sample-size=4").drift["sample"]["size"] == 4
    assert review.module(*db, *chroma, *pinned, FEW).exit_code == 0


def test_value_that_hides_no_ini_file_is_read(review: Review, doubtful: BuiltStore) -> None:
    """Without one, both forms mean the same."""
    options = [part for option in doubtful.options for part in option.split("=", 1)]
    assert os.path.lexists(review(*options, FEW).folder)
