"""Comparison of two windows by how many of their records each category has.

Every function takes the counts of the reference window and of the recent window, per category and in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

# What is added to each cell before logarithms are taken, in records.
SMOOTHING = 0.5
# The least expected count of a cell for which the chi-square distribution is relied on (W. G. Cochran 1954).
LEAST_EXPECTED = 5
DRAWS = 9_999
# numpy takes no negative seed.
SEEDS = 2**32
# Draws are made in blocks, so that memory is bounded where there are many categories.
CELLS_OF_A_BLOCK = 1_000_000
# More records than this numpy's generator does not draw from.
MOST_RECORDS = 10**9 - 1

Counts = npt.NDArray[np.int64]


def _windows(reference: Sequence[int], recent: Sequence[int]) -> Counts:
    """Return the counts as two rows: reference, recent."""
    if len(reference) != len(recent):
        raise ValueError(f"{len(reference)} categories of reference, {len(recent)} recent: they must be the same ones")
    return np.array([reference, recent], dtype=np.int64).reshape(2, -1)


def population_stability_index(reference: Sequence[int], recent: Sequence[int]) -> float:
    """Return the population stability index (PSI) of the recent window against the reference.

    It is the sum over categories of (q - p) ln(q / p), p and q being the shares of a category in the windows, that is
    Jeffreys' divergence. Half a record is added to each cell, so that an empty one has a logarithm; a category that is
    empty in both windows is left out. Between samples of the same mix it is near (categories - 1) (1/n + 1/m) for
    windows of n and m records, and not 0.

    Source: S. Kullback and R. A. Leibler, On information and sufficiency, Annals of Mathematical Statistics 22
    (1951); B. Yurdakul and J. Naranjo, Statistical properties of the population stability index, Journal of Risk
    Model Validation 14 (2020).

    Returns:
        The index, at least 0; 0 where a window is empty.

    Raises:
        ValueError: The windows have different numbers of categories.
    """
    table = _windows(reference, recent)
    if not table.sum(axis=1).all():
        return 0.0
    smoothed = table[:, table.any(axis=0)] + SMOOTHING
    expected, found = smoothed / smoothed.sum(axis=1, keepdims=True)
    return float(np.sum((found - expected) * np.log(found / expected)))


def jensen_shannon_distance(reference: Sequence[int], recent: Sequence[int]) -> float:
    """Return the Jensen-Shannon distance of the windows' mixes, the square root of their divergence in bits.

    Source: D. M. Endres and J. E. Schindelin, A new metric for probability distributions, IEEE Transactions on
    Information Theory 49 (2003).

    Returns:
        From 0, the same mix, to 1, no category in common; 0 where a window is empty.

    Raises:
        ValueError: The windows have different numbers of categories.
    """
    from scipy.spatial.distance import jensenshannon

    table = _windows(reference, recent)
    if not table.sum(axis=1).all():
        return 0.0
    # Rounding may take the divergence of equal mixes below 0, whose root is NaN.
    with np.errstate(invalid="ignore"):
        distance = float(jensenshannon(*table.astype(np.float64), base=2))
    return min(1.0, distance) if distance > 0 else 0.0


def homogeneity_p_value(reference: Sequence[int], recent: Sequence[int], seed: int = 0) -> float:
    """Return the p-value of the hypothesis that both windows have the same mix of categories.

    The statistic is Pearson's chi-square. Where every expected count is at least 5, or there are a thousand million
    records and more, its asymptotic distribution is used; else 9,999 random tables with the same margins, drawn by
    `seed`.

    Source: K. Pearson, On the criterion ..., Philosophical Magazine 50 (1900); A. C. A. Hope, A simplified Monte Carlo
    significance test procedure, Journal of the Royal Statistical Society B 30 (1968).

    Returns:
        Above 0, for random tables at least 1/10,000; 1 where a window is empty or there is but one category.

    Raises:
        ValueError: The windows have different numbers of categories.
    """
    from scipy.stats import chi2_contingency

    table = _windows(reference, recent)
    table = table[:, table.any(axis=0)]
    sizes, pooled = table.sum(axis=1), table.sum(axis=0)
    if len(pooled) < 2 or not sizes.all():
        return 1.0
    total = int(sizes.sum())
    if np.min(sizes) * (np.min(pooled) / total) >= LEAST_EXPECTED or total > MOST_RECORDS:
        found = chi2_contingency(table, correction=False)
        return max(float(found.pvalue), float(np.finfo(np.float64).tiny))
    return _monte_carlo_p_value(pooled, table[np.argmin(sizes)], np.random.default_rng(seed % SEEDS))


def _monte_carlo_p_value(pooled: Counts, drawn: Counts, generator: np.random.Generator) -> float:
    """Return how often a window drawn from the pooled records is at least as far from their mix as the one drawn."""
    size = int(drawn.sum())
    expected = size * (pooled / pooled.sum())

    def distance(windows: Counts) -> npt.NDArray[np.float64]:
        # With fixed margins the other window's cells add only a constant factor to chi-square.
        distances: npt.NDArray[np.float64] = np.square(windows - expected) @ (1 / expected)
        return distances

    # Tables that are equally far must count as such whatever the rounding.
    threshold = float(distance(drawn[np.newaxis])[0]) * (1 - 1e-9)
    # Of a small window it is quicker to draw the records than the cells.
    few = size <= 4 * len(pooled) and int(pooled.sum()) <= CELLS_OF_A_BLOCK
    method: Literal["count", "marginals"] = "count" if few else "marginals"
    block = max(1, CELLS_OF_A_BLOCK // len(pooled))
    as_far = 0
    for start in range(0, DRAWS, block):
        windows = generator.multivariate_hypergeometric(pooled, size, size=min(block, DRAWS - start), method=method)
        as_far += int(np.count_nonzero(distance(windows) >= threshold))
    return (1 + as_far) / (DRAWS + 1)


def share_p_values(reference: Sequence[int], recent: Sequence[int]) -> list[float]:
    """Return for each category the p-value of the hypothesis that its share is the same in both windows.

    The test is Fisher's exact one of the category against all others, its two-sided p-value twice the smaller tail.
    The p-values are of single tests: adjust them for how many there are.

    Source: R. A. Fisher, The logic of inductive inference, Journal of the Royal Statistical Society 98 (1935).

    Returns:
        From 0 to 1 and in the order given; 1 for a category that is empty in both windows, and for all where a window
        is empty.

    Raises:
        ValueError: The windows have different numbers of categories.
    """
    from scipy.stats import hypergeom

    table = _windows(reference, recent)
    sizes, pooled = table.sum(axis=1), table.sum(axis=0)
    if not sizes.all():
        return [1.0] * len(pooled)
    total, size = int(sizes.sum()), int(sizes[1])
    at_most = hypergeom.cdf(table[1], total, pooled, size)
    at_least = hypergeom.sf(table[1] - 1, total, pooled, size)
    return [float(value) for value in np.clip(2 * np.minimum(at_most, at_least), 0.0, 1.0)]
