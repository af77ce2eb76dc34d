"""How often a pair of slices is found that agrees less than the rest, in sound samples and others (simulation)."""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.slice_pairs import search_pairs

Integers = npt.NDArray[np.int64]
# Of each dimension: category, model, prompt, source, age and length of text.
VALUES = (6, 2, 2, 3, 5, 3)
USUAL, WEAK = (0.88, 0.96), 0.4
LEAST, MARGIN, LEVEL = 8, 0.2, 0.01
# The criteria of a run, by which their number multiplies a p-value.
OTHER_TESTS = 15


def simulated(records: int, kind: str, generator: np.random.Generator) -> tuple[Integers, Integers, Integers]:
    """Return the slices and the stratum of each record, and whether it agrees."""
    first = np.cumsum([0, *VALUES[:-1]])
    slices: Integers = np.stack([generator.integers(0, size, records) for size in VALUES], axis=1) + first
    stratum = generator.integers(0, 2, records)
    rates = np.asarray(USUAL)[stratum]
    weak = np.zeros(records, dtype=bool) if kind == "sound" else slices[:, 0] == 0
    if kind == "weak pair":
        weak &= slices[:, 1] == first[1]
    return slices, stratum, (generator.random(records) < np.where(weak, WEAK, rates)).astype(np.int64)


def measure(records: int, kind: str, samples: int, generator: np.random.Generator) -> tuple[int, int]:
    """Return in how many samples a pair is found, by itself and beside the other tests of a run."""
    found = alone = 0
    for _ in range(samples):
        weakest = search_pairs(*simulated(records, kind, generator), LEAST, MARGIN).weakest
        if weakest is not None:
            alone += weakest.p_value <= LEVEL
            found += weakest.p_value * OTHER_TESTS <= LEVEL
    return alone, found


def main() -> None:
    """Print a line for each case, as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=20260115)
    arguments = parser.parse_args()
    print("| sample | records | a pair is found | and beside the other criteria |")
    print("| --- | --- | --- | --- |")
    for kind in ("sound", "weak slice", "weak pair"):
        for records in (60, 210, 510, 2000):
            generator = np.random.default_rng(arguments.seed)
            alone, found = measure(records, kind, arguments.samples, generator)
            print(f"| {kind} | {records:,} | {alone / arguments.samples:.1%} | {found / arguments.samples:.1%} |")


if __name__ == "__main__":
    main()
