"""SIGTERM ends every wait soon, with 2 and without a traceback."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.stores import BuiltStore, build_store

pytestmark = pytest.mark.server

# Two seconds, on a machine that may be busy; the classifiers and the query would take a minute.
SOON = 10.0
OWN = """
import asyncio, pathlib, time

def blocks(text):
    pathlib.Path("reached").touch()
    time.sleep(60)

async def goes_on(text):
    pathlib.Path("reached").touch()
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

def is_down(text):
    pathlib.Path("reached").touch()
    raise ConnectionError("down")
"""
ENDLESS = """
create view risk_classifications as
with recursive numbers(id) as (select 1 union all select id + 1 from numbers)
select id, 'text' as text, 'financial' as category from numbers
"""
# The main thread is in a library, which calls no handler of Python.
STUCK = """
import pathlib, signal, sqlite3
from drift_checks.core.signals import on_sigterm
on_sigterm(signal.default_int_handler)
pathlib.Path("reached").touch()
sqlite3.connect(":memory:").execute(
    "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
)
"""
# The main thread calls handlers, but does not end.
BUSY = """
import pathlib, time
from drift_checks.core.signals import on_sigterm
on_sigterm(lambda number, frame: None, limit=lambda: 0.5, message="cut off")
pathlib.Path("reached").touch()
while True:
    time.sleep(0.01)
"""


@pytest.fixture
def store(tmp_path: Path) -> BuiltStore:
    """A store, and classifiers that keep a review waiting."""
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    return build_store(tmp_path / "store")


def end(
    folder: Path, command: list[str], *, after: float | None = None, opened: Path | None = None
) -> tuple[int, float, str]:
    """End a command once the file `reached` is there, or after seconds; return exit code, seconds and output.

    The seconds begin when it has opened the file `opened`.
    """
    command = [sys.executable, *command]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    files = Path(f"/proc/{process.pid}/fd")
    while opened and not any(file.resolve() == opened for file in files.iterdir()):
        time.sleep(0.02)
    deadline = time.monotonic() + (60 if after is None else after)
    while time.monotonic() < deadline and not (folder / "reached").exists():
        assert process.poll() is None, process.stdout and process.stdout.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    try:
        shown, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, time.monotonic() - began, shown


@pytest.mark.parametrize("classifier", ["blocks", "goes_on", "is_down"])
def test_a_review_in_progress(store: BuiltStore, tmp_path: Path, classifier: str) -> None:
    """Whether the classifier blocks, suppresses the cancellation, or is retried."""
    command = ["-m", "drift_checks", "--run-once", *store.options, f"--drift-reviewer=own:{classifier}"]
    code, seconds, shown = end(tmp_path, command)
    assert (code, seconds < SOON, "Traceback" in shown) == (2, True, False), (code, seconds, shown)


@pytest.mark.parametrize("command", [["--run-once", "--drift-reviewer=own:blocks"], ["doctor"]])
@pytest.mark.usefixtures("store")
def test_a_query_in_progress(tmp_path: Path, command: list[str]) -> None:
    """Of a view that never ends."""
    with closing(sqlite3.connect(tmp_path / "view.db")) as connection:
        connection.execute(ENDLESS)
    arguments = ["-m", "drift_checks", *command, f"--drift-db={tmp_path / 'view.db'}"]
    code, seconds, shown = end(tmp_path, arguments, after=1, opened=tmp_path / "view.db")
    assert (code, seconds < SOON, "Traceback" in shown) == (2, True, False), (code, seconds, shown)


@pytest.mark.parametrize("after", [0.3, 0.6, 1.2])
def test_a_start(store: BuiltStore, tmp_path: Path, after: float) -> None:
    """While modules are imported; before Python runs the first line, the system ends the process."""
    command = ["-m", "drift_checks", "--run-once", *store.options, "--drift-reviewer=own:blocks"]
    code, seconds, shown = end(tmp_path, command, after=after)
    assert code in (2, -signal.SIGTERM), shown
    assert (seconds < SOON, "Traceback" in shown) == (True, False), (seconds, shown)


def test_a_call_that_does_not_return(tmp_path: Path) -> None:
    """Python cannot call a handler meanwhile."""
    code, seconds, shown = end(tmp_path, ["-c", STUCK])
    assert (code, seconds < SOON, shown) == (2, True, "drift_checks: stopped by SIGTERM.\n")


def test_a_process_that_does_not_end(tmp_path: Path) -> None:
    """It is cut off after the limit."""
    code, seconds, shown = end(tmp_path, ["-c", BUSY])
    assert (code, seconds < SOON, shown) == (2, True, "cut off\n")
