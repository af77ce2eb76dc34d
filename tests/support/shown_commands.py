"""The commands that a report shows, as somebody copies them into a shell in another folder."""

from __future__ import annotations

import html
import os
import re
import shlex
import subprocess
from pathlib import Path

from tests.support.session_runs import Run
from tests.support.whole_runs import run_here

_TOLD = '#!/bin/sh\nprintf "%s\\0" "$PWD" "${0##*/}" "$@" > "$TOLD"\n'
_SHOWN = re.compile(r"<dt>(?:Repeat|Review again)</dt><dd>(.*?)</dd>", re.DOTALL)


def shown_commands(run: Run) -> tuple[str, list[str]]:
    """Return the command to repeat a run, and those that review one record alone."""
    page = (run.folder / "index.html").read_text(encoding="utf-8")
    *records, whole = [html.unescape(re.sub(r"<[^>]*>", "", part)).strip() for part in _SHOWN.findall(page)]
    return whole, records


def told(command: str, folder: Path) -> list[str]:
    """Return the words that a shell makes of a command given in a folder.

    The first is the folder that it goes to, the second the program's name.
    """
    programs, words = folder / "programs", folder / "words"
    programs.mkdir(parents=True, exist_ok=True)
    for name in ("pytest", "python"):
        (programs / name).write_text(_TOLD, encoding="utf-8")
        (programs / name).chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "TOLD": str(words)}
    subprocess.run(["sh", "-c", command], cwd=folder, env=environment, check=True)
    return words.read_text(encoding="utf-8").split("\0")[:-1]


def repeat(command: str, folder: Path) -> Run:
    """Give a command in a folder, in which reports go to `again`; it runs in this process."""
    again = shlex.quote(str(folder / "again"))
    begun, program, *arguments = told(f"{command} --drift-reports={again}", folder)
    if program == "python":
        assert arguments[:2] == ["-m", "drift_checks"]
        return run_here(Path(begun), *arguments[2:], way="module")
    return run_here(Path(begun), *arguments, way="pytest")


def repeat_for_real(command: str, folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    """Give a command to a shell in a folder, with these folders of programs first."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": f"{path}:{os.environ['PATH']}", "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        ["sh", "-c", f"{command} --drift-reports={shlex.quote(str(folder / 'again'))}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
