"""How often and how exactly the night on which agreement changed is found (simulation)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from drift_checks.statistics.change_points import change_points
from drift_checks.statistics.control_chart import RunRate

USUAL = 0.93
Parts = Sequence[tuple[int, float]]


class Case(NamedTuple):
    """A history: runs and their agreement, period by period, and how much that varies from night to night."""

    name: str
    parts: Parts
    spread: float = 0.0


CASES = [
    *(Case(f"falls by {fall:.0%}, halfway", ((50, USUAL), (50, USUAL - fall))) for fall in (0.05, 0.1, 0.2)),
    Case("falls by 10%, a week ago", ((93, USUAL), (7, USUAL - 0.1))),
    Case("falls by 10%, for eight nights", ((50, USUAL), (8, USUAL - 0.1), (42, USUAL))),
    *(
        Case(f"stable, {runs} runs, varies by {spread:.0%}", ((runs, USUAL),), spread)
        for runs in (30, 100, 400)
        for spread in (0.0, 0.03)
    ),
]


def simulated(case: Case, records: int, generator: np.random.Generator) -> list[RunRate]:
    """Return a history of runs that review so many records each."""
    rates = np.concatenate([np.full(runs, rate) for runs, rate in case.parts])
    rates = np.clip(rates + case.spread * generator.standard_normal(len(rates)), 0, 1)
    return [RunRate(int(agreed), records) for agreed in generator.binomial(records, rates)]


def measure(case: Case, histories: int, records: int, generator: np.random.Generator) -> tuple[str, str, str, str]:
    """Return how many changes are found, the mean error, and how often and how widely the interval holds the night."""
    night = case.parts[0][0]
    found, errors, held, widths = 0, [], [], []
    for _ in range(histories):
        points = change_points(simulated(case, records, generator))
        found += bool(points)
        if points and len(case.parts) > 1:
            nearest = min(points, key=lambda point: abs(point.night - night))
            first, last = nearest.interval
            errors.append(abs(nearest.night - night))
            held.append(first <= night <= last)
            widths.append(last - first + 1)
    share = f"{found / histories:.1%}"
    if not errors:
        return share, "", "", ""
    return share, f"{np.mean(errors):.1f}", f"{np.mean(held):.1%}", f"{np.median(widths):.0f}"


def main() -> None:
    """Print a line for each case, as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=300)
    parser.add_argument("--records", type=int, default=50)
    parser.add_argument("--seed", type=int, default=20260115)
    arguments = parser.parse_args()
    print("| agreement | found | mean error in nights | interval holds the night | nights in the interval |")
    print("| --- | --- | --- | --- | --- |")
    for case in CASES:
        generator = np.random.default_rng(arguments.seed)
        print(f"| {' | '.join((case.name, *measure(case, arguments.histories, arguments.records, generator)))} |")


if __name__ == "__main__":
    main()
