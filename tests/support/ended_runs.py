"""Reviews that are ended from outside while they write what they leave: killed, or out of room.

They are forked from a process that has loaded all of it, so that one takes a second.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

# No vectors are read: what reads them starts threads, which a fork does not survive.
CLASSIFIER = "def disagreeing(text):\n    return 'none of them'\n"
REVIEWER = ("--drift-reviewer=mine:disagreeing", "--drift-stability=0")
_FORKING = """
import json, os, resource, signal, sys
import pytest, jinja2, numpy, prometheus_client
import sqlalchemy.dialects.sqlite, drift_checks.plugin.run, drift_checks.report.page.html
import drift_checks.reviews.reviewers.own, drift_checks.reviews.reviewers.pool

TOUCHING = ("os.", "sqlite3.connect", "fcntl.", "shutil.")

class Ending:
    def __init__(self, at, later):
        self.at, self.later, self.count, self.ending = at, later, 0, False
        sys.addaudithook(self.seen)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self):
        self.ending = True

    def seen(self, event, arguments):
        writing = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if not self.ending or not (writing or event.startswith(TOUCHING)):
            return
        self.count += 1
        if self.count == self.at:
            # What SIGALRM does to a process that has no handler for it is what SIGKILL does.
            signal.setitimer(signal.ITIMER_REAL, self.later or 1e-6)

def review(told):
    os.chdir(told["folder"])
    sys.path.insert(0, told["folder"])
    output = os.open("output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(output, number)
    if told["most"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (told["most"], told["most"]))
    ending = Ending(told["at"], told["later"])
    code = int(pytest.main(["--pyargs", "drift_checks", *told["arguments"]], plugins=[ending]))
    sys.stdout.flush()
    if not told["most"]:
        open("moments", "w").write(str(ending.count))
    os._exit(code)

for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            review(json.loads(line))
        finally:
            os._exit(99)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Ended:
    """Runs reviews in a folder, in processes that can be ended."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mine.py").write_text(CLASSIFIER, encoding="utf-8")
        self.folder = folder
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DRIFT_", "PYTEST_"))}
        environment |= {"XDG_CACHE_HOME": str(folder / "cache"), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def moments(self) -> int:
        """How often the end of the last whole run touched a file."""
        return int((self.folder / "moments").read_text(encoding="utf-8"))

    @property
    def output(self) -> str:
        """What the last run printed."""
        return (self.folder / "output").read_text(encoding="utf-8")

    def run(self, *arguments: str, at: int = 0, later: float = 0.0, most: int = 0) -> int:
        """Run `pytest --pyargs drift_checks`; return its exit code, below 0 if it was killed.

        Args:
            arguments: Its options.
            at: The moment of its end at which it is killed, counted from 1; 0 for never.
            later: Seconds after that moment.
            most: The largest file, in bytes, that it may write; 0 for no limit.
        """
        told: dict[str, Any] = {"folder": str(self.folder), "at": at, "later": later, "most": most}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(told | {"arguments": [*arguments, *REVIEWER]}), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """Put a disk of so many bytes in a folder's place; yield whether this process may."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    may = mount is not None and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield may
    finally:
        if may:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, left: int) -> None:
    """Leave so many bytes free on the disk of a folder."""
    free = shutil.disk_usage(folder).free
    (folder / "filler").write_bytes(b"\0" * max(0, free - left))
