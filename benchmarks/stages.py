"""Where the time of a review goes: a process, sampled each millisecond, from its start to its end.

What is not an option of this command is given to pytest, which runs each time in an empty folder.
"""

from __future__ import annotations

import argparse
import atexit
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

INTERVAL = 0.001
START, PYTEST, EXIT = "start of Python", "start of pytest", "exit of Python"
# Functions of pytest, and of plugins, by the stage in which they are called.
STAGES = {
    "pytest_collection": "collecting",
    "pytest_runtestloop": "reviews and checks",
    "pytest_sessionfinish": "verdict and files",
    "pytest_unconfigure": "end of pytest",
    "_ensure_unconfigure": "end of pytest",
}
ORDER = [START, PYTEST, *dict.fromkeys(STAGES.values()), EXIT]


def outermost_first(frame: FrameType | None) -> list[FrameType]:
    """Return the frames on the stack."""
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def stage_of(frames: list[FrameType]) -> str:
    """Return the stage of the process."""
    return next((STAGES[frame.f_code.co_name] for frame in frames if frame.f_code.co_name in STAGES), PYTEST)


def work_of(frames: list[FrameType]) -> str:
    """Return the package that is imported, or else the module of ours that is at work, or else pytest."""
    imported = [frame.f_locals["name"] for frame in frames if frame.f_code.co_name == "_find_and_load"]
    others = [name for name in imported if not name.startswith("drift_checks")]
    if imported:
        return f"import {others[0].partition('.')[0]}" if others else "import drift_checks"
    ours = [
        name
        for frame in frames
        for name in [frame.f_code.co_filename.rpartition("/drift_checks/")[2]]
        if name != frame.f_code.co_filename
    ]
    # The plugin calls every other room.
    return next((name for name in ours if not name.startswith("plugin/")), ours[0] if ours else "pytest")


def sample(began: float, file: str, arguments: list[str]) -> int:
    """Run pytest in this process and write what each stage took."""
    last = time.monotonic()
    seconds: dict[tuple[str, str], float] = defaultdict(float, {(START, ""): last - began})

    def take(_: int, frame: FrameType | None) -> None:
        nonlocal last
        now = time.monotonic()
        frames = outermost_first(frame)
        # A signal waits while a library computes: what passed since the last one belongs to this frame.
        seconds[stage_of(frames), work_of(frames)] += now - last
        last = now

    def write() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        Path(file).write_text(json.dumps([last, [[*key, took] for key, took in seconds.items()]]))

    # Registered first, called last.
    atexit.register(write)
    signal.signal(signal.SIGALRM, take)
    signal.siginterrupt(signal.SIGALRM, False)
    signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
    import pytest

    return pytest.main(arguments)


def run(python: str, arguments: list[str]) -> Counter[tuple[str, str]]:
    """Return what each stage of a process took, and each kind of work in it."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "seconds.json"
        command = [python, "-P", __file__, "--sample", str(time.monotonic()), str(file), *arguments]
        done = subprocess.run(command, cwd=name, capture_output=True, text=True, check=False)
        ended = time.monotonic()
        if done.returncode > 1:
            raise SystemExit(done.stdout + done.stderr)
        last, rows = json.loads(file.read_text())
    return Counter({(stage, work): took for stage, work, took in rows}) + Counter({(EXIT, ""): ended - last})


def lines(seconds: Counter[tuple[str, str]], least: float) -> Iterator[tuple[str, float]]:
    """Yield each stage, and below it the work that took longest."""
    for stage in ORDER:
        works = {work: took for (its, work), took in seconds.items() if its == stage}
        yield f"**{stage}**", sum(works.values())
        long = {work: took for work, took in works.items() if work and took >= least}
        yield from sorted(long.items(), key=lambda item: -item[1])
        if long:
            yield "the rest", sum(works.values()) - sum(long.values())
    yield "**the whole process**", sum(seconds.values())


def main() -> None:
    """Print a Markdown table of the means of several runs, after one to warm up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="of the environment that holds the package")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--least", type=float, default=0.02, help="seconds; what takes less is summed up")
    options, arguments = parser.parse_known_args()
    given = ["--pyargs", "drift_checks", *arguments]
    run(options.python, given)
    seconds: Counter[tuple[str, str]] = Counter()
    for _ in range(options.runs):
        seconds.update(run(options.python, given))
    print("| | seconds |\n| --- | ---: |")
    for name, took in lines(seconds, options.least * options.runs):
        print(f"| {name} | {took / options.runs:.3f} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--sample"]:
        sys.exit(sample(float(sys.argv[2]), sys.argv[3], sys.argv[4:]))
    main()
