"""Rights, room, locks, and processes that die: nothing but whole runs is ever there."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drift_checks.core.errors import ReportsError
from drift_checks.report.history import reading
from drift_checks.report.history.database import History
from drift_checks.report.history.reading import NAME, open_for_reading
from tests.support.histories import NIGHTS, PREPARED, RUN, document, night, run, set_aside, taken_up, whole, write
from tests.support.processes import OtherProcess, run_unprivileged


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_file_is_for_owner_and_group(tmp_path: Path, umask: int) -> None:
    """Whatever the umask."""
    before = os.umask(umask)
    try:
        with History(tmp_path) as history:
            history.add(run())
    finally:
        os.umask(before)
    assert oct((tmp_path / NAME).stat().st_mode & 0o777) == "0o640"


@pytest.mark.parametrize("there", [False, True])
def test_a_history_that_cannot_be_written_is_reported(tmp_path: Path, there: bool) -> None:
    """When it is created, or when a run is added."""
    if there:
        with History(tmp_path) as history:
            history.add(run())
        (tmp_path / NAME).chmod(0o444)
    tmp_path.chmod(0o555)
    code = f"""{PREPARED}
from drift_checks.core.errors import ReportsError
try:
    with History(Path({str(tmp_path)!r})) as history: history.add(run({NIGHTS[0]!r}))
except ReportsError as error:
    print(error)
"""
    told = run_unprivileged(code)
    tmp_path.chmod(0o755)
    assert "the history cannot be written (" in told
    assert whole(tmp_path) == ({RUN: 5} if there else {})


def test_a_full_disk_leaves_whole_runs(tmp_path: Path) -> None:
    """What did not fit is reported, and nothing of it stays; with room again it is taken up."""
    code = f"""{PREPARED}
import resource
from drift_checks.core.errors import ReportsError
history = History(Path({str(tmp_path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
for number in range(1000):
    try:
        history.add(run(night(number), agreed=0))
    except ReportsError as error:
        print(number, error)
        break
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    number, told = done.stdout.split(" ", 1)
    assert "make room" in told, done.stderr
    assert whole(tmp_path) == {night(place): 50 for place in range(int(number))}
    assert int(number) > 3
    write(tmp_path, document(night(int(number))))
    assert len(taken_up(tmp_path)) == int(number) + 1


def test_a_history_that_is_held_too_long_is_not_taken_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays in place, and the message says what to do."""
    with History(tmp_path) as history:
        history.add(run())
    monkeypatch.setattr(reading, "LOCK_WAIT_SECONDS", 0.1)
    holder = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ReportsError, match="another process has held the history"):
        History(tmp_path)
    assert open_for_reading(tmp_path) is None
    holder.close()
    assert set_aside(tmp_path) == []
    assert whole(tmp_path) == {RUN: 5}


def test_processes_that_add_at_once_lose_no_run(tmp_path: Path) -> None:
    """From the creation of the file on."""
    code = f"""{PREPARED}
with History(Path({str(tmp_path)!r})) as history:
    for number in range(15):
        history.add(run(night(number) + sys.argv[1]))
"""
    writers = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("aaaaaa", "bbbbbb")]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    assert len(whole(tmp_path)) == 30


ADDING = f"""{PREPARED}
import itertools
history = History(Path(sys.argv[1]))
known = len(history.runs())
run(night(0))
print("ready", flush=True)
for number in itertools.count(known):
    history.add(run(night(number), agreed=number % 40))
    print(number, flush=True)
"""


@pytest.mark.slow
def test_a_process_killed_at_any_moment_leaves_whole_runs(tmp_path: Path) -> None:
    """Each run reported as added is there, and complete."""
    chance = random.Random(7)
    for round_ in range(8):
        writer = subprocess.Popen([sys.executable, "-c", ADDING, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        assert round_ or writer.stdout.readline() == "0\n"
        time.sleep(chance.uniform(0.005, 0.25))
        writer.kill()
        added = writer.stdout.read().splitlines()
        writer.stdout.close()
        writer.wait()
        found = whole(tmp_path)
        assert found == {night(number): 50 - number % 40 for number in range(len(found))}
        assert not added or len(found) > int(added[-1])
    assert found


SPILLING = f"""
def change(statement, *values):
    history._connection.execute(statement, values)
change("PRAGMA cache_size = 1")
change("BEGIN IMMEDIATE")
copied = "SELECT ?, started, verdict, db, table_name, collection, ? FROM runs WHERE run_id = ?"
for number in range(200):
    change("INSERT INTO runs " + copied, str(number), "x" * 2000, {RUN!r})
"""


@pytest.mark.parametrize("reading", [False, True])
def test_what_a_killed_writer_left_is_rolled_back(tmp_path: Path, reading: bool) -> None:
    """Its journal is no damage, neither for the next run nor for a reader before it."""
    with History(tmp_path) as history:
        history.add(run())
    with OtherProcess() as other:
        other.run(f"{PREPARED}\nhistory = History(Path({str(tmp_path)!r}))\n{SPILLING}")
    journal = tmp_path / f"{NAME}-journal"
    assert journal.stat().st_size > 0
    if reading:
        view = open_for_reading(tmp_path)
        assert view is not None
        with view:
            assert view.runs() == [run()]
    assert whole(tmp_path) == {RUN: 5}
    assert not journal.exists()
