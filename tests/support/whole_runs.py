"""Reviews for fixtures that several tests share, in this process and in a folder of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from drift_checks.commands.run_once import run as run_command_line
from tests.support.session_runs import Run, placeholders, run_folders

# The thirty records of low confidence of a test's store, among them all that disagree in a doubtful one.
LOW_CONFIDENCE = ("--drift-sample-size=30", "--drift-low-confidence-share=1", "--drift-baseline=0")
_OF_THE_MACHINE = (
    *("SLACK_WEBHOOK_URL", "PAGERDUTY_API_KEY", "CREDENTIALS_DIRECTORY"),
    "DRIFT_",
    "CHROMA_",
    "PYTEST_",
    "COLUMNS",
    "FORCE_COLOR",
    "NO_COLOR",
    "PY_COLORS",
)


def run_here(
    folder: Path, *arguments: str | Path, way: str = "pyargs", environment: Mapping[str, str] | None = None
) -> Run:
    """Run a review in this process, in a folder made where it is missing.

    Args:
        folder: In which the command is given; reports go to `reports` in it unless the arguments name another.
        arguments: What follows the command.
        way: `pyargs` for `pytest --pyargs drift_checks`, `pytest` or `module`.
        environment: Variables that are set meanwhile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    given = [str(argument) for argument in arguments]
    reports = _reports(folder, given)
    before = run_folders(reports)
    out, err = StringIO(), StringIO()
    with _surroundings(folder, environment or {}), redirect_stdout(out), redirect_stderr(err):
        code = _start(way, given)
    written = sorted(run_folders(reports) - before)
    return Run(code, out.getvalue(), err.getvalue(), reports, written, placeholders(folder))


def _reports(folder: Path, arguments: list[str]) -> Path:
    named = [argument.partition("=")[2] for argument in arguments if argument.startswith("--drift-reports=")]
    return folder / named[-1] if named else folder / "reports"


def _start(way: str, arguments: list[str]) -> int:
    if way != "module":
        return int(pytest.main([*(("--pyargs", "drift_checks") if way == "pyargs" else ()), *arguments]))
    try:
        return run_command_line(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)


@contextmanager
def _surroundings(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Stand in a folder without the machine's settings; forget what was imported from below it."""
    path = list(sys.path)
    with pytest.MonkeyPatch.context() as patch, chdir(folder):
        for name in [name for name in os.environ if name.startswith(_OF_THE_MACHINE)]:
            patch.delenv(name)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(folder))
        yield
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}"):
            del sys.modules[name]
