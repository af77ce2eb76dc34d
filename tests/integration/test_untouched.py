"""A review does not change the store, needs no write permission, and removes its copies."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.folders import contents
from tests.support.session_criteria import write_criterion
from tests.support.session_runs import SMALL, Review
from tests.support.stores import NAME, BuiltStore

UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")
WRITER = f"""
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
connection.execute("pragma journal_mode = wal")
print("at work", flush=True)
number = 0
while True:
    connection.execute("update {NAME} set review_count = review_count + 1 where id = ?", (number % 120 + 1,))
    number += 1
    time.sleep(0.002)
"""
WAITING = """
def test_waits(record):
    import pathlib, time
    pathlib.Path("waiting").touch()
    time.sleep(30)
"""


def snapshots() -> list[Path]:
    """Return the private copies in the cache folder, which also has what was predicted of labels."""
    found = Path(os.environ["XDG_CACHE_HOME"]).glob("drift-checks/snapshots/*")
    return [path for path in found if path.name not in {"labels", "label_vectors"}]


def wait_until(there: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


@contextmanager
def started(review: Review, store: BuiltStore) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a review in the middle of its checks."""
    own = write_criterion(review.folder / "own", "waits", WAITING)
    command = [sys.executable, "-m", "pytest", "--pyargs", "drift_checks", *store.options, *SMALL, str(own)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until((review.folder / "waiting").exists)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def read_only(store: BuiltStore) -> Iterator[BuiltStore]:
    """A store without write permission, for a process that is subject to file modes."""
    if shutil.which("setpriv") is None or os.geteuid() != 0:
        pytest.skip("needs setpriv and root, to drop the right to override file modes")
    paths = [store.folder, *store.folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if subprocess.run([*UNPRIVILEGED, "test", "-w", str(store.db)], check=False).returncode == 0:
        pytest.skip("file modes have no effect here")
    yield store
    for path, mode in modes.items():
        if path.exists():
            path.chmod(mode)


def test_no_byte_of_the_store_is_changed(review: Review, store: BuiltStore) -> None:
    """By a whole run; nor is a file added."""
    before = contents(store.folder)
    review(*store.options)
    assert contents(store.folder) == before


def test_critical_run_changes_nothing(review: Review, doubtful: BuiltStore) -> None:
    """Nor does a run with findings."""
    before = contents(doubtful.folder)
    review(*doubtful.options, "--drift-sample-size=30", "--drift-low-confidence-share=1")
    assert contents(doubtful.folder) == before


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "wal"])
def test_no_byte_is_changed_in_any_journal_mode(review: Review, store: BuiltStore, mode: str) -> None:
    """Once the application has closed the store."""
    with closing(sqlite3.connect(store.db)) as connection:
        connection.execute(f"pragma journal_mode = {mode}")
        connection.execute(f"update {NAME} set review_count = 1")
        connection.commit()
    before = contents(store.folder)
    assert (review(*store.options, *SMALL).exit_code, contents(store.folder)) == (0, before)


@pytest.mark.slow
def test_live_wal_is_read_and_unchanged(review: Review, store: BuiltStore) -> None:
    """Rows that are only in the WAL of a running application are seen."""
    with closing(sqlite3.connect(store.db, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute(f"delete from {NAME} where id > 100")
        before = contents(store.folder, without="-shm")
        found = review(*store.options, "--drift-records=1,2,3", process=True)
        assert (found.drift["store"]["records"], contents(store.folder, without="-shm")) == (100, before)


def test_wal_left_by_a_crash_is_read_and_unchanged(review: Review, store: BuiltStore) -> None:
    """It is read from a copy."""
    with closing(sqlite3.connect(store.db, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute(f"delete from {NAME} where id > 100")
        crashed = store.folder.parent / "crashed"
        shutil.copytree(store.folder, crashed, ignore=shutil.ignore_patterns("*-shm"))
    left = BuiltStore(crashed)
    before = contents(crashed)
    found = review(*left.options, "--drift-records=1,2,3")
    assert (found.drift["store"]["records"], contents(crashed)) == (100, before)


def test_hot_journal_is_rolled_back_in_a_copy(review: Review, store: BuiltStore) -> None:
    """The original is unchanged."""
    with closing(sqlite3.connect(store.db, isolation_level=None)) as connection:
        connection.execute("pragma cache_size = 1")
        connection.execute("pragma cache_spill = 1")
        connection.execute("begin")
        connection.execute(f"update {NAME} set category = 'torn', rationale = hex(zeroblob(4000))")
        crashed = store.folder.parent / "crashed"
        shutil.copytree(store.folder, crashed)
        connection.execute("rollback")
    left = BuiltStore(crashed)
    before = contents(crashed)
    found = review(*left.options, *SMALL)
    assert (found.exit_code, contents(crashed)) == (0, before)


@pytest.mark.slow
def test_active_writer_is_not_disturbed(review: Review, store: BuiltStore) -> None:
    """While an application writes all the time, the review reads, and the application meets no lock."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(store.db)], stdout=subprocess.PIPE, text=True)
    with writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        found = review(*store.options, process=True)
        undisturbed = writer.poll() is None
        writer.kill()
    assert (found.exit_code, undisturbed) == (0, True)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_read_only_store_is_reviewed(review: Review, request: pytest.FixtureRequest, mode: str) -> None:
    """Write permission is not needed, neither for the store nor for its folder."""
    store: BuiltStore = request.getfixturevalue("store")
    with closing(sqlite3.connect(store.db)) as connection:
        connection.execute(f"pragma journal_mode = {mode}")
    read_only: BuiltStore = request.getfixturevalue("read_only")
    found = review.pytest("--pyargs", "drift_checks", *read_only.options, *SMALL, under=UNPRIVILEGED)
    assert found.exit_code == 0


def test_copies_are_removed_after_a_run(review: Review, store: BuiltStore) -> None:
    """Or after a refusal."""
    review(*store.options, *SMALL)
    assert snapshots() == []
    review(*store.options, *SMALL, "--drift-collection=other")
    assert snapshots() == []


@pytest.mark.slow
def test_control_c_leaves_no_copies(review: Review, store: BuiltStore) -> None:
    """It ends with pytest's 2; the store is unchanged, and `latest` is not moved."""
    before = contents(store.folder)
    with started(review, store) as process:
        there = bool(snapshots())
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    left = (process.returncode, snapshots(), (review.folder / "reports" / "latest").exists())
    assert (there, left, contents(store.folder)) == (True, (2, [], False), before)


@pytest.mark.slow
def test_next_run_removes_what_a_killed_one_left(review: Review, store: BuiltStore) -> None:
    """It removes the copy, and no lock delays it."""
    with started(review, store) as process:
        process.kill()
        process.wait()
        left = len(snapshots())
    assert (left, review(*store.options, *SMALL).exit_code, snapshots()) == (1, 0, [])
