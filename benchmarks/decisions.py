"""How often each rule of decision gives each verdict, and how many calls it takes.

A simulation: the reviewer agrees with each record with a known probability.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift_checks.report.verdict import Verdict, judge
from drift_checks.statistics.sequential import decide

RATES = (0.98, 0.95, 0.90, 0.85, 0.80, 0.75, 0.70, 0.60, 0.50)
POINT_SIZES = (20, 50, 200)
MOST = 200
WARN, CRITICAL = 0.85, 0.75
COLUMNS = (Verdict.OK, Verdict.WARNING, Verdict.CRITICAL)


@dataclass(frozen=True)
class Tally:
    """How many runs ended with each verdict, and the mean number of calls of a run."""

    verdicts: Counter[Verdict]
    calls: float


def point(reviews: NDArray[np.bool_], size: int) -> Tally:
    """Judge each run (a row) by the rate of its first reviews."""
    runs_by_agreed = np.bincount(reviews[:, :size].sum(axis=1), minlength=size + 1).tolist()
    verdicts: Counter[Verdict] = Counter()
    for agreed, runs in enumerate(runs_by_agreed):
        verdicts[judge(agreed / size, WARN, CRITICAL)] += runs
    return Tally(verdicts, size)


def sequential(reviews: NDArray[np.bool_]) -> Tally:
    """Judge each run (a row) as soon as it is decided, or by its rate if it ends undecided."""
    verdicts: Counter[Verdict] = Counter()
    calls = 0
    for run in reviews.tolist():
        decision = decide(run, CRITICAL)
        calls += decision.after
        rate = sum(run[: decision.after]) / decision.after
        if decision.below:
            verdicts[Verdict.CRITICAL] += 1
        elif decision.below is None:
            verdicts[judge(rate, WARN, CRITICAL)] += 1
        else:
            verdicts[Verdict.OK if rate >= WARN else Verdict.WARNING] += 1
    return Tally(verdicts, calls / len(reviews))


def main() -> None:
    """Simulate each rule at each rate and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=20260115)
    arguments = parser.parse_args()
    if arguments.runs < 1:
        parser.error("--runs: at least 1")
    generator = np.random.default_rng(arguments.seed)
    print("| true agreement | rule | OK | WARNING | CRITICAL | calls |\n| ---: | --- | ---: | ---: | ---: | ---: |")
    for rate in RATES:
        reviews = generator.random((arguments.runs, MOST)) < rate
        tallies = {f"point, {size}": point(reviews, size) for size in POINT_SIZES}
        tallies[f"sequential, up to {MOST}"] = sequential(reviews)
        for rule, tally in tallies.items():
            shares = " | ".join(f"{tally.verdicts[verdict] / arguments.runs:.2%}" for verdict in COLUMNS)
            print(f"| {rate:.2f} | {rule} | {shares} | {tally.calls:.1f} |")


if __name__ == "__main__":
    main()
