"""Comparison of the distributions of a number, such as the confidence, in two windows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

# Up to this number of pairs of values, the exact distribution of the statistic is fast to compute.
MOST_PAIRS_FOR_EXACT = 10**6


@dataclass(frozen=True)
class Shift:
    """How the distribution of a number differs between the reference window and the recent one.

    `distance` is the Kolmogorov-Smirnov distance: the largest difference of the cumulative distributions, from 0 to 1;
    `p_value` that of the two-sided test. The Wasserstein distance is in the unit of the values.
    """

    distance: float
    wasserstein: float
    p_value: float
    reference_median: float
    recent_median: float


def compare_distributions(reference: Values, recent: Values) -> Shift | None:
    """Compare the values of two windows by Kolmogorov-Smirnov test and Wasserstein-1 distance; None if one is empty.

    The test is exact for up to a million pairs of values, else asymptotic; ties make it conservative.

    Values that are not finite are skipped.

    Source: N. V. Smirnov, On the estimation of the discrepancy between empirical curves of distribution for two
    independent samples, Bulletin of Moscow University 2 (1939).
    """
    from scipy.stats import ks_2samp, wasserstein_distance

    reference, recent = _finite(reference), _finite(recent)
    if not len(reference) or not len(recent):
        return None
    method = "exact" if len(reference) * len(recent) <= MOST_PAIRS_FOR_EXACT else "asymp"
    with warnings.catch_warnings():
        # For windows of equal size that hardly differ, rounding can make an exact p-value exceed 1; scipy then warns
        # that it uses the asymptotic one, which is 1.
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
    """Return the number of values in each bin, skipping those that are not finite or lie in no bin.

    The edges are ascending; a bin includes its lower edge, the last bin its upper edge too. Fewer than two edges give
    no bin.
    """
    if len(bins) < 2:
        return []
    return [int(count) for count in np.histogram(_finite(values), bins=np.asarray(bins, dtype=np.float64))[0]]


def _finite(values: npt.ArrayLike) -> Values:
    given = np.asarray(values, dtype=np.float64)
    return given[np.isfinite(given)]
