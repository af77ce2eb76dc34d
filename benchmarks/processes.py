"""Whole processes as users start them, in environments of their own, and what they take."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple, Self

LATENCY = 0.5
# Ours is not OK with every store; the other tools fail where a label is wrong.
EXIT_CODES = (0, 1)
FORMS = (".2f", ".2f", ",.0f")


class Usage(NamedTuple):
    """What a process took: seconds on the clock, seconds of the processors, and MB of memory at its peak."""

    seconds: float
    processor: float
    memory: float

    @classmethod
    def median(cls, runs: Sequence[Self]) -> Self:
        """Return the median of each figure."""
        return cls(*map(median, zip(*runs, strict=True)))


def measure(command: Sequence[str], folder: Path) -> Usage:
    """Run a command in a folder to its end; a code other than 0 and 1 is an error."""
    output = folder / "output.txt"
    started = time.perf_counter()
    with (
        output.open("w") as file,
        subprocess.Popen(command, cwd=folder, stdout=file, stderr=file, stdin=subprocess.DEVNULL) as process,
    ):
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in EXIT_CODES:
        last = output.read_text(errors="replace")[-3000:]
        raise SystemExit(f"{' '.join(command)}\nexited with {process.returncode}:\n{last}")
    return Usage(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def in_turn(commands: Mapping[str, Sequence[str]], runs: int, *, warm_up: bool = True) -> dict[str, Usage]:
    """Return the medians of the commands, run one after the other in each turn, each time in an empty folder."""
    turns: list[dict[str, Usage]] = []
    for _ in range(runs + warm_up):
        turns.append({})
        for name, command in commands.items():
            with tempfile.TemporaryDirectory() as folder:
                turns[-1][name] = measure(command, Path(folder))
    return {name: Usage.median([turn[name] for turn in turns[warm_up:]]) for name in commands}


def install(folder: Path, *packages: str) -> str:
    """Create an environment that holds these packages, compiled; return its Python."""
    subprocess.run(["uv", "venv", "--quiet", "--clear", folder], check=True)
    python = str(folder / "bin" / "python")
    # A checkout that was built before may have changed.
    fresh = ("--refresh-package", "drift-checks", "--compile-bytecode")
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, *fresh, *packages], check=True)
    return python


def megabytes(folder: Path) -> float:
    """Return the size of the files below a folder."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir()) / 1e6


def apart(build: Callable[..., None], *given: object, **options: object) -> None:
    """Call the function in another process: a process that is started later would be charged with its memory."""
    process = multiprocessing.get_context("spawn").Process(target=build, args=given, kwargs=options)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{build.__name__} failed")


def figures(*usages: Usage) -> list[str]:
    """Return the three cells of a table; several usages are joined by arrows."""
    columns = zip(*usages, strict=True)
    return [" → ".join(f"{figure:{form}}" for figure in column) for column, form in zip(columns, FORMS, strict=True)]


def table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    """Print a Markdown table, each row as soon as it is known."""
    print(f"| {' | '.join(head)} |\n| --- |{' ---: |' * (len(head) - 1)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
