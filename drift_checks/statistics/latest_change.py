"""On which night the agreement last changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.control_chart import RunRate
from drift_checks.statistics.tails import normal_lower_tail

Numbers = npt.NDArray[np.float64]
# The probability of finding a change in nights that are alike.
_LEVEL = 0.01


def latest_change(nights: Sequence[Mapping[str, RunRate]], sizes: Mapping[str, int]) -> int:
    """Return the index of the first night since the agreement last changed; 0 if it did not.

    Each night has the counts of its strata, and `sizes` has their records in the store. The nights are divided where
    those before and after differ the most, by the test for several strata of W. G. Cochran (Some methods for
    strengthening the common chi-squared tests, Biometrics 10 (1954)) and N. Mantel and W. Haenszel (Journal of the
    National Cancer Institute 22 (1959)), with Bonferroni's correction for the number of places; then those after it are
    divided again (binary segmentation: A. J. Scott and M. Knott, A cluster analysis method for grouping means,
    Biometrics 30 (1974)). Unlike the permutations of `change_points`, this can tell from a single night that it is
    different.

    The test counts each record alike, so a change in few records that stand for most of the store may escape it: the
    strata are also weighted by their sizes, and the correction doubles.
    """
    names = sorted({name for night in nights for name in night})
    counts = [[night.get(name, RunRate(0, 0)) for name in names] for night in nights]
    agreed = np.array([[rate.agreed for rate in night] for night in counts], dtype=np.float64)
    reviewed = np.array([[rate.reviewed for rate in night] for night in counts], dtype=np.float64)
    shares = np.array([sizes.get(name, 0) for name in names], dtype=np.float64)
    first = 0
    while (places := len(nights) - first - 1) > 0:
        counts_alike = distances(agreed[first:], reviewed[first:])
        apart = np.maximum(counts_alike, distances(agreed[first:], reviewed[first:], shares))
        place = int(np.argmax(apart))
        if 2 * 2 * normal_lower_tail(-float(apart[place])) * places >= _LEVEL:
            break
        first += place + 1
    return first


def distances(agreed: Numbers, reviewed: Numbers, sizes: Numbers | None = None) -> Numbers:
    """Return how far the nights up to each but the last, and those after it, are apart, in standard deviations.

    `sizes` weights the differences of the strata's rates; without them, each record counts alike.
    """
    agreed_of_all, of_all = agreed.sum(axis=0), reviewed.sum(axis=0)
    before = reviewed.cumsum(axis=0)[:-1]
    after = of_all - before
    with np.errstate(divide="ignore", invalid="ignore"):
        differences = np.nan_to_num(agreed.cumsum(axis=0)[:-1] - before * agreed_of_all / of_all)
        weights = (
            np.ones_like(before) if sizes is None else sizes * np.where(before * after, of_all / before / after, 0)
        )
        mixed = agreed_of_all * (of_all - agreed_of_all) / (of_all**2 * (of_all - 1))
        variances = np.where(of_all > 1, before * after * mixed, 0.0) * weights**2
        # With Yates's correction for continuity.
        apart = np.abs((differences * weights).sum(axis=1)) - weights.max(axis=1) / 2
        found: Numbers = np.maximum(0.0, apart) / np.sqrt(variances.sum(axis=1))
    return np.nan_to_num(found, nan=0.0, posinf=0.0)
