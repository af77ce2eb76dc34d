"""Other processes: one that runs a test's code, and Python without the right to override a file's mode."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

_OBEY = """
import json, sys
scope = {}
for line in sys.stdin:
    try:
        exec(json.loads(line), scope)
        answer = {"answer": scope.pop("answer", None)}
    except BaseException as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
"""
_REPOSITORY = Path(__file__).parents[2]
_RIGHTS = "-dac_override,-dac_read_search"


class OtherProcess:
    """A Python process that runs code for a test; killed at the end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _OBEY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def run(self, code: str) -> object:
        """Run the code there and return its variable `answer`; names stay defined for the next call."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the process died"}')
        assert "error" not in answer, answer["error"]
        return answer["answer"]

    def kill(self) -> None:
        """End it as a crash does, without clean-up."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def unprivileged() -> list[str]:
    """Return the command of a Python that respects the modes of files, which root does not."""
    if os.geteuid() != 0:
        return [sys.executable]
    if shutil.which("setpriv") is None:
        pytest.skip("root without setpriv cannot give up the right to write everywhere")
    return ["setpriv", "--bounding-set", _RIGHTS, "--inh-caps", _RIGHTS, sys.executable]


def run_unprivileged(code: str, *arguments: object) -> str:
    """Run code that must respect the modes of files; return what it printed."""
    done = subprocess.run(
        [*unprivileged(), "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=60, cwd=_REPOSITORY
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
