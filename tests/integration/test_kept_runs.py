"""Which runs become the latest, and what leaves nothing behind."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from tests.support.session_criteria import write_criterion
from tests.support.session_runs import SMALL, Review
from tests.support.stores import BuiltStore

LOW_CONFIDENCE = ("--drift-sample-size=30", "--drift-low-confidence-share=1", "--drift-baseline=0")


def files_below(folder: Path) -> set[str]:
    """Return every file and folder below one, except pytest's own."""
    kept = (".pytest_cache", "__pycache__")
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if not set(kept) & set(path.parts)}
    return {name for name in found if not name.startswith(("conftest.py", "test_"))}


def test_latest_points_to_the_newest_whole_run(review: Review, store: BuiltStore) -> None:
    """`latest` follows whole runs."""
    review(*store.options, *SMALL)
    newest = review(*store.options, *SMALL)
    assert (newest.reports / "latest").readlink() == Path(newest.folder.name)


PARTIAL = {
    "-k": ("-k", "test_agreement.py"),
    "--deselect": ("--deselect", "criteria/test_store_consistency.py::test_store_coverage"),
    "records": ("--drift-records=1,2,3",),
    "ignored criterion": ("--ignore-glob=/*test_agreement.py",),
}


@pytest.mark.parametrize("part", sorted(PARTIAL))
def test_partial_run_leaves_latest(review: Review, doubtful: BuiltStore, part: str) -> None:
    """A run of part of the checks or records writes its folder and moves no `latest`."""
    found = review(*doubtful.options, *LOW_CONFIDENCE, *PARTIAL[part])
    assert (len(found.written), os.path.lexists(found.reports / "latest")) == (1, False)


def test_last_failed_run_leaves_latest(review: Review, doubtful: BuiltStore) -> None:
    """`--lf` runs the records that disagreed, and moves no `latest`."""
    first = review(*doubtful.options, *LOW_CONFIDENCE)
    again = review(*doubtful.options, *LOW_CONFIDENCE, "--lf")
    assert ((again.reports / "latest").readlink().name, len(again.document["tests"])) == (first.folder.name, 10)


def test_named_criteria_and_node_ids_leave_latest(review: Review, store: BuiltStore) -> None:
    """The file of one criterion, or one record of each, is part of the review."""
    folder = "drift_checks/criteria"
    found = review.checkout(*store.options, *SMALL, f"{folder}/test_agreement.py")
    assert (len(found.written), os.path.lexists(found.reports / "latest")) == (1, False)
    names = ("agreement", "record_integrity", "store_consistency")
    nodes = [f"{folder}/test_{name}.py::test_{name}[1-regulatory]" for name in names]
    found = review.checkout(*store.options, "--drift-sample-size=120", *nodes)
    assert (len(found.document["tests"]), os.path.lexists(found.reports / "latest")) == (3, False)


def test_further_criteria_and_another_order_are_a_whole_run(review: Review, store: BuiltStore) -> None:
    """The built-in criteria are all checked."""
    own = write_criterion(review.folder / "own")
    assert (review(*store.options, *SMALL, "--ff", own).reports / "latest").is_symlink()


@pytest.mark.parametrize("option", ["--collect-only", "--fixtures", "--fixtures-per-test"])
def test_looking_writes_nothing(review: Review, store: BuiltStore, option: str) -> None:
    """Options that only show what there is write nothing."""
    review(*store.options, *SMALL, option)
    assert files_below(review.folder) == set()


def test_collecting_needs_neither_permission_nor_lock(review: Review, store: BuiltStore) -> None:
    """`--collect-only` works where reports cannot be written, and while a run is in progress."""
    (review.folder / "file").write_text("", encoding="utf-8")
    found = review(*store.options, *SMALL, "--collect-only", f"--drift-reports={review.folder / 'file'}")
    assert (found.exit_code, " tests collected" in found.out) == (0, True)
    (review.folder / "reports").mkdir()
    with (review.folder / "reports" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert review(*store.options, *SMALL, "--collect-only").exit_code == 0


def test_collecting_loads_no_chromadb(review: Review, store: BuiltStore) -> None:
    """`--collect-only` reads SQLite alone, and is quick."""
    look = "import sys\ndef pytest_unconfigure():\n    print('loaded:', 'chromadb' in sys.modules)"
    review.pytester.makeconftest(look)
    assert "loaded: False" in review(*store.options, *SMALL, "--collect-only", process=True).out


def test_a_review_by_chroma_loads_no_chromadb(review: Review, store: BuiltStore) -> None:
    """The package takes a second to import, and its extension module reads a directory without it."""
    look = """
    import sys
    def pytest_unconfigure():
        print("loaded:", sorted({"chromadb", "chromadb_rust_bindings", "opentelemetry", "grpc"} & {*sys.modules}))
    """
    review.pytester.makeconftest(look)
    found = review(*store.options, *SMALL, process=True)
    assert "loaded: ['chromadb_rust_bindings']" in found.out


def test_session_without_criteria_reads_no_setting(review: Review, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin is inert in other people's tests, with nonsense in environment and ini file, or words of ours."""
    for name in ("DRIFT_WARN", "DRIFT_SAMPEL_SIZE", "DRIFT_REPORTS", "CHROMA_PERSIST_PATH"):
        monkeypatch.setenv(name, "://nonsense")
    review.pytester.makepyfile(test_ordinary="# see drift" + "_criterion in the manual\ndef test_ordinary():\n    pass")
    found = review.pytest()
    assert (found.exit_code, files_below(review.folder)) == (0, set())
    review.pytester.makefile(".ini", pytest="[pytest]\ndrift_warn = nonsense\ndrift_wran = 1")
    assert review.pytest("-W", "ignore").exit_code == 0


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_session_without_criteria_is_not_kept_quiet(
    review: Review, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """Other people's tests print as usual."""
    monkeypatch.setenv("DRIFT_QUIET", "true")
    review.pytester.makepyfile(
        test_ordinary="def test_ordinary(request):\n"
        "    assert type(request.config.get_terminal_writer()._file).__name__ != 'StringIO'"
    )
    out = review.pytest(*workers, process=True).out
    assert ("test session starts" in out, "1 passed" in out) == (True, True)


def test_failures_of_other_sessions_are_pytests_own(review: Review) -> None:
    """Without criteria exit codes are pytest's."""
    review.pytester.makepyfile(test_ordinary="def test_ordinary():\n    assert False")
    assert review.pytest().exit_code == 1
