"""How long a review takes, and how much memory: whole processes, as cron would start them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

# The sizes that `sample-size auto` takes, each with the baseline of 10.
CASES = {
    **{f"sample of {size}": [f"--drift-sample-size={size}"] for size in (20, 50, 100, 200)},
    "collect only": ["--collect-only", "-q"],
}


def measure(command: list[str], folder: str) -> tuple[float, float, float]:
    """Return seconds of the clock, seconds of the processor and peak MB of one run."""
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Measure each case and print a line for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--chroma", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    store = [f"--drift-db={arguments.db.resolve()}", f"--drift-chroma={arguments.chroma.resolve()}"]
    print(f"{'':<15}{'seconds':>9}{'fastest':>9}{'slowest':>9}{'cpu':>7}{'MB':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for name, options in CASES.items():
            command = [sys.executable, "-m", "pytest", "--pyargs", "drift_checks", *store, *options]
            measure(command, folder)
            runs = [measure(command, folder) for _ in range(arguments.runs)]
            clock = [run[0] for run in runs]
            processor, memory = median(run[1] for run in runs), max(run[2] for run in runs)
            print(f"{name:<15}{median(clock):>9.2f}{min(clock):>9.2f}{max(clock):>9.2f}{processor:>7.2f}{memory:>7.0f}")


if __name__ == "__main__":
    main()
