"""The subcommands of `python -m drift_checks`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks import __version__
from drift_checks.commands import SUBCOMMANDS, chosen, command
from drift_checks.report.history.database import History
from drift_checks.report.history.recorded import RecordedRun


def module(*arguments: object, **changed: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m drift_checks` in another process."""
    command_line = [sys.executable, "-m", "drift_checks", *map(str, arguments)]
    return subprocess.run(command_line, capture_output=True, text=True, env=os.environ | changed, timeout=60)


def keep(reports: Path, *runs: RecordedRun) -> Path:
    """Write a history of these runs; return its folder."""
    with History(reports) as history:
        for item in runs:
            history.add(item)
    return reports


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_each_subcommand_is_a_module_with_its_name(name: str) -> None:
    """It declares arguments and runs."""
    found = command(name)
    assert callable(found.add_arguments)
    assert callable(found.run)


def test_help_lists_the_subcommands() -> None:
    """One per line."""
    done = module("--help")
    assert done.returncode == 0
    listed = done.stdout.partition("subcommands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed[: len(SUBCOMMANDS)]] == list(SUBCOMMANDS)


def test_a_misspelt_subcommand_is_refused() -> None:
    """The nearest is suggested, and no review starts."""
    done = module("histroy")
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (4, "", False)
    assert "did you mean 'history'?" in done.stderr


@pytest.mark.parametrize("first", [[], ["--run-once"], ["-k", "history"], ["tests/unit"], ["pytest"], ["a.py::test"]])
def test_other_arguments_belong_to_the_review(first: list[str]) -> None:
    """Options, paths, packages and node ids."""
    assert chosen(first) is None


def test_without_arguments_the_command_line_is_explained(snapshot: SnapshotAssertion) -> None:
    """On one screen, and with the exit code of unusable arguments: no scheduled job takes it for a verdict of OK."""
    done = module()
    assert (done.returncode, done.stdout) == (4, "")
    assert len(done.stderr.splitlines()) <= 28
    assert max(map(len, done.stderr.splitlines())) < 80
    assert done.stderr == snapshot


def test_the_version_is_that_of_the_package() -> None:
    """It names the package, not pytest."""
    done = module("--version")
    assert (done.returncode, done.stdout) == (0, f"drift-checks {__version__}\n")


def test_an_existing_folder_belongs_to_the_review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is not a misspelt subcommand."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "histories").mkdir()
    assert chosen(["histories"]) is None


def loaded(*arguments: str) -> set[str]:
    """Run a command line in another process; return the names of the modules that it loaded."""
    code = (
        f"import atexit, sys; sys.argv[1:] = {arguments!r}\n"
        "atexit.register(lambda: print('\\n' + ' '.join(sys.modules)))\n"
        "from drift_checks.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["doctor", "--help"]])
def test_help_imports_no_other_subcommand(arguments: list[str]) -> None:
    """It lists them from a table."""
    imported = {name.removeprefix("drift_checks.commands.") for name in loaded(*arguments) if "commands" in name}
    assert imported & SUBCOMMANDS.keys() == set(arguments) - {"--help"}
