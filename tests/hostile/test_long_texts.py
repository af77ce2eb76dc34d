"""A text of many megabytes in a store is not held many times."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.stores import build_store

MEGABYTES = 20
# The text in the sample, and two copies of it while SQLite or the classifier's error handles it; and room for noise.
TIMES = 4.5
# Prints the peak memory of a review, in MB.
PROBE = r"""
import re, sys
from drift_checks.__main__ import main
main()
print("peak", int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1000)
"""
OWN = """
def fails(text):
    if len(text) > 100_000:
        raise ValueError(f"cannot classify {text}")
    return "financial"
"""


def peak(folder: Path, *options: str) -> float:
    """Return the peak memory of a review in MB."""
    command = [sys.executable, "-c", PROBE, "--run-once", *options, f"--drift-reports={folder / 'reports'}"]
    # Otherwise each thread keeps memory of its own that nothing uses any more.
    environment = os.environ | {"MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert "agree" in done.stdout, done.stderr
    return float(done.stdout.rpartition("peak ")[2])


@pytest.mark.slow
def test_a_long_text_is_not_held_many_times(tmp_path: Path) -> None:
    """Also if the classifier's exception quotes all of it."""
    store = build_store(tmp_path / "store")
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    options = [*store.options, "--drift-reviewer=own:fails", "--drift-records=1,2,3"]
    before = peak(tmp_path, *options)
    with closing(sqlite3.connect(store.db)) as connection, connection:
        text = "a long text\n" * (MEGABYTES * 1_000_000 // 12)
        connection.execute("update risk_classifications set text = ? where id = 1", (text,))
    assert peak(tmp_path, *options) - before < TIMES * MEGABYTES
