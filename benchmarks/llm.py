"""How long a review by an LLM takes, compared with a plain loop over the same records; and with a failing endpoint."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.support.stores import build_store

LATENCY = 0.5
STORE_SIZE = 2000
CHECKOUT = Path(__file__).resolve().parents[1]
PLAIN = """
import json, sqlite3, sys
import httpx

base_url, db, ids = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
rows = dict(sqlite3.connect(db).execute("select id, text from risk_classifications"))
client = httpx.Client(headers={"Authorization": "Bearer key"}, timeout=60)
for key in ids:
    messages = [
        {"role": "system", "content": "Classify: financial, regulatory or operational?"},
        {"role": "user", "content": rows[key]},
    ]
    body = {"model": "model", "temperature": 0, "messages": messages}
    client.post(f"{base_url}/chat/completions", json=body).raise_for_status()
"""


@contextmanager
def server(*options: str) -> Iterator[str]:
    """Run an endpoint in its own process; yield its base URL."""
    command = [sys.executable, "-m", "tests.support.chat_server", "--latency", str(LATENCY), *options]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def seconds_of(command: Sequence[str], folder: Path) -> float:
    """Return how long a whole command takes."""
    started = time.perf_counter()
    subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "DRIFT_LLM_API_KEY": "key"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


def review_command(folder: Path, base_url: str, records: int) -> list[str]:
    """Return the command of a review of that many records."""
    store = [f"--drift-db={folder / 'risk_classifications.db'}", f"--drift-chroma={folder}", "--drift-baseline=0"]
    llm = ["--drift-reviewer=llm", f"--drift-llm-base-url={base_url}", "--drift-llm-model=model"]
    return [str(CHECKOUT / "scripts" / "review"), *store, *llm, f"--drift-sample-size={records}"]


def compare(folder: Path, records: int, runs: int) -> None:
    """Print the times of the review, whole and of agreement alone, and of the plain loop, and their ratios."""
    with server() as base_url:
        whole = review_command(folder, base_url, records)
        seconds_of(whole, folder)
        ids = reported(folder)["sample"]["record_ids"]
        plain = [sys.executable, "-c", PLAIN, base_url, str(folder / "risk_classifications.db"), json.dumps(ids)]
        commands = {"all criteria": whole, "agreement alone": [*whole, "-k", "test_agreement.py"], "plain loop": plain}
        turns = [{name: seconds_of(command, folder) for name, command in commands.items()} for _ in range(runs)]
    least = records / 16 * LATENCY
    for name in commands:
        times = [turn[name] for turn in turns]
        ratio = median(turn["plain loop"] / turn[name] for turn in turns)
        print(
            f"{records:>5} records, {name:<15}: {median(times):6.2f} s ({min(times):.2f}-{max(times):.2f}),"
            f" ratio {ratio:.1f}, {median(times) - least:.2f} s above {least:.2f} s"
        )


def err(folder: Path, records: int) -> None:
    """Review with an endpoint that fails one time in twenty, and print the result."""
    with server("--rate-limited", "0.025", "--server-error", "0.025", "--retry-after", "1") as base_url:
        seconds = seconds_of(review_command(folder, base_url, records), folder)
    reviewer = reported(folder)["reviewer"]
    print(
        f"{records:>5} records, 5 % of the answers 429 or 500: {seconds:.1f} s, {reviewer['reviewed']} reviewed,"
        f" {reviewer['calls']} calls"
    )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of the largest process: {peak:.0f} MB")


def reported(folder: Path) -> dict[str, dict[str, list[int]]]:
    """Return the newest report."""
    document = json.loads((folder / "reports" / "latest" / "report.json").read_text(encoding="utf-8"))
    found: dict[str, dict[str, list[int]]] = document["drift"]
    return found


def main() -> None:
    """Measure 50 and 200 records beside the plain loop, and 1,000 with errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_store(folder, count=STORE_SIZE)
        for records in (50, 200):
            compare(folder, records, arguments.runs)
        err(folder, 1000)


if __name__ == "__main__":
    main()
