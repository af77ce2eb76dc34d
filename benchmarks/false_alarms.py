"""How often each criterion is worse than OK: on sound stores (false alarms) and on damaged ones (power).

Each run is a session with its own seed, in a process forked after the libraries are imported; its findings are read
from report.json.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path

import pytest

from drift_checks.settings.declarations import DATABASE_NAME

IMPORTED = ("drift_checks.plugin.finish", "jinja2", "rich.progress")


def review(case: tuple[Path, int, list[str]]) -> dict[str, str]:
    """Return the verdict of each criterion of one run that is worse than OK."""
    store, seed, options = case
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        given = ["--pyargs", "drift_checks", "-q", "-p", "no:cacheprovider", f"--drift-seed={seed}", *options]
        with Path("out.txt").open("w") as out, redirect_stdout(out), redirect_stderr(out):
            pytest.main([*given, f"--drift-db={store / DATABASE_NAME}", f"--drift-chroma={store}"])
        reports = list(Path(folder).glob("reports/2*/report.json"))
        if not reports:
            raise SystemExit(Path("out.txt").read_text()[-2000:])
        drift = json.loads(reports[0].read_text(encoding="utf-8"))["drift"]
        os.chdir("/")
    return {item["name"]: item["verdict"] for item in drift["criteria"] if item["verdict"] not in (None, "OK")}


def main() -> None:
    """Review each store with several seeds and print how often each criterion was worse than OK."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", type=Path, nargs="+", help="folders that hold a store each")
    parser.add_argument("--runs", type=int, default=20, help="runs of each store")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument(
        "--option", action="append", default=[], help="given to each run, as in --drift-sample-size=200"
    )
    arguments = parser.parse_args()
    cases = [
        (store.resolve(), seed, arguments.option) for store in arguments.stores for seed in range(1, arguments.runs + 1)
    ]
    for name in IMPORTED:
        import_module(name)
    with multiprocessing.get_context("fork").Pool(arguments.jobs, maxtasksperchild=1) as pool:
        found = pool.map(review, cases, chunksize=1)
    alarms = Counter(f"{name} {verdict}" for run in found for name, verdict in run.items())
    other = sum(bool(set(run) - {"agreement"}) for run in found)
    print(f"{len(found)} runs; worse than OK for another reason than agreement: {other}, {other / len(found):.1%}\n")
    print("| criterion | runs |\n|---|---|")
    for name, number in alarms.most_common():
        print(f"| {name} | {number} |")


if __name__ == "__main__":
    main()
