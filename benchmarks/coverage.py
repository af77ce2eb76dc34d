"""How often the interval of the estimate for the whole store covers the truth, and how wide it is (simulation)."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache

import numpy as np

from drift_checks.statistics.intervals import Estimate, StratumCount
from drift_checks.statistics.strata import stratified

Whole = tuple[int, ...]
Rates = tuple[float, ...]


@dataclass(frozen=True)
class Case:
    """A store of known agreement, and how many of each stratum are drawn: low confidence, old, baseline."""

    name: str
    sizes: Whole
    rates: Rates
    drawn: Whole


LARGE = "a store of 13,083 records, 19.5 % of low confidence"
LARGE_SIZES = (2551, 7850, 2682)
EQUAL = (1000, 1000, 1000)
CASES = [
    *(
        Case(LARGE, LARGE_SIZES, (0.7, 0.99, 0.99), drawn)
        for drawn in [(30, 20, 10), (120, 80, 10), (300, 200, 10), (120, 80, 40)]
    ),
    Case("the same, all others agreed", LARGE_SIZES, (0.7, 1.0, 1.0), (30, 20, 10)),
    Case("the same, a better classifier", LARGE_SIZES, (0.9, 0.999, 0.999), (30, 20, 10)),
    Case("the same, a worse classifier", LARGE_SIZES, (0.5, 0.8, 0.9), (30, 20, 10)),
    Case("mostly baseline", (3000, 2000, 8000), (0.8, 0.9, 0.97), (30, 20, 10)),
    Case("mostly baseline, near 1", (3000, 2000, 8000), (0.98, 0.99, 0.999), (30, 20, 10)),
    Case("equal strata, middling rates", EQUAL, (0.5, 0.6, 0.7), (100, 100, 100)),
    Case("equal strata, high rates", EQUAL, (0.8, 0.9, 0.95), (100, 100, 100)),
    Case("equal strata, near 1", EQUAL, (0.99, 0.99, 0.99), (30, 20, 10)),
    Case("small strata", (40, 200, 40), (0.7, 0.9, 0.95), (30, 20, 10)),
    Case("small strata, near 1", (40, 40, 40), (0.95, 0.975, 1.0), (30, 20, 10)),
    Case("a stratum drawn whole", (30, 200, 200), (0.6, 0.9, 0.98), (30, 20, 10)),
    Case("all but one drawn whole", (30, 20, 3000), (0.6, 0.9, 0.97), (30, 20, 100)),
    Case("nearly all in one stratum", (50, 2000, 50), (0.8, 0.95, 0.98), (30, 60, 10)),
    Case("tiny samples", EQUAL, (0.7, 0.8, 0.9), (5, 5, 5)),
    Case("tiny samples, near 1", EQUAL, (0.93, 0.93, 0.95), (5, 5, 5)),
]


def measure(case: Case, draws: int, generator: np.random.Generator) -> tuple[float, float]:
    """Return the share of samples whose interval holds the store's rate, and the mean width of the intervals."""

    @cache
    def estimate(agreed: Whole) -> Estimate | None:
        return stratified([StratumCount(*stratum) for stratum in zip(case.sizes, case.drawn, agreed, strict=True)])

    agreeing = [round(size * rate) for size, rate in zip(case.sizes, case.rates, strict=True)]
    truth = sum(agreeing) / sum(case.sizes)
    failing = [size - number for size, number in zip(case.sizes, agreeing, strict=True)]
    samples = generator.hypergeometric(agreeing, failing, case.drawn, size=(draws, len(case.sizes)))
    covered, width = 0, 0.0
    for sample in samples.tolist():
        found = estimate(tuple(sample))
        assert found is not None
        lower, upper = found.interval
        covered += lower <= truth <= upper
        width += upper - lower
    return covered / draws, width / draws


def main() -> None:
    """Print a line for each case, as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=20260115)
    arguments = parser.parse_args()
    print("| store | strata | agreement | drawn | covered | mean width |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        covered, width = measure(case, arguments.draws, np.random.default_rng(arguments.seed))
        sizes = " + ".join(f"{size:,}" for size in case.sizes)
        rates = ", ".join(f"{rate:.1%}" for rate in case.rates)
        drawn = " + ".join(map(str, case.drawn))
        print(f"| {case.name} | {sizes} | {rates} | {drawn} | {covered:.1%} | {100 * width:.1f} points |")


if __name__ == "__main__":
    main()
