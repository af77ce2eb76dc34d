"""Paired comparison of a stored value with the reviewed one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from drift_checks.statistics.intervals import TAIL, Interval
from drift_checks.statistics.tails import student_quantile

DRAWS = 19_999
# Fixed, so that the same pairs have the same p-value in every run.
SEED = 20260115
# The number of pairs whose signs are drawn at once, which bounds the memory.
BLOCK = 64

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """The mean of reviewed minus stored values with its 95 % t interval, and the one-sided p-value of a fall."""

    mean: float
    interval: Interval
    p_value: float
    number: int


def compare_pairs(stored: Sequence[float], reviewed: Sequence[float]) -> Change | None:
    """Compare stored with reviewed values, pair by pair.

    The sign-flip test assumes that a difference is equally likely up and down; it flips the signs in all ways for few
    pairs, else at random: R. A. Fisher, The design of experiments (1935), section 21. The interval is that of Student,
    The probable error of a mean, Biometrika 6 (1908).

    Pairs with a value that is not finite are skipped.

    Returns:
        The change, or None with fewer than 2 pairs.
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
    if np.min(differences) == np.max(differences):
        return mean, mean
    error = float(differences.std(ddof=1)) / sqrt(differences.size)
    half = error * student_quantile(1 - TAIL, differences.size - 1)
    return mean - half, mean + half


def _p_value(differences: Numbers) -> float:
    """Return the share of sign flips with a sum at most as large; the unchanged pairs count as one of them."""
    sizes = np.abs(differences[differences != 0])
    # Equal sums may differ by rounding.
    bound = float(differences.sum()) + 1e-9 * float(sizes.sum())
    if 2**sizes.size <= DRAWS + 1:
        return float(np.mean(_all_sums(sizes) <= bound))
    return (1 + int(np.count_nonzero(_drawn_sums(sizes) <= bound))) / (DRAWS + 1)


def _all_sums(sizes: Numbers) -> Numbers:
    """Return the sums for all choices of signs."""
    sums = np.zeros(1)
    for size in sizes:
        sums = np.concatenate([sums - size, sums + size])
    return sums


def _drawn_sums(sizes: Numbers) -> Numbers:
    """Return the sums for random signs."""
    generator = np.random.default_rng(SEED)
    # Sorted, so that the draws do not depend on the order of the pairs.
    ordered = np.sort(sizes)
    sums = np.full(DRAWS, -ordered.sum())
    for start in range(0, ordered.size, BLOCK):
        block = ordered[start : start + BLOCK]
        sums += generator.integers(0, 2, (DRAWS, block.size), dtype=np.int8) @ (2 * block)
    return sums
