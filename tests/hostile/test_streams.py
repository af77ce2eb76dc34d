"""What becomes of its output changes neither the verdict of a run nor its files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stores import BuiltStore, build_store

CLASSIFIERS = """
import re

def right(text):
    return re.search(r"concerns (\\w+)", text)[1], 0.8

def wrong(text):
    return "another", 0.8
"""
WAYS = {
    "module": "-m drift_checks --run-once",
    "pyargs": "-m pytest -p no:cacheprovider --pyargs drift_checks",
    "verbose": "-m pytest -p no:cacheprovider -vv --pyargs drift_checks",
}
ENDS = {
    "full": ">/dev/full 2>&1",
    "no stdout": ">&- 2>/dev/null",
    "closed": ">&- 2>&-",
    "full stderr": ">/dev/null 2>/dev/full",
    "gone": "2>&1 | true",
    "head": "2>/dev/null | head -1",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> BuiltStore:
    """A store, and two classifiers beside it."""
    folder = tmp_path_factory.mktemp("streams")
    (folder / "mine.py").write_text(CLASSIFIERS, encoding="utf-8")
    return build_store(folder / "store")


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Python in a shell; the exit code is that of the first program of a pipeline."""
    script = f"{sys.executable} {command}; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)


CRITICAL = [
    *(("wrong", 1, "module", end) for end in ENDS),
    ("wrong", 1, "pyargs", "closed"),
    ("wrong", 1, "pyargs", "head"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reviewer", "code", "way", "end"),
    [*CRITICAL, ("wrong", 1, "verbose", "full"), ("right", 0, "module", "full"), ("right", 0, "pyargs", "gone")],
)
def test_lost_output_changes_no_verdict(store: BuiltStore, reviewer: str, code: int, way: str, end: str) -> None:
    """OK stays 0 and CRITICAL 1, and the run's folder is whole."""
    folder = store.folder.parent
    reports = folder / f"{reviewer}-{way}-{end}".replace(" ", "-")
    options = f"--drift-db={store.db} --drift-reviewer=mine:{reviewer} --drift-stability=0 --drift-reports={reports}"
    assert shell(folder, f"{WAYS[way]} {options} {ENDS[end]}").returncode == code
    assert (reports / "latest" / "report.json").stat().st_size > 1000
    assert (reports / "history.sqlite3").exists()


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("| true", 141, ""),
        (
            ">/dev/full",
            4,
            "history: stdout: cannot be written (No space left on device); make room, or print elsewhere.\n",
        ),
        (">&-", 0, ""),
    ],
)
@pytest.mark.parametrize("form", ["table", "csv"])
def test_subcommand_says_that_its_output_is_lost(tmp_path: Path, form: str, end: str, code: int, said: str) -> None:
    """As other Unix tools do, without a traceback."""
    from drift_checks.report.history.database import History
    from tests.support.histories import run

    with History(tmp_path) as history:
        history.add(run())
    ran = shell(tmp_path, f"-m drift_checks history --reports . --format {form} {end}")
    assert ran.returncode == code
    assert ran.stderr.endswith(said)
    assert "Traceback" not in ran.stderr
