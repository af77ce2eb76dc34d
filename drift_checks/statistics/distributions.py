"""Comparison of the distributions of a number, such as the confidence, in two windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.tails import kolmogorov_upper_tail

Values = npt.NDArray[np.float64]

# Up to these numbers of pairs of values and of values, the exact distribution of the statistic is fast to compute.
MOST_PAIRS_FOR_EXACT, MOST_VALUES_FOR_EXACT = 10**7, 20_000


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

    The test is exact for up to 20,000 values and ten million pairs of them, else asymptotic; ties make it conservative.

    Values that are not finite are skipped.

    Source: N. V. Smirnov, On the estimation of the discrepancy between empirical curves of distribution for two
    independent samples, Bulletin of Moscow University 2 (1939); the exact distribution is that of J. L. Hodges, The
    significance probability of the Smirnov two-sample test, Arkiv för Matematik 3 (1958).
    """
    reference, recent = _finite(reference), _finite(recent)
    if not len(reference) or not len(recent):
        return None
    pooled = np.sort(np.concatenate([reference, recent]))
    below = [np.searchsorted(np.sort(window), pooled, side="right") for window in (reference, recent)]
    # In units of 1 / (sizes multiplied), whole numbers that rounding does not touch.
    apart = np.abs(below[0] * len(recent) - below[1] * len(reference))
    pairs, distance = len(reference) * len(recent), int(apart.max())
    return Shift(
        distance=distance / pairs,
        wasserstein=float(apart[:-1] @ np.diff(pooled)) / pairs,
        p_value=_p_value(distance, len(reference), len(recent)),
        reference_median=float(np.median(reference)),
        recent_median=float(np.median(recent)),
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

    The walk is computed step by step for all places at once: `chances` holds the probability of each number of
    reference values so far without having been so far away.
    """
    # The number of columns is that of the smaller window.
    fewer, more = sorted((reference, recent))
    taken = np.arange(fewer + 1)
    chances = np.zeros(fewer + 1)
    chances[0] = 1.0
    reached = 0.0
    for step in range(1, fewer + more + 1):
        left = fewer + more - step + 1
        forward = chances * np.clip(fewer - taken, 0, None) / left
        stayed = chances * np.clip(more - (step - 1 - taken), 0, None) / left
        chances = stayed
        chances[1:] += forward[:-1]
        outside = np.abs(taken * more - (step - taken) * fewer) >= distance
        reached += float(chances[outside].sum())
        chances[outside] = 0.0
    return min(1.0, reached)


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
