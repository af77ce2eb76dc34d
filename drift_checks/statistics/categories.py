"""Comparison of the category frequencies of two windows.

Every function takes the counts of the reference window and of the recent window by category, in the same order; it
raises ValueError if they differ in length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.monte_carlo import monte_carlo_p_value
from drift_checks.statistics.tails import chi_square_upper_tail, hypergeometric

# Added to each cell before taking logarithms, in records.
SMOOTHING = 0.5
# The minimum expected count of a cell for the chi-square distribution (W. G. Cochran 1954).
LEAST_EXPECTED = 5
DRAWS, DRAWN_AT_ONCE = 9_999, 500
# numpy accepts no negative seed.
SEEDS = 2**32
# The size of a block of draws, which bounds the memory if there are many categories.
CELLS_OF_A_BLOCK = 1_000_000
# The largest number of records that numpy's generator draws from.
MOST_RECORDS = 10**9 - 1

Counts = npt.NDArray[np.int64]


def _windows(reference: Sequence[int], recent: Sequence[int]) -> Counts:
    """Return the counts as two rows: reference, recent."""
    if len(reference) != len(recent):
        raise ValueError(f"{len(reference)} reference categories but {len(recent)} recent ones: they must be the same")
    return np.array([reference, recent], dtype=np.int64).reshape(2, -1)


def population_stability_index(reference: Sequence[int], recent: Sequence[int]) -> float:
    """Return the population stability index (PSI) of the recent window against the reference.

    The index is the sum over categories of (q - p) ln(q / p), where p and q are a category's shares of the windows
    (Jeffreys' divergence). Half a record is added to each cell, so that an empty one has a logarithm; categories that
    are empty in both windows are skipped. For windows of n and m records with the same mix, it is not 0, but near
    (categories - 1) (1/n + 1/m).

    Source: S. Kullback and R. A. Leibler, On information and sufficiency, Annals of Mathematical Statistics 22
    (1951); B. Yurdakul and J. Naranjo, Statistical properties of the population stability index, Journal of Risk
    Model Validation 14 (2020).

    Returns:
        The index, at least 0; 0 if a window is empty.
    """
    table = _windows(reference, recent)
    if not table.sum(axis=1).all():
        return 0.0
    smoothed = table[:, table.any(axis=0)] + SMOOTHING
    expected, found = smoothed / smoothed.sum(axis=1, keepdims=True)
    return float(np.sum((found - expected) * np.log(found / expected)))


def jensen_shannon_distance(reference: Sequence[int], recent: Sequence[int]) -> float:
    """Return the Jensen-Shannon distance of the windows, the square root of their divergence in bits.

    Source: D. M. Endres and J. E. Schindelin, A new metric for probability distributions, IEEE Transactions on
    Information Theory 49 (2003).

    Returns:
        From 0 (the same mix) to 1 (no category in common); 0 if a window is empty.
    """
    table = _windows(reference, recent)
    if not table.sum(axis=1).all():
        return 0.0
    there = table[:, table.any(axis=0)]
    shares = there / there.sum(axis=1, keepdims=True)
    # Their logarithm only counts where a share is above 0.
    ratios = np.log2(shares / shares.mean(axis=0), where=shares > 0, out=np.zeros_like(shares))
    divergence = float(np.sum(shares * ratios)) / 2
    return float(np.sqrt(min(1.0, max(0.0, divergence))))


def homogeneity_p_value(reference: Sequence[int], recent: Sequence[int], seed: int = 0) -> float:
    """Return the p-value of the hypothesis that both windows have the same mix of categories.

    The statistic is Pearson's chi-square. If every expected count is at least 5, or with a billion records or more, its
    asymptotic distribution is used; else it is compared with up to 9,999 random tables with the same margins, drawn by
    `seed`.

    Source: K. Pearson, On the criterion ..., Philosophical Magazine 50 (1900); A. C. A. Hope, A simplified Monte Carlo
    significance test procedure, Journal of the Royal Statistical Society B 30 (1968).

    Returns:
        Above 0, for random tables at least 1/10,000; 1 if a window is empty or there is only one category.
    """
    table = _windows(reference, recent)
    table = table[:, table.any(axis=0)]
    sizes, pooled = table.sum(axis=1), table.sum(axis=0)
    if len(pooled) < 2 or not sizes.all():
        return 1.0
    total = int(sizes.sum())
    if np.min(sizes) * (np.min(pooled) / total) >= LEAST_EXPECTED or total > MOST_RECORDS:
        expected = np.outer(sizes, pooled / total)
        chi_square = float(np.sum(np.square(table - expected) / expected))
        return max(chi_square_upper_tail(chi_square, len(pooled) - 1), float(np.finfo(np.float64).tiny))
    return _monte_carlo_p_value(pooled, table[np.argmin(sizes)], np.random.default_rng(seed % SEEDS))


def _monte_carlo_p_value(pooled: Counts, drawn: Counts, generator: np.random.Generator) -> float:
    """Return the share of random windows that differ from the pooled mix at least as much as the window `drawn`."""
    size = int(drawn.sum())
    expected = size * (pooled / pooled.sum())

    def distance(windows: Counts) -> npt.NDArray[np.float64]:
        # With fixed margins, the other window only adds a constant factor to chi-square.
        distances: npt.NDArray[np.float64] = np.square(windows - expected) @ (1 / expected)
        return distances

    # Tables at equal distances must count as such despite rounding.
    threshold = float(distance(drawn[np.newaxis])[0]) * (1 - 1e-9)
    # For a small window, drawing records is faster than drawing cells.
    few = size <= 4 * len(pooled) and int(pooled.sum()) <= CELLS_OF_A_BLOCK
    method: Literal["count", "marginals"] = "count" if few else "marginals"
    block = max(1, min(DRAWN_AT_ONCE, CELLS_OF_A_BLOCK // len(pooled)))
    numbers = (min(block, DRAWS - start) for start in range(0, DRAWS, block))
    return monte_carlo_p_value(
        distance(generator.multivariate_hypergeometric(pooled, size, size=number, method=method)) >= threshold
        for number in numbers
    )


def share_p_values(reference: Sequence[int], recent: Sequence[int]) -> list[float]:
    """Return, for each category, the p-value of the hypothesis that its share is the same in both windows.

    The test is Fisher's exact test of the category against all others; the two-sided p-value is twice the smaller tail.
    The p-values are not adjusted for the number of tests.

    Source: R. A. Fisher, The logic of inductive inference, Journal of the Royal Statistical Society 98 (1935).

    Returns:
        The p-values in the given order; 1 for a category that is empty in both windows, and for all if a window is
        empty.
    """
    table = _windows(reference, recent)
    sizes, pooled = table.sum(axis=1), table.sum(axis=0)
    if not sizes.all():
        return [1.0] * len(pooled)
    total, size = int(sizes.sum()), int(sizes[1])
    found = zip(table[1].tolist(), pooled.tolist(), strict=True)
    return [_two_sided(number, total, marked, size) for number, marked in found]


def _two_sided(number: int, total: int, marked: int, drawn: int) -> float:
    """Return twice the smaller tail of a hypergeometric distribution, at most 1."""
    first, chances = hypergeometric(total, marked, drawn)
    place = min(max(number - first, -1), len(chances))
    at_most, at_least = float(chances[: place + 1].sum()), float(chances[max(0, place) :].sum())
    return min(1.0, 2 * min(at_most, at_least))
