"""The rate of a whole store, from samples of its strata."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drift_checks.statistics.intervals import TAIL, Estimate, StratumCount
from drift_checks.statistics.tails import log_gamma

# The weights of an end's exact distribution: for mid-p, and for a single stratum. By enumeration of samples of up to
# 300 records, a smaller weight covers less than 93 %.
MID, LONE = 0.5, 0.75
# The resolution of the agreement in a larger store.
CELLS = 16384
# The rounding error of sums of probabilities; a tie widens the interval.
ROUNDING = 1e-9

Distribution = NDArray[np.float64]


def stratified(strata: Sequence[StratumCount]) -> Estimate | None:
    """Estimate the rate of the whole store from samples of its strata.

    The rate is the mean of the strata's rates, weighted by their sizes. The interval melds the strata's exact intervals
    (M. P. Fay, M. A. Proschan and E. Brittain, Combining one-sample confidence procedures for inference in the
    two-sample case, Biometrics 71 (2015)): if k of the n measured records of a stratum agree, the agreement among the
    others is beta-binomial. With the parameters k and n - k + 1, its quantiles are exact lower limits for samples drawn
    without replacement; with k + 1 and n - k, exact upper limits. These distributions are convolved over the strata;
    the interval extends from the 2.5 % quantile of the lower to the 97.5 % quantile of the upper one.

    For a sum of strata, exact limits are too wide, so each end uses the mean of both distributions (mid-p). Where
    nothing in a stratum agreed, its lower limit stays exact, and where everything did, its upper limit. For a single
    stratum, mid-p covers as little as 92 % of samples; so the larger the share of the variance in one stratum, the
    larger the weight of an end's own distribution: from one half to three quarters.

    The interval covers the rate in at least 93 % of samples, also near 1, and more often if few disagreements are
    drawn. Stores of more than 16,384 records are computed in that many steps, which widens it by less than 0.001.

    Returns:
        The estimate, with an interval of zero width if everything was measured; None if a stratum of the store was not
        measured at all.
    """
    there = [stratum for stratum in strata if stratum.size]
    total = sum(stratum.size for stratum in there)
    if not there or not all(stratum.measured for stratum in there):
        return None
    step = -(-total // CELLS)
    weight = max(MID, _largest_share(there) - 1 + LONE)
    limits = [_limits(stratum, weight, step) for stratum in there]
    agreed = sum(stratum.agreed for stratum in there)
    failed = sum(stratum.measured - stratum.agreed for stratum in there)
    # Values between two steps count as either.
    hidden = (step - 1) * len(there)
    lower = agreed + step * _quantile([lower for lower, _ in limits], TAIL - ROUNDING) - hidden
    upper = agreed + step * _quantile([upper for _, upper in limits], 1 - TAIL + ROUNDING) + hidden
    rate = sum(stratum.size * stratum.agreed / stratum.measured for stratum in there) / total
    return Estimate(rate, (min(rate, max(agreed, lower) / total), max(rate, min(total - failed, upper) / total)))


def _largest_share(strata: Sequence[StratumCount]) -> float:
    """Return the largest share of a stratum in the estimate's variance, for equal rates of the strata."""
    variances = [stratum.size * max(0, stratum.size - stratum.measured) / stratum.measured for stratum in strata]
    return max(variances) / (sum(variances) or 1)


def _limits(stratum: StratumCount, weight: float, step: int) -> tuple[Distribution, Distribution]:
    """Return the distributions of the lower and the upper limit of the agreement among the records not measured.

    The weight is that of an end's own exact distribution. A distribution has a cell for each `step` records.

    Returns:
        Two arrays of probabilities; the first cell is no agreement.
    """
    agreed, failed = stratum.agreed, stratum.measured - stratum.agreed
    unseen = max(0, stratum.size - stratum.measured)
    lower = _beta_binomial(agreed, failed + 1, unseen, step)
    upper = _beta_binomial(agreed + 1, failed, unseen, step)
    return (
        weight * lower + (1 - weight) * upper if agreed else lower,
        weight * upper + (1 - weight) * lower if failed else upper,
    )


def _beta_binomial(alpha: int, beta: int, trials: int, step: int) -> Distribution:
    """Return the probabilities of every step-th number of successes, normalised to a sum of 1.

    A parameter of 0 means its limit: no success, or nothing but successes.
    """
    cells = -(-trials // step) + 1
    found = np.zeros(cells)
    if not alpha or not beta:
        found[0 if not alpha else -1] = 1.0
        return found
    successes = np.arange(0, trials + 1, step)
    failures = trials - successes
    logs = log_gamma(alpha + successes) - log_gamma(successes + 1)
    logs = logs + log_gamma(beta + failures) - log_gamma(failures + 1)
    weights = np.exp(logs - np.max(logs))
    found[: len(weights)] = weights / weights.sum()
    return found


def _quantile(distributions: Sequence[Distribution], level: float) -> int:
    """Return the cell at which the cumulative probability of a sum of independent numbers exceeds the level."""
    # The transform of a power of two is the fastest.
    cells = 1 << sum(len(distribution) for distribution in distributions).bit_length()
    product = np.ones(cells // 2 + 1, dtype=np.complex128)
    for distribution in distributions:
        product *= np.fft.rfft(distribution, cells)
    cumulative = np.cumsum(np.fft.irfft(product, cells))
    return int(np.argmax(cumulative > level))
