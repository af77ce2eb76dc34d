"""A value that is stored against the same value under review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from drift_checks.statistics.intervals import TAIL, Interval

DRAWS = 19_999
# The same pairs have the same p value on every run.
SEED = 20260115
# Signs are drawn for so many pairs at once, which bounds the memory.
BLOCK = 64

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """How a value differs under review from what is stored.

    Attributes:
        mean: Of reviewed minus stored, in the value's unit.
        interval: The 95 % t interval of the mean; both ends are the mean where all pairs differ by the same.
        p_value: One-sided, that the value fell so far by chance; never 0.
        number: How many pairs were compared, at least 2.
    """

    mean: float
    interval: Interval
    p_value: float
    number: int


def compare_pairs(stored: Sequence[float], reviewed: Sequence[float]) -> Change | None:
    """Compare stored with reviewed values, pair by pair.

    The test supposes that a difference is as likely up as down and changes the signs of all, in every way there is
    where those are few, else in drawn ones: R. A. Fisher, The design of experiments (1935), section 21. The interval
    is that of Student, The probable error of a mean, Biometrika 6 (1908).

    Args:
        stored: One value a record; a pair with one that is not finite is left out.
        reviewed: The value of the same record under review, in the same order and unit.

    Returns:
        The change, or None below 2 pairs.

    Raises:
        ValueError: The two differ in length.
    """
    if len(stored) != len(reviewed):
        raise ValueError(f"{len(stored)} stored values for {len(reviewed)} reviewed ones")
    before, after = np.asarray(stored, dtype=np.float64), np.asarray(reviewed, dtype=np.float64)
    usable = np.isfinite(before) & np.isfinite(after)
    differences = after[usable] - before[usable]
    if differences.size < 2:
        return None
    mean = float(differences.mean())
    return Change(mean, _interval(differences, mean), _p_value(differences), differences.size)


def _interval(differences: Numbers, mean: float) -> Interval:
    from scipy.stats import t

    if np.min(differences) == np.max(differences):
        return mean, mean
    error = float(differences.std(ddof=1)) / sqrt(differences.size)
    half = error * float(t.ppf(1 - TAIL, differences.size - 1))
    return mean - half, mean + half


def _p_value(differences: Numbers) -> float:
    """Return the share of sign changes that lower the sum as far; the pairs as they are count as one of them."""
    sizes = np.abs(differences[differences != 0])
    # Equal sums may differ in their last digits.
    bound = float(differences.sum()) + 1e-9 * float(sizes.sum())
    if 2**sizes.size <= DRAWS + 1:
        return float(np.mean(_all_sums(sizes) <= bound))
    return (1 + int(np.count_nonzero(_drawn_sums(sizes) <= bound))) / (DRAWS + 1)


def _all_sums(sizes: Numbers) -> Numbers:
    """Return the sums under each choice of signs."""
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums - size, sums + size])
    return sums


def _drawn_sums(sizes: Numbers) -> Numbers:
    """Return the sums under drawn signs."""
    generator = np.random.default_rng(SEED)
    # Sorted, so that the draws are those of the sizes, whatever the order of pairs.
    ordered = np.sort(sizes)
    sums = np.full(DRAWS, -ordered.sum())
    for start in range(0, ordered.size, BLOCK):
        block = ordered[start : start + BLOCK]
        sums += generator.integers(0, 2, (DRAWS, block.size), dtype=np.int8) @ (2 * block)
    return sums
