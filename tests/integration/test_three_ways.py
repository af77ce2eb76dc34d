"""`pytest` in a checkout, `pytest --pyargs drift_checks` anywhere, `python -m drift_checks`: one run."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import pytest

from tests.support.session_runs import REPOSITORY, SMALL, Review, Run
from tests.support.stores import BuiltStore

MODES = ("pyargs", "checkout", "module")
HOSTILE_INI = """
[pytest]
python_files = check_*.py
python_functions = check_*
python_classes = Check
addopts = --strict-markers --strict-config -p no:cacheprovider --import-mode=importlib
testpaths = nowhere
xfail_strict = true
"""


def run(review: Review, mode: str, store: BuiltStore, *arguments: str, process: bool = False) -> Run:
    """Run a review in one of the ways."""
    if mode == "module":
        pinned = [option for option in store.options if not option.startswith(("--drift-db", "--drift-chroma"))]
        paths = ("--db-path", str(store.db), "--chroma-path", str(store.chroma))
        return review.module("--run-once", *paths, *pinned, *arguments, process=process)
    start = review.checkout if mode == "checkout" else review
    return start(*store.options, *arguments)


@pytest.mark.slow
def test_three_ways_review_the_same_sample(review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same store, seed, time and zone."""
    found = []
    for mode in ("module", "pyargs", "checkout"):
        size = "--sample-size=50" if mode == "module" else "--drift-sample-size=50"
        found.append(run(review, mode, store, size, process=mode == "module"))
    assert [item.record_ids for item in found] == [found[0].record_ids] * 3


@pytest.mark.parametrize("mode", MODES)
def test_sound_store_is_ok(review: Review, store: BuiltStore, mode: str) -> None:
    """With exit code 0 in each way."""
    sound = run(review, mode, store, *SMALL)
    assert (sound.exit_code, sound.drift["verdict"]) == (0, "OK")


@pytest.mark.parametrize("mode", MODES)
def test_drifted_store_is_critical(review: Review, doubtful: BuiltStore, mode: str) -> None:
    """With exit code 1 in each way."""
    drifted = run(review, mode, doubtful, "--drift-records=4,8,1")
    assert (drifted.exit_code, drifted.drift["verdict"]) == (1, "CRITICAL")


def test_existing_cron_line_works(review: Review, store: BuiltStore) -> None:
    """It draws 50 records of low confidence and of old age."""
    paths = ("--db-path", store.db, "--chroma-path", store.chroma)
    line = review.module("--run-once", "--sample-size", "50", *paths)
    assert {"low_confidence": 30, "old": 20}.items() <= line.drift["sample"]["strata"].items()


@pytest.mark.parametrize("mode", MODES)
def test_relative_paths_start_in_the_callers_folder(review: Review, store: BuiltStore, mode: str) -> None:
    """In which the command was given."""
    folder = review.folder / "checkout" if mode == "checkout" else review.folder
    start = review.checkout if mode == "checkout" else review.module if mode == "module" else review
    names = ("--db-path", "--chroma-path") if mode == "module" else ("--drift-db", "--drift-chroma")
    paths = [os.path.relpath(path, folder) for path in (store.db, store.chroma)]
    found = start(*map("=".join, zip(names, paths, strict=True)), *SMALL, "--drift-reports=here")
    assert (found.exit_code, (folder / "here" / "latest").is_symlink()) == (0, True)


def test_relative_paths_in_ini_start_at_its_folder(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in which the command was given."""
    db, chroma = (os.path.relpath(path, review.folder) for path in (store.db, store.chroma))
    review.pytester.makeini(f"[pytest]\ndrift_db = {db}\ndrift_chroma = {chroma}\ndrift_reports = kept")
    below = review.folder / "below"
    below.mkdir()
    ini, kept = review.folder / "tox.ini", review.folder / "kept"
    monkeypatch.chdir(below)
    found = review("-c", ini, *SMALL, reports=kept)
    assert found.folder.parent == kept


@pytest.mark.parametrize("mode", ["pyargs", "module"])
def test_hostile_ini_file_changes_nothing(review: Review, store: BuiltStore, mode: str) -> None:
    """Other names of files, functions and classes, and strict options, hide no check."""
    checks = len(run(review, mode, store, *SMALL).document["tests"])
    review.pytester.makefile(".ini", pytest=HOSTILE_INI)
    hostile = run(review, mode, store, *SMALL)
    assert (hostile.exit_code, len(hostile.document["tests"])) == (0, checks)


def test_doctests_beside_the_criteria_change_nothing(review: Review, store: BuiltStore) -> None:
    """`--doctest-modules` hides no check."""
    review.pytester.makefile(".ini", pytest="[pytest]\naddopts = --doctest-modules")
    assert review(*store.options, *SMALL).exit_code == 0


@pytest.mark.slow
def test_warnings_as_errors_change_nothing(review: Review, store: BuiltStore) -> None:
    """`filterwarnings = error` is meant for the folder's own tests."""
    review.pytester.makefile(".ini", pytest="[pytest]\nfilterwarnings = error")
    assert review(*store.options, *SMALL, process=True).exit_code == 0


def test_named_criterion_is_checked_once(review: Review, store: BuiltStore) -> None:
    """Whatever python_files says."""
    review.pytester.makefile(".ini", pytest="[pytest]\npython_files = check_*.py")
    named = review.pytest("--pyargs", "drift_checks.criteria.test_agreement", *store.options, *SMALL)
    assert named.criterion("agreement")["passed"] == 4


def test_norecursedirs_hides_no_criteria(review: Review, store: BuiltStore) -> None:
    """It is meant for the folder's own folders."""
    review.pytester.makefile(".ini", pytest="[pytest]\nnorecursedirs = criteria")
    assert review(*store.options, *SMALL).exit_code == 0


def test_conftest_that_raises_stops_no_module_run(review: Review, store: BuiltStore) -> None:
    """`python -m drift_checks` does not load it."""
    review.pytester.makeconftest("raise RuntimeError('not for reviews')")
    assert run(review, "module", store, *SMALL).exit_code == 0


@pytest.mark.skipif(pytest.version_tuple < (9, 1), reason="pytest holds a conftest to its folder from 9.1")
def test_conftest_fixtures_of_the_folder_override_none_of_the_plugin(review: Review, store: BuiltStore) -> None:
    """An application may have fixtures called `store` or `sample`."""
    names = ("store", "sample", "record", "reviews", "vectors", "entries", "taxonomy", "whole_store")
    fixtures = "".join(f"\n@pytest.fixture\ndef {name}():\n    return None\n" for name in names)
    review.pytester.makeconftest(f"import pytest\n{fixtures}")
    assert review(*store.options, *SMALL).exit_code == 0


def test_addopts_variable_is_used_by_pytest(review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in any pytest."""
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(SMALL))
    assert review(*store.options).drift["sample"]["size"] == 5


def test_addopts_variable_is_not_used_by_the_module(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A developer's PYTEST_ADDOPTS must not change a scheduled run."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing --no-such-option")
    assert run(review, "module", store, *SMALL).exit_code == 0


@pytest.mark.slow
def test_plugins_named_by_hand_suffice(review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without autoloading, -p loads what a review needs."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = ("-p", "drift_checks.plugin", "-p", "pytest_jsonreport")
    assert review(*plugins, *store.options, *SMALL, process=True).exit_code == 0


@pytest.mark.slow
def test_advice_on_missing_json_report_plugin_works(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says how to load pytest-json-report, and that helps."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    refused = review("-p", "drift_checks.plugin", *store.options, *SMALL, process=True)
    (advised,) = re.findall(r"-p (\w+)", refused.refusal)
    advice = ("-p", "drift_checks.plugin", "-p", advised)
    assert review(*advice, *store.options, *SMALL, process=True).exit_code == 0


@pytest.mark.slow
def test_module_needs_no_autoloading(review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m drift_checks` loads its plugin itself."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert run(review, "module", store, *SMALL, process=True).exit_code == 0


@pytest.mark.slow
def test_module_prints_no_warnings(review: Review, store: BuiltStore) -> None:
    """Cron's mail of a sound run has the summary, and no warnings of pytest."""
    printed = run(review, "module", store, *SMALL, process=True).text
    assert not re.search(r"\d warning|warnings summary|Warning:", printed)


@pytest.mark.parametrize("wrong", [["--sample-size"], ["--run-once=yes"], ["--sample-sise", "50"]])
def test_wrong_usage_of_the_module_exits_with_4(review: Review, wrong: Sequence[str]) -> None:
    """Not with 2, which means interrupted."""
    assert review.module(*wrong).exit_code == 4


def test_empty_value_is_refused_by_the_module(review: Review, store: BuiltStore) -> None:
    """`--db-path "$DB"` with DB unset must not review another store."""
    assert review.module("--db-path", "", "--chroma-path", store.chroma, *SMALL).exit_code == 4


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["PYTEST_PLUGINS", "PYTHONPATH"])
def test_module_exits_with_1_only_if_critical(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Not if a plugin cannot be loaded."""
    if broken == "PYTHONPATH":
        info = review.folder / "site" / "broken-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n", encoding="utf-8")
        (info / "entry_points.txt").write_text("[pytest11]\nbroken = broken_plugin\n", encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(info.parent))
    else:
        monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    assert run(review, "module", store, *SMALL, process=True).exit_code != 1


def test_module_exits_with_3_for_a_failing_test_of_the_user(review: Review, store: BuiltStore) -> None:
    """It is no CRITICAL verdict."""
    failing = review.pytester.makepyfile(test_other="def test_other():\n    assert False")
    assert run(review, "module", store, *SMALL, str(failing)).exit_code == 3


@pytest.mark.slow
def test_optimising_interpreter_changes_nothing(review: Review, doubtful: BuiltStore) -> None:
    """`python -O` removes assertions, but drift and an empty store are found all the same."""
    paths = ("--db-path", doubtful.db, "--chroma-path", doubtful.chroma)
    pinned = ("--sample-size=30", "--drift-low-confidence-share=1", "--drift-as-of=2026-01-15T02:00:00Z")
    assert review.module(*paths, *pinned, python=["-O"]).exit_code == 1
    doubtful.execute("delete from risk_classifications")
    empty = review.module(*paths, python=["-O"])
    assert (empty.exit_code, "Traceback" in empty.text) == (5, False)


@pytest.mark.slow
def test_copied_checkout_needs_no_installation(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its conftest.py loads its plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(review.folder / "checkout"))
    plugin = ("-p", "pytest_jsonreport")
    assert review.checkout(*plugin, *store.options, *SMALL, copied=True, process=True).exit_code == 0


def test_pytest_in_a_checkout_is_the_review(review: Review, store: BuiltStore) -> None:
    """It runs the criteria and nothing else."""
    found = review.checkout(*store.options, *SMALL)
    criteria = {path.name for path in (REPOSITORY / "drift_checks" / "criteria").glob("test_*.py")}
    assert {test["nodeid"].split("::")[0].rpartition("/")[2] for test in found.document["tests"]} == criteria
