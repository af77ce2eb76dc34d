"""Comparison of two windows by how a number, such as a confidence or a length, is distributed in them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

# Up to so many pairs of values the exact distribution of the statistic is quick to compute.
MOST_PAIRS_FOR_EXACT = 10**6


@dataclass(frozen=True)
class Shift:
    """How the distribution of a number differs between a reference window and a recent one.

    Attributes:
        distance: Kolmogorov-Smirnov D, the largest difference of the cumulative distributions, from 0 to 1.
        wasserstein: How far values move on average to make one window the other, in the values' own unit.
        p_value: Of the two-sided Kolmogorov-Smirnov test.
        reference_median: In the values' own unit.
        recent_median: In the values' own unit.
    """

    distance: float
    wasserstein: float
    p_value: float
    reference_median: float
    recent_median: float


def compare_distributions(reference: Values, recent: Values) -> Shift | None:
    """Compare the values of two windows by the Kolmogorov-Smirnov test and the Wasserstein-1 distance.

    The test is exact where the windows have at most a million pairs of values, asymptotic above; ties make it
    conservative.

    Source: N. V. Smirnov, On the estimation of the discrepancy between empirical curves of distribution for two
    independent samples, Bulletin of Moscow University 2 (1939).

    Args:
        reference: The reference window's values, of shape (records,). Values that are not finite are dropped.
        recent: The recent window's, likewise.

    Returns:
        The comparison, or None where a window has no finite value.
    """
    from scipy.stats import ks_2samp, wasserstein_distance

    reference, recent = _finite(reference), _finite(recent)
    if not len(reference) or not len(recent):
        return None
    method = "exact" if len(reference) * len(recent) <= MOST_PAIRS_FOR_EXACT else "asymp"
    with warnings.catch_warnings():
        # Where windows of one size hardly differ, rounding can take an exact p-value above 1; scipy then says that it
        # takes the asymptotic one, of 1.
        warnings.simplefilter("ignore", RuntimeWarning)
        test = ks_2samp(reference, recent, method=method)
    return Shift(
        distance=float(test.statistic),
        wasserstein=float(wasserstein_distance(reference, recent)),
        p_value=float(test.pvalue),
        reference_median=float(np.median(reference)),
        recent_median=float(np.median(recent)),
    )


def histogram(values: npt.ArrayLike, bins: Sequence[float]) -> list[int]:
    """Return how many of the values lie in each bin.

    Args:
        values: Of shape (records,). Those that are not finite or lie in no bin are not counted.
        bins: The bins' edges, rising. A bin holds its lower edge, the last one its upper edge too.

    Returns:
        One count per bin; an empty list for fewer than two edges.

    Raises:
        ValueError: The edges do not rise.
    """
    if len(bins) < 2:
        return []
    return [int(count) for count in np.histogram(_finite(values), bins=np.asarray(bins, dtype=np.float64))[0]]


def _finite(values: npt.ArrayLike) -> Values:
    given = np.asarray(values, dtype=np.float64)
    return given[np.isfinite(given)]
