"""Reviews in this process and in a folder of their own, for fixtures that several tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest

from tests.support.machine import variables_of_the_machine
from tests.support.session_runs import Run, modules_kept, placeholders, run_folders, run_module_here, run_pytest_here

# The thirty records of low confidence in a test's store, among them all that disagree in a doubtful one.
LOW_CONFIDENCE = ("--drift-sample-size=30", "--drift-low-confidence-share=1", "--drift-baseline=0")


def run_here(
    folder: Path, *arguments: str | Path, way: str = "pyargs", environment: Mapping[str, str] | None = None
) -> Run:
    """Run a review in this process, in a folder that is created if it is missing.

    Args:
        folder: The current folder; reports go to `reports` in it unless the arguments name another.
        arguments: The command's arguments.
        way: `pyargs` for `pytest --pyargs drift_checks`, `pytest` or `module`.
        environment: Variables to set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    given = [str(argument) for argument in arguments]
    reports = _reports(folder, given)
    before = run_folders(reports)
    with surroundings(folder, environment):
        if way == "module":
            printed = run_module_here(*given)
        else:
            printed = run_pytest_here(*(("--pyargs", "drift_checks") if way == "pyargs" else ()), *given)
    return Run(*printed, reports, sorted(run_folders(reports) - before), placeholders(folder))


def _reports(folder: Path, arguments: list[str]) -> Path:
    named = [argument.partition("=")[2] for argument in arguments if argument.startswith("--drift-reports=")]
    return folder / named[-1] if named else folder / "reports"


@contextmanager
def surroundings(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Make a folder the current one, without the machine's settings; forget modules imported from it."""
    folder.mkdir(parents=True, exist_ok=True)
    with modules_kept(folder), pytest.MonkeyPatch.context() as patch, chdir(folder):
        for name in [*variables_of_the_machine(), *(name for name in os.environ if name.startswith("PYTEST_"))]:
            patch.delenv(name, raising=False)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        for name, value in (environment or {}).items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(folder))
        yield
