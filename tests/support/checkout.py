"""A checkout of the scripts with stubs in place of Python, pip and pytest."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = ("bash", "cat", "cksum", "cp", "getconf", "id", "mkdir", "mktemp", "readlink", "rm", "sh", "sleep", "tail")

# Plays python3, its venv module, the environment's python, pip, pytest, mypy and ruff, as the STUB_ variables say.
STUB_PYTHON = """#!/bin/sh
printf '%s\\n' "$*" >>"$STUB_FOLDER/calls"
case "$1 $2" in
    "-c "*ensurepip*) exit "${STUB_VENV_MISSING:-0}" ;;
    "-c "*) echo "${STUB_VERSION:-3.12} $0"; exit ;;
    "-I -c")
        case "$3" in
            *entry_points*) [ ! -e "$STUB_FOLDER/import fails" ] ;;
            *) [ ! -e "$STUB_FOLDER/module is missing" ] ;;
        esac
        exit ;;
    "-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; cp "$0" "$3/bin/ruff"; exit ;;
    "-P "*compile_modules.py) exit ;;
    "-m mypy") echo "mypy's output"; exit "${STUB_MYPY_CODE:-0}" ;;
    "check ." | "format --check") exit ;;
    "-m pip")
        echo "pip's output"
        [ -z "$STUB_PIP_HANGS" ] || exec sleep 20
        sleep "${STUB_PIP_SECONDS:-0}"
        rm -f "$STUB_FOLDER/import fails" "$STUB_FOLDER/module is missing"
        exit "${STUB_PIP_CODE:-0}" ;;
esac
if [ -n "$STUB_NAP" ]; then
    trap 'echo INT >>"$STUB_FOLDER/signals"' INT
    trap 'echo TERM >>"$STUB_FOLDER/signals"; exit 143' TERM
    : >"$STUB_FOLDER/napping"
    until [ -s "$STUB_FOLDER/signals" ]; do sleep 0.05; done
    sleep 0.5
fi
(: 9<&0) 2>/dev/null || exit 99
printf '%s\\n' "$PWD" >"$STUB_FOLDER/cwd"
printf '%s\\0' "$@" >"$STUB_FOLDER/arguments"
printf '%s' "$DRIFT_THOROUGH" >"$STUB_FOLDER/thorough"
[ -z "$STUB_VERDICT" ] || printf '%s\\n' "$STUB_VERDICT" >"$DRIFT_VERDICT_FILE"
exit "${STUB_CODE:-0}"
"""

STUB_UV = """#!/bin/sh
printf 'uv %s\\n' "$*" >>"$STUB_FOLDER/calls"
for last in "$@"; do :; done
case "$3" in
    venv) for name in python ruff; do mkdir -p "$last/bin"; cp "$STUB_FOLDER/tools/python3" "$last/bin/$name"; done ;;
esac
"""


@dataclass
class Checkout:
    """A copy of the scripts, beside a folder of tools that is the whole of PATH."""

    root: Path
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def tools(self) -> Path:
        """The folder on PATH."""
        return self.folder / "tools"

    @property
    def caller(self) -> Path:
        """The folder in which the commands are run."""
        return self.folder / "caller's"

    @property
    def criteria(self) -> str:
        """What the review runs if the caller names no path."""
        return str(self.root / "drift_checks" / "criteria")

    def add_tool(self, name: str, text: str) -> None:
        """Put a script on PATH."""
        tool = self.tools / name
        tool.write_text(text)
        tool.chmod(0o755)

    def use_system_tool(self, name: str) -> None:
        """Put one of the system's commands on PATH."""
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is not installed")
        (self.tools / name).symlink_to(found)

    def make_environment(self, name: str = ".venv") -> Path:
        """Leave an environment as a call of the scripts would, without creating one."""
        binaries = self.root / name / "bin"
        binaries.mkdir(parents=True)
        python = binaries / "python"
        python.write_text(STUB_PYTHON)
        python.chmod(0o755)
        self.stamp(name)
        return python

    def stamp(self, name: str = ".venv") -> None:
        """Mark the environment as complete, by the scripts' own means."""
        stamp_text = 'root=$1; . "$1/scripts/lib/environment.sh"; environment=$1/$2; stamp_text'
        command = ["bash", "-c", stamp_text, "-", str(self.root), name]
        stamp = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        (self.root / name / "made-from").write_bytes(stamp)

    def environ(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the bare environment of a call: like cron's, without HOME."""
        return {"PATH": str(self.tools), "STUB_FOLDER": str(self.folder), **self.variables, **variables}

    def start(
        self, *arguments: str, script: Path | None = None, before: Sequence[str] = (), **variables: str
    ) -> subprocess.Popen[str]:
        """Start a command in the caller's folder, without a terminal."""
        return subprocess.Popen(
            [*before, str(script or self.root / "scripts" / "review"), *arguments],
            cwd=self.caller,
            env=self.environ(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, script: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        process = self.start(*arguments, script=script, **variables)
        output, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def calls(self, containing: str) -> list[str]:
        """Return the recorded calls of the stubs that contain a text."""
        record = self.folder / "calls"
        lines = record.read_text().splitlines() if record.exists() else []
        return [line for line in lines if containing in line]

    def given_arguments(self) -> list[str]:
        """Return pytest's arguments after those that the script always adds."""
        given = (self.folder / "arguments").read_text().split("\0")[:-1]
        fixed = ["-P", "-m", "pytest", "-c", str(self.root / "pytest.ini"), "--rootdir", str(self.caller)]
        fixed += ["-p", "no:hypothesispytest", "-p", "no:unraisableexception", "-p", "no:anyio"]
        fixed += ["-o", f"cache_dir={self.root}/.pytest_cache", "-o"]
        assert given[: len(fixed)] == fixed
        return given[len(fixed) :]

    def signals(self) -> list[str]:
        """Return the signals that pytest received."""
        return (self.folder / "signals").read_text().split()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition of the running command holds."""
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, "the command did not get that far"
            time.sleep(0.02)

    def wait_for_nap(self) -> None:
        """Wait until pytest runs."""
        self.wait_for((self.folder / "napping").exists)
