"""Comparison of the distributions of a number, such as the confidence, in two windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.tails import kolmogorov_upper_tail

Values = npt.NDArray[np.float64]

# Up to these numbers of pairs of values and of values, the exact distribution of the statistic is fast to compute.
MOST_PAIRS_FOR_EXACT, MOST_VALUES_FOR_EXACT = 10**7, 20_000
# Each step at most doubles the number of ways, which floating-point numbers hold up to 2^1023.
_RESCALED_AFTER = 500


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


def compare_distributions(reference: npt.ArrayLike, recent: npt.ArrayLike) -> Shift | None:
    """Compare the values of two windows by Kolmogorov-Smirnov test and Wasserstein-1 distance; None if one is empty.

    The test is exact for up to 20,000 values and ten million pairs of them, else asymptotic; ties make it conservative.

    Values that are not finite are skipped.

    Source: N. V. Smirnov, On the estimation of the discrepancy between empirical curves of distribution for two
    independent samples, Bulletin of Moscow University 2 (1939); the exact distribution is that of J. L. Hodges, The
    significance probability of the Smirnov two-sample test, Arkiv för Matematik 3 (1958).
    """
    earlier, later = np.sort(_finite(reference)), np.sort(_finite(recent))
    if not len(earlier) or not len(later):
        return None
    pooled = np.sort(np.concatenate([earlier, later]))
    below = [np.searchsorted(window, pooled, side="right") for window in (earlier, later)]
    # In units of 1 / (sizes multiplied), whole numbers that rounding does not touch.
    apart = np.abs(below[0] * len(later) - below[1] * len(earlier))
    pairs, distance = len(earlier) * len(later), int(apart.max())
    return Shift(
        distance=distance / pairs,
        wasserstein=float(apart[:-1] @ np.diff(pooled)) / pairs,
        p_value=_p_value(distance, len(earlier), len(later)),
        reference_median=float(np.median(earlier)),
        recent_median=float(np.median(later)),
    )


def _p_value(distance: int, reference: int, recent: int) -> float:
    """Return the probability of at least this distance, in units of 1 / (reference * recent)."""
    if not distance:
        return 1.0
    if reference * recent <= MOST_PAIRS_FOR_EXACT and reference + recent <= MOST_VALUES_FOR_EXACT:
        return _exact_p_value(distance, reference, recent)
    root = np.sqrt(reference * recent / (reference + recent))
    # The correction of M. A. Stephens, Journal of the Royal Statistical Society B 32 (1970).
    return kolmogorov_upper_tail((root + 0.12 + 0.11 / root) * distance / (reference * recent))


def _exact_p_value(distance: int, reference: int, recent: int) -> float:
    """Return the probability that a random walk, whose steps are the values in order, gets so far from the diagonal.

    After each step, `ways` holds how many walks, not so far away until then, have taken each number of values from the
    smaller window; all relative to exp(`scale`), and to a power of `odds` that makes the numbers near the diagonal the
    largest.
    """
    fewer, more = sorted((reference, recent))
    total, odds = fewer + more, fewer / more
    steps = np.arange(total + 1)
    # The numbers that are not so far away after each step.
    lowest = np.maximum((steps * fewer - distance) // total + 1, steps - more).tolist()
    highest = np.minimum(-((-steps * fewer - distance) // total) - 1, fewer).tolist()
    factorials = [lgamma(number + 1) for number in range(total + 1)]

    def share(step: int, taken: int) -> float:
        """Return the share of all walks that come here."""
        left, to_take = total - step, fewer - taken
        if not 0 <= to_take <= left or not ways[taken]:
            return 0.0
        onwards = factorials[left] - factorials[to_take] - factorials[left - to_take]
        return exp(log(ways[taken]) + scale - taken * log(odds) + onwards - every)

    every = factorials[total] - factorials[fewer] - factorials[more]
    ways = np.zeros(fewer + 2)
    ways[0] = 1.0
    low = high = 0
    scale = reached = 0.0
    for step in range(1, total + 1):
        ways[low + 1 : high + 2] += odds * ways[low : high + 1]
        high += 1
        if low < lowest[step]:
            reached += share(step, low)
            low += 1
        if high > highest[step]:
            reached += share(step, high)
            ways[high] = 0.0
            high -= 1
        if low > high:
            return 1.0
        if not step % _RESCALED_AFTER:
            largest = float(np.max(ways[low : high + 1]))
            ways[low : high + 1] /= largest
            scale += log(largest)
    # The logarithms round both alike.
    return reached / (reached + share(total, fewer))


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
