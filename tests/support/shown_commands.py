"""The commands that a report shows, run by a shell in another folder."""

from __future__ import annotations

import html
import os
import re
import shlex
import subprocess
from pathlib import Path

from tests.support.session_runs import Run
from tests.support.whole_runs import run_here

_PRINT_WORDS = '#!/bin/sh\nprintf "%s\\0" "$PWD" "${0##*/}" "$@" > "$WORDS"\n'
_SHOWN = re.compile(r"<dt>(?:Repeat|Review again)</dt><dd>(.*?)</dd>", re.DOTALL)


def shown_commands(run: Run) -> tuple[str, list[str]]:
    """Return the command that repeats a run, and those that review a single record."""
    page = (run.folder / "index.html").read_text(encoding="utf-8")
    *records, whole = [html.unescape(re.sub(r"<[^>]*>", "", part)).strip() for part in _SHOWN.findall(page)]
    return whole, records


def shell_words(command: str, folder: Path) -> list[str]:
    """Return how a shell splits a command in a folder: the folder it changes to, the program's name, the arguments."""
    programs, words = folder / "programs", folder / "words"
    programs.mkdir(parents=True, exist_ok=True)
    for name in ("pytest", "python"):
        (programs / name).write_text(_PRINT_WORDS, encoding="utf-8")
        (programs / name).chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "WORDS": str(words)}
    subprocess.run(["sh", "-c", command], cwd=folder, env=environment, check=True)
    return words.read_text(encoding="utf-8").split("\0")[:-1]


def repeat(command: str, folder: Path) -> Run:
    """Run a command from a folder in this process, with reports in `again`."""
    again = shlex.quote(str(folder / "again"))
    begun, program, *arguments = shell_words(f"{command} --drift-reports={again}", folder)
    if program == "python":
        assert arguments[:2] == ["-m", "drift_checks"]
        return run_here(Path(begun), *arguments[2:], way="module")
    return run_here(Path(begun), *arguments, way="pytest")


def repeat_for_real(command: str, folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell in a folder, with these folders first in the path."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": f"{path}:{os.environ['PATH']}", "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        ["sh", "-c", f"{command} --drift-reports={shlex.quote(str(folder / 'again'))}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
