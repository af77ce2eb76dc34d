"""Reviews run inside a test: the three ways to start one, and what it printed and left."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from drift_checks.commands.run_once import run as run_command_line

REPOSITORY = Path(__file__).resolve().parents[2]
# Five records, in a third of the time that the default sample takes.
SMALL = ("--drift-sample-size=4", "--drift-baseline=1")
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]+")
_CHANGING = (
    (RUN_ID, "<run>"),
    (re.compile(r"in \d+\.\d+s( \(.*?\))?"), "in <time>"),
    (re.compile(r"process \d+ on \S+ since [\dTZ:-]+"), "process <number> on <host> since <time>"),
    (re.compile(r"=+( .* )=+"), r"=\1="),
    (re.compile(r"\d+ MB free"), "<number> MB free"),
    (re.compile(r"needs \d+ MB"), "needs <number> MB"),
)


@dataclass(frozen=True)
class Run:
    """What a review printed and left; `written` are the run folders that it added."""

    exit_code: int
    out: str
    err: str
    reports: Path
    written: Sequence[Path]
    replaced: Mapping[str, str]

    @property
    def text(self) -> str:
        """Everything printed."""
        return f"{self.out}\n{self.err}"

    @property
    def folder(self) -> Path:
        """The run's folder."""
        (folder,) = self.written
        return folder

    @property
    def document(self) -> dict[str, Any]:
        """The whole of report.json."""
        document: dict[str, Any] = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        return document

    @property
    def drift(self) -> dict[str, Any]:
        """The run in report.json."""
        drift: dict[str, Any] = self.document["drift"]
        return drift

    @property
    def record_ids(self) -> list[int | str]:
        """The ids of the sample."""
        ids: list[int | str] = self.drift["sample"]["record_ids"]
        return ids

    def criterion(self, name: str) -> dict[str, Any]:
        """Return what report.json says of a criterion."""
        (found,) = [item for item in self.drift["criteria"] if item["name"] == name]
        return dict(found)

    def verdicts(self) -> dict[str, str | None]:
        """Return the verdict of each criterion."""
        return {item["name"]: item["verdict"] for item in self.drift["criteria"]}

    @property
    def summary(self) -> str:
        """The printed summary, without what differs from run to run."""
        return self.normalised("drift review" + self.out.partition("drift review")[2])

    @property
    def refusal(self) -> str:
        """The sentence with which the run was refused, and the exit code; a traceback fails the test."""
        assert "Traceback" not in self.text
        assert "INTERNALERROR" not in self.text
        # What is logged is no part of what people are told.
        told = [line for line in self.err.splitlines() if not line.startswith('{"time": ')]
        lines = [*told, *(line for line in self.out.splitlines() if line.startswith("!!!"))]
        said = "\n".join(line.strip("! ") for line in lines if line.strip())
        return f"{self.normalised(said)}\nexit code {self.exit_code}"

    def normalised(self, text: str) -> str:
        """Return text with paths, run ids and times replaced by placeholders."""
        for original, placeholder in self.replaced.items():
            text = text.replace(original, placeholder)
        for pattern, placeholder in _CHANGING:
            text = pattern.sub(placeholder, text)
        return "\n".join(line.rstrip() for line in text.splitlines())


class Review:
    """Starts reviews in the test's folder.

    Args:
        pytester: Of the test.
        tmp_path: Of the test, where its stores are.
        monkeypatch: Of the test.
    """

    def __init__(self, pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester = pytester
        self.tmp_path = tmp_path
        self._monkeypatch = monkeypatch

    @property
    def folder(self) -> Path:
        """The folder in which commands are given."""
        return Path.cwd()

    def __call__(self, *arguments: str | Path, process: bool = False, reports: Path | None = None) -> Run:
        """Run `pytest --pyargs drift_checks`, in this process unless told otherwise."""
        return self.pytest("--pyargs", "drift_checks", *arguments, process=process, reports=reports)

    def pytest(
        self,
        *arguments: str | Path,
        process: bool = False,
        reports: Path | None = None,
        under: Sequence[str] = (),
    ) -> Run:
        """Run plain `pytest`; `under` is a command that starts another, and implies a process."""
        before = self._runs(reports)
        if process or under:
            result = self.pytester.run(*under, sys.executable, "-m", "pytest", *arguments)
            return self._run(int(result.ret), result.stdout.str(), result.stderr.str(), before, reports)
        with modules_kept(self.tmp_path.parent):
            printed = run_pytest_here(*arguments)
        return self._run(*printed, before, reports)

    def module(self, *arguments: str | Path, process: bool = False, python: Sequence[str] = ()) -> Run:
        """Run `python -m drift_checks`, in this process unless told otherwise; `python` are the interpreter's options.

        The one in this process is the command line's function, which ends with the same code.
        """
        before = self._runs(None)
        if process or python:
            result = self.pytester.run(sys.executable, *python, "-m", "drift_checks", *arguments)
            return self._run(int(result.ret), result.stdout.str(), result.stderr.str(), before, None)
        return self._run(*run_module_here(*arguments), before, None)

    def checkout(self, *arguments: str | Path, copied: bool = False, process: bool = False) -> Run:
        """Run plain `pytest` in a checkout."""
        checkout = self.pytester.path / "checkout"
        if not checkout.exists():
            make_checkout(checkout, copied=copied)
        self._monkeypatch.chdir(checkout)
        return self.pytest(*arguments, process=process)

    def _runs(self, reports: Path | None) -> set[Path]:
        return run_folders(reports or self.folder / "reports")

    def _run(self, code: int, out: str, err: str, before: set[Path], reports: Path | None) -> Run:
        reports = reports or self.folder / "reports"
        written = sorted(run_folders(reports) - before)
        return Run(code, out, err, reports, written, placeholders(self.pytester.path, self.tmp_path))


def run_pytest_here(*arguments: str | Path) -> tuple[int, str, str]:
    """Run `pytest` in this process; return its exit code, and what it printed on stdout and stderr."""
    # At its end this plugin would search all objects of the test session for garbage, five times.
    given = ["-p", "no:unraisableexception", *map(str, arguments)]
    return _captured(lambda: int(pytest.main(given)))


def run_module_here(*arguments: str | Path) -> tuple[int, str, str]:
    """Run `python -m drift_checks` in this process; return its exit code, and what it printed on stdout and stderr."""
    return _captured(lambda: run_command_line([str(argument) for argument in arguments]))


def _captured(start: Callable[[], int]) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = start()
        except SystemExit as stop:
            code = int(stop.code or 0)
    # Shown if the test fails.
    sys.stdout.write(out.getvalue())
    sys.stderr.write(err.getvalue())
    return code, out.getvalue(), err.getvalue()


@contextmanager
def modules_kept(folder: Path) -> Iterator[None]:
    """Forget modules that were imported from below a folder, and restore `sys.path`."""
    modules, path = dict(sys.modules), list(sys.path)
    importlib.invalidate_caches()
    yield
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}"):
            del sys.modules[name]
    sys.modules.update(modules)


def placeholders(*folders: Path) -> dict[str, str]:
    """Return what stands for folders in snapshots."""
    return {**{str(folder): "<tmp>" for folder in folders}, str(REPOSITORY): "<checkout>"}


def run_folders(reports: Path) -> set[Path]:
    """Return the folders of runs in a folder of reports."""
    return {path for path in reports.glob("*") if RUN_ID.fullmatch(path.name)}


def run_in(folder: Path, *arguments: str | Path) -> Run:
    """Run `pytest --pyargs drift_checks` as a process in a folder, without any fixture."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DRIFT_", "PYTEST_", "SLACK_", "PAGERDUTY_"))
    }
    command = [sys.executable, "-m", "pytest", "--pyargs", "drift_checks", *map(str, arguments)]
    environment["XDG_CACHE_HOME"] = str(folder / "cache")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    reports = folder / "reports"
    return Run(done.returncode, done.stdout, done.stderr, reports, sorted(run_folders(reports)), placeholders(folder))


def make_checkout(folder: Path, *, copied: bool) -> None:
    """Make a checkout of what a review needs; the package in it is a link unless it is to be copied."""
    folder.mkdir()
    for name in ("conftest.py", "pytest.ini"):
        shutil.copy(REPOSITORY / name, folder / name)
    if copied:
        shutil.copytree(
            REPOSITORY / "drift_checks", folder / "drift_checks", ignore=shutil.ignore_patterns("__pycache__")
        )
    else:
        (folder / "drift_checks").symlink_to(REPOSITORY / "drift_checks")
