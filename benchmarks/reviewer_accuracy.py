"""How soon anchors show that a reviewer moved, and how often they say so of one that did not (simulation)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.repeated_answers import Night, newest_fall

Rates = npt.NDArray[np.float64]
# Each night draws some of them.
ANCHORS, DRAWN, LEAST = 15, 10, 5
LEVEL, MARGIN, OTHER_TESTS = 0.01, 0.1, 10
# The nights after a fall at which it is looked for, and the nights of a history without one.
AFTER, STEADY = (1, 3, 5), 30
KINDS = ("the same answer each night", "each answer by chance")


def rates_of(kind: str, accuracy: float, generator: np.random.Generator) -> Rates:
    """Return the probability of a right answer to each anchor."""
    if kind == KINDS[1]:
        return np.full(ANCHORS, accuracy)
    return (generator.random(ANCHORS) < accuracy).astype(np.float64)


def fallen(kind: str, rates: Rates, points: float, generator: np.random.Generator) -> Rates:
    """Return these probabilities after a fall by so many points, from 0 to 1."""
    if kind == KINDS[1]:
        return rates - points
    lost = generator.random(ANCHORS) < points / max(rates.mean(), points)
    return np.where(lost, 0.0, rates)


def alarms(before: Rates, after: Rates, nights: int, more: int, generator: np.random.Generator) -> Iterator[bool]:
    """Yield whether each night raises an alarm, beside the other tests of a run; each anchor was judged once."""
    known = {str(anchor): [bool(generator.random() < before[anchor])] for anchor in range(ANCHORS)}
    history: list[Night] = []
    for night in range(nights + more):
        rates = before if night < nights else after
        drawn = generator.choice(ANCHORS, DRAWN, replace=False)
        history.append({str(anchor): bool(generator.random() < rates[anchor]) for anchor in drawn})
        fall = newest_fall(history, {key: known[key] for key in history[-1]}, LEAST)
        yield (fall is not None and fall.p_value * (OTHER_TESTS + 1) <= LEVEL and fall.before - fall.now > MARGIN)


def power(kind: str, points: float, nights: int, histories: int, generator: np.random.Generator) -> list[float]:
    """Return in which share of the histories the fall of a reviewer that was right on 90 % is found."""
    found = np.zeros(len(AFTER))
    for _ in range(histories):
        before = rates_of(kind, 0.9, generator)
        each = list(alarms(before, fallen(kind, before, points, generator), nights, max(AFTER), generator))
        found += [each[nights + after - 1] for after in AFTER]
    return list(found / histories)


def main() -> None:
    """Print false alarms and power, as Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20260115)
    arguments = parser.parse_args()
    generator = np.random.default_rng(arguments.seed)
    print("| a steady reviewer | right on | nights with an alarm |")
    print("| --- | --- | --- |")
    for kind in KINDS:
        for accuracy in (0.8, 0.85, 0.9, 0.95):
            raised = 0
            for _ in range(arguments.histories):
                rates = rates_of(kind, accuracy, generator)
                raised += sum(alarms(rates, rates, STEADY, 0, generator))
            print(f"| {kind} | {accuracy:.0%} | {raised / arguments.histories / STEADY:.2%} |")
    print("\n| right on 90 % before | nights before | falls by 20 points | falls by 30 points |")
    print("| --- | --- | --- | --- |")
    for kind in KINDS:
        for nights in (3, 10, 20):
            cells = [power(kind, points, nights, arguments.histories, generator) for points in (0.2, 0.3)]
            shown = [" / ".join(f"{share:.0%}" for share in cell) for cell in cells]
            print(f"| {kind} | {nights} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
