"""How often the interval of the estimate for the whole store covers the truth, and how wide it is (simulation)."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.intervals import Estimate, StratumCount
from drift_checks.statistics.predicted_agreement import PredictedStratum, predicted
from drift_checks.statistics.strata import stratified

Whole = tuple[int, ...]
Rates = tuple[float, ...]
Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """A store of known agreement, and how many of each stratum are drawn.

    The strata are low confidence, old, baseline, and any in which labels are probably wrong.
    """

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
    *(
        Case(f"half of the calls where labels are probably wrong, of which {right:.0%} agree", sizes, rates, drawn)
        for right, sizes, rates, drawn in [
            (0.1, (2100, 7600, 2650, 733), (0.85, 0.99, 0.99, 0.1), (15, 10, 5, 30)),
            (0.8, (2100, 7600, 2650, 733), (0.7, 0.99, 0.99, 0.8), (15, 10, 5, 30)),
            (0.0, (2500, 7830, 2680, 73), (0.7, 0.99, 0.99, 0.0), (15, 10, 5, 30)),
        ]
    ),
    Case("the same, one record of two strata each", (2100, 7600, 2650, 733), (0.85, 0.99, 0.99, 0.1), (10, 1, 1, 12)),
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


@dataclass(frozen=True)
class PredictedCase:
    """A store of LARGE_SIZES with a prediction for each record.

    The predictions of a stratum have a beta distribution with the parameters in `shapes`. They are right on average
    unless they are shuffled within the strata. In addition, a share `missed` of each stratum does not agree, which no
    prediction shows.
    """

    name: str
    shapes: tuple[tuple[float, float], ...] = ((1.3, 0.6), (6.0, 0.08), (6.0, 0.08))
    missed: Rates = (0.0, 0.0, 0.0)
    is_shuffled: bool = False
    drawn: Whole = (30, 20, 10)

    def records(self, generator: np.random.Generator) -> tuple[list[Numbers], list[Flags]]:
        """Return the predictions of each stratum, and which of its records agree."""
        predictions = [generator.beta(*shape, size) for shape, size in zip(self.shapes, LARGE_SIZES, strict=True)]
        agreed = [
            (generator.random(len(each)) < each) & (generator.random(len(each)) >= missed)
            for each, missed in zip(predictions, self.missed, strict=True)
        ]
        if self.is_shuffled:
            predictions = [generator.permutation(each) for each in predictions]
        return predictions, agreed


PREDICTED_CASES = [
    PredictedCase("sound"),
    PredictedCase("sound, more calls", drawn=(100, 70, 40)),
    PredictedCase("a third of the old labels wrong", shapes=((1.3, 0.6), (0.6, 0.3), (6.0, 0.08))),
    PredictedCase("doubtful predictions", shapes=((3.0, 2.0), (4.0, 2.0), (4.0, 1.0))),
    PredictedCase("useless predictions", is_shuffled=True),
    PredictedCase("useless, all of one rate", shapes=((9.0, 1.0),) * 3, is_shuffled=True),
    PredictedCase("8 % of the reviews wrong", missed=(0.08,) * 3),
    PredictedCase("5 % of the old records drift unseen", missed=(0.0, 0.05, 0.0)),
    PredictedCase("15 % of the old records drift unseen", missed=(0.0, 0.15, 0.0)),
    PredictedCase("30 % of the old records drift unseen", missed=(0.0, 0.3, 0.0)),
]


def measure_predicted(case: PredictedCase, draws: int, generator: np.random.Generator) -> tuple[float, Numbers]:
    """Return the store's rate, and for the estimate with and without predictions the share covered and mean width."""
    predictions, agreed = case.records(generator)
    truth = float(np.concatenate(agreed).mean())
    found = np.zeros((2, 2))
    for _ in range(draws):
        strata = []
        for each, outcome, number in zip(predictions, agreed, case.drawn, strict=True):
            measured = generator.choice(len(each), number, replace=False)
            strata.append(PredictedStratum.of(each, measured, outcome[measured]))
        for row, estimate in enumerate((predicted(strata), stratified([stratum.count for stratum in strata]))):
            assert estimate is not None
            lower, upper = estimate.interval
            found[row] += lower <= truth <= upper, upper - lower
    return truth, found / draws


def print_stratified(draws: int, seed: int) -> None:
    """Print a line for each case."""
    print("| store | strata | agreement | drawn | covered | mean width |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        covered, width = measure(case, draws, np.random.default_rng(seed))
        sizes = " + ".join(f"{size:,}" for size in case.sizes)
        rates = ", ".join(f"{rate:.1%}" for rate in case.rates)
        drawn = " + ".join(map(str, case.drawn))
        print(f"| {case.name} | {sizes} | {rates} | {drawn} | {covered:.1%} | {100 * width:.1f} points |")


def print_predicted(draws: int, seed: int) -> None:
    """Print a line for each store with predictions."""
    print("| store | agreement | drawn | covered | mean width | without predictions: covered | mean width |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for case in PREDICTED_CASES:
        truth, found = measure_predicted(case, draws, np.random.default_rng(seed))
        drawn = " + ".join(map(str, case.drawn))
        figures = " | ".join(f"{covered:.1%} | {100 * width:.1f} points" for covered, width in found)
        print(f"| {case.name} | {truth:.1%} | {drawn} | {figures} |", flush=True)


def main() -> None:
    """Print a line for each store, as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=20260115)
    parser.add_argument("--predictions", action="store_true", help="stores with a prediction for each record")
    arguments = parser.parse_args()
    show = print_predicted if arguments.predictions else print_stratified
    show(arguments.draws, arguments.seed)


if __name__ == "__main__":
    main()
