"""What whole runs leave in the history, the list of runs and the metrics, and other runs do not."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.ended_runs import CLASSIFIER, REVIEWER, Ended, fill, small_disk
from tests.support.history_files import HISTORY, finished_runs, half_rows, metrics_of, rows, run_ids, words_of
from tests.support.session_criteria import write_criterion
from tests.support.session_runs import SMALL, Run
from tests.support.stores import BuiltStore, records_alone
from tests.support.thorough import repetitions
from tests.support.whole_runs import LOW_CONFIDENCE, run_here

INTERRUPTED = "def test_stops(record):\n    raise KeyboardInterrupt\n"
WITHIN = """
def test_other_run(record):
    import pathlib, subprocess, sys
    if not pathlib.Path("code").exists():
        ended = subprocess.run([sys.executable, "-m", "pytest", "--pyargs", "drift_checks", *{options!r}])
        pathlib.Path("code").write_text(str(ended.returncode))
"""


@pytest.fixture(scope="module")
def drifted(_doubtful_once: BuiltStore) -> BuiltStore:
    """The store in which ten records disagree, only read here."""
    return _doubtful_once


@pytest.fixture(scope="module")
def sound(_store_once: BuiltStore) -> BuiltStore:
    """A sound store, only read here."""
    return _store_once


@pytest.fixture(scope="module")
def _whole_once(drifted: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_here(tmp_path_factory.mktemp("whole") / "run", *drifted.options, *LOW_CONFIDENCE)


@pytest.fixture
def whole(_whole_once: Run, tmp_path: Path) -> Run:
    """A CRITICAL run of thirty records, ten of which disagree, in the test's own folder."""
    shutil.copytree(_whole_once.reports.parent, tmp_path / "run", symlinks=True)
    reports = tmp_path / "run" / "reports"
    return Run(1, _whole_once.out, _whole_once.err, reports, [reports / _whole_once.folder.name], {})


def again(whole: Run, store: BuiltStore, *more: str | Path) -> Run:
    """Run another review of the store in the same folder."""
    return run_here(whole.reports.parent, *store.options, *LOW_CONFIDENCE, *more)


def test_whole_run_is_in_the_history(whole: Run, drifted: BuiltStore) -> None:
    """With all its criteria and disagreements, as in its report; the list links to it, and the metrics are its own."""
    run_id = whole.drift["run_id"]
    assert [row[:2] for row in rows(whole.reports, "runs")] == [(run_id, "CRITICAL")]
    assert rows(whole.reports, "agreement") == [(run_id, 20, 30)]
    expected = [tuple(item[key] for key in ("name", "verdict", "passed", "failed")) for item in whole.drift["criteria"]]
    assert [row[2:6] for row in rows(whole.reports, "criteria")] == expected
    expected = [
        tuple(item[key] for key in ("record_id", "stored", "reviewed")) for item in whole.drift["disagreements"]
    ]
    assert (len(expected), [row[2:] for row in rows(whole.reports, "disagreements")]) == (10, expected)

    linked = f"{whole.folder.name}/index.html" in (whole.reports / "index.html").read_text(encoding="utf-8")
    assert (linked, metrics_of(whole.reports)) == (True, {str(drifted.db): whole.folder.name})


PARTS: dict[str, tuple[str, ...]] = {
    "-k": ("-k", "test_agreement.py"),
    "--lf": ("--lf",),
    "records": ("--drift-records=4,1",),
}


def check_unchanged(whole: Run, found: Run, metrics: bytes) -> None:
    """Check that history, metrics and `latest` are still those of the whole run."""
    assert len(found.written) == 1
    assert run_ids(whole.reports) == [whole.folder.name]
    assert (whole.reports / "metrics.prom").read_bytes() == metrics
    assert (whole.reports / "latest").readlink().name == whole.folder.name


@pytest.mark.parametrize("part", sorted(PARTS))
def test_partial_run_leaves_only_its_folder(whole: Run, drifted: BuiltStore, part: str) -> None:
    """The list has both runs, and marks the partial one."""
    mark = "partial review"
    assert mark not in words_of(whole.reports / "index.html")
    metrics = (whole.reports / "metrics.prom").read_bytes()
    found = again(whole, drifted, *PARTS[part])
    assert found.drift["verdict"] in found.out
    check_unchanged(whole, found, metrics)
    page = (whole.reports / "index.html").read_text(encoding="utf-8")
    assert [f"{run.folder.name}/index.html" in page for run in (whole, found)] == [True, True]
    assert words_of(whole.reports / "index.html").count(mark) == 1


def test_first_partial_run_begins_no_history(tmp_path: Path, drifted: BuiltStore) -> None:
    """Nor metrics, nor `latest`."""
    package = Path(str(sys.modules["drift_checks"].__file__)).parent
    node = f"{package}/criteria/test_agreement.py::test_agreement"
    found = run_here(tmp_path / "run", *drifted.options, *LOW_CONFIDENCE, node, way="pytest")
    assert (len(found.written), found.drift["verdict"] in found.out) == (1, True)
    assert run_ids(found.reports) == []
    assert [os.path.lexists(found.reports / name) for name in ("latest", "metrics.prom")] == [False, False]


def test_interrupted_run_has_no_row(whole: Run, drifted: BuiltStore) -> None:
    """It writes its folder, and history, metrics and `latest` stay with the run before it."""
    own = write_criterion(whole.reports.parent / "own", "stops", INTERRUPTED)
    metrics = (whole.reports / "metrics.prom").read_bytes()
    found = again(whole, drifted, own)
    assert found.exit_code == 2
    check_unchanged(whole, found, metrics)


@pytest.mark.slow
def test_one_of_two_simultaneous_runs_ends_with_75(tmp_path: Path, drifted: BuiltStore) -> None:
    """A run begun while another is under way ends with 75; the other has its row."""
    options = [*drifted.options, *SMALL]
    own = write_criterion(tmp_path / "run" / "own", "other_run", WITHIN.format(options=options))
    found = run_here(tmp_path / "run", *options, own)
    assert (tmp_path / "run" / "code").read_text(encoding="utf-8") == "75"
    assert (len(found.written), run_ids(found.reports)) == (1, [found.folder.name])


def test_damaged_history_is_replaced(whole: Run, drifted: BuiltStore) -> None:
    """It is set aside with a warning, and refilled from the kept runs; the run has its verdict all the same."""
    history = whole.reports / HISTORY
    damaged = history.read_bytes()[:-9000]
    history.write_bytes(damaged)
    found = again(whole, drifted)
    assert (found.exit_code, found.drift["verdict"], "CRITICAL" in found.out) == (1, "CRITICAL", True)
    assert HISTORY in found.text
    aside = [path for path in whole.reports.iterdir() if path.name.startswith(HISTORY) and path != history]
    assert [path.read_bytes() for path in aside] == [damaged]
    assert (set(run_ids(whole.reports)), half_rows(whole.reports)) == ({whole.folder.name, found.folder.name}, [])


def test_newer_history_is_left_alone(whole: Run, drifted: BuiltStore) -> None:
    """With a warning: the file keeps every byte, and the run its verdict."""
    history = whole.reports / HISTORY
    with closing(sqlite3.connect(history)) as connection, connection:
        connection.execute("pragma user_version = 1000")
    before = history.read_bytes()
    found = again(whole, drifted)
    assert (found.exit_code, "CRITICAL" in found.out, HISTORY in found.text) == (1, True, True)
    assert history.read_bytes() == before


def test_lost_history_is_refilled(whole: Run, drifted: BuiltStore) -> None:
    """From the folders of whole runs that are kept."""
    again(whole, drifted, *PARTS["records"])
    (whole.reports / HISTORY).unlink()
    found = again(whole, drifted)
    assert (len(finished_runs(whole.reports)), run_ids(whole.reports)) == (3, [whole.folder.name, found.folder.name])


def test_metrics_hold_the_newest_run_of_each_store(whole: Run, drifted: BuiltStore, sound: BuiltStore) -> None:
    """A run of another store leaves the first one's metrics; a sound history is not mentioned or set aside."""
    other = again(whole, sound)
    newest = again(whole, drifted)
    assert HISTORY not in newest.text
    assert not [path.name for path in whole.reports.glob(f"{HISTORY}?*") if "corrupt" in path.name]
    expected = {str(sound.db): other.folder.name, str(drifted.db): newest.folder.name}
    assert metrics_of(whole.reports) == expected


@pytest.mark.slow
def test_killed_runs_are_found_by_the_next(drifted: BuiltStore, tmp_path: Path) -> None:
    """Killed at moments of its end, a run leaves no incomplete row; the next run adds what was finished."""
    arguments = (*records_alone(drifted), *LOW_CONFIDENCE)
    chance = random.Random(20261124)
    with Ended(tmp_path / "run") as ended:
        reports = ended.folder / "reports"
        assert ended.run(*arguments) == 1
        assert ended.run(*arguments) == 1
        moments = repetitions(4, 8)
        step, codes = ended.moments / moments, []
        for number in range(moments):
            moment = 1 + int(step * (number + chance.random()))
            codes.append(ended.run(*arguments, at=moment, later=chance.random() / 500))
            assert half_rows(reports) == []
        assert sum(code < 0 for code in codes) >= moments * 3 // 4
        assert ended.run(*arguments) == 1
    assert set(run_ids(reports)) == set(finished_runs(reports))
    assert (half_rows(reports), len(run_ids(reports)) > 3) == ([], True)


@pytest.mark.slow
@pytest.mark.parametrize("left", [30_000, 150_000, 240_000, 300_000])
def test_full_disk_hides_no_critical(drifted: BuiltStore, tmp_path: Path, left: int) -> None:
    """Wherever the room ends, the run has its verdict and exit code, and the history no half row."""
    folder = tmp_path / "run"
    arguments = (*records_alone(drifted), *LOW_CONFIDENCE, *REVIEWER)
    with small_disk(folder / "reports", 2_000_000) as may:
        if not may:
            pytest.skip("this process may not mount a small disk")
        (folder / "mine.py").write_text(CLASSIFIER, encoding="utf-8")
        first = run_here(folder, *arguments)
        fill(folder / "reports", left)
        found = run_here(folder, *arguments)
        assert (found.exit_code, "CRITICAL ·" in found.out, "Traceback" in found.text) == (1, True, False)
        assert (first.folder.name in run_ids(found.reports), half_rows(found.reports)) == (True, [])


@pytest.mark.slow
@pytest.mark.parametrize("most", [30_000, 60_000])
def test_limit_of_a_files_size_hides_no_critical(drifted: BuiltStore, tmp_path: Path, most: int) -> None:
    """As on a full disk, where no file may grow beyond some bytes."""
    with Ended(tmp_path / "run") as ended:
        code = ended.run(*records_alone(drifted), *LOW_CONFIDENCE, most=most)
        assert (code, "CRITICAL ·" in ended.output, "Traceback" in ended.output) == (1, True, False)
        assert half_rows(ended.folder / "reports") == []


@pytest.mark.slow
def test_disk_that_is_full_at_the_start_is_one_sentence(drifted: BuiltStore, tmp_path: Path) -> None:
    """Nothing is reviewed: exit code 4, and what to do."""
    folder = tmp_path / "run"
    with small_disk(folder / "reports", 100_000) as may:
        if not may:
            pytest.skip("this process may not mount a small disk")
        fill(folder / "reports", 0)
        found = run_here(folder, *drifted.options, *SMALL)
    assert (found.exit_code, "INTERNALERROR" in found.text, "make room" in found.text) == (4, False, True)
