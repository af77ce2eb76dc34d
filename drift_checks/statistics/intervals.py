"""Intervals of rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p, sqrt

# The 97.5 % quantile of the normal distribution: intervals are of 95 %.
Z = 1.959963984540054
TAIL = 0.025

Interval = tuple[float, float]


def wilson(successes: int, trials: int) -> Interval | None:
    """Return the 95 % Wilson score interval of a rate, or None without trials.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    Journal of the American Statistical Association 22 (1927).
    """
    if not trials:
        return None
    rate = successes / trials
    weight = Z * Z / trials
    centre = (rate + weight / 2) / (1 + weight)
    half = Z * sqrt(rate * (1 - rate) / trials + weight / trials / 4) / (1 + weight)
    lower = 0.0 if successes == 0 else max(0.0, centre - half)
    upper = 1.0 if successes == trials else min(1.0, centre + half)
    return lower, upper


def clopper_pearson(successes: int, trials: int) -> Interval | None:
    """Return the exact 95 % interval of a rate, or None without trials; it covers at least as often as it says.

    Source: C. J. Clopper and E. S. Pearson, The use of confidence or fiducial limits illustrated in the case of the
    binomial, Biometrika 26 (1934).
    """
    if not trials:
        return None
    lower = _solve(lambda rate: _at_least(successes, trials, rate) - TAIL) if successes else 0.0
    upper = _solve(lambda rate: TAIL - _at_most(successes, trials, rate)) if successes < trials else 1.0
    return lower, upper


def _at_most(successes: int, trials: int, rate: float) -> float:
    """Return the binomial probability of that many successes or fewer."""
    return sum(exp(_log_probability(number, trials, rate)) for number in range(successes + 1))


def _at_least(successes: int, trials: int, rate: float) -> float:
    return sum(exp(_log_probability(number, trials, rate)) for number in range(successes, trials + 1))


def _log_probability(successes: int, trials: int, rate: float) -> float:
    ways = lgamma(trials + 1) - lgamma(successes + 1) - lgamma(trials - successes + 1)
    return ways + successes * log(rate) + (trials - successes) * log1p(-rate)


def _solve(rising: Callable[[float], float]) -> float:
    """Return where between 0 and 1 a rising function is zero, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2


@dataclass(frozen=True)
class StratumCount:
    """What is known of a stratum: its size in the store, how many of it were measured, how many agreed."""

    size: int
    measured: int
    agreed: int


@dataclass(frozen=True)
class Estimate:
    """A rate of the whole store, from 0 to 1, and its 95 % interval."""

    rate: float
    interval: Interval


def stratified(strata: Sequence[StratumCount]) -> Estimate | None:
    """Estimate the rate of the whole store from samples of its strata.

    The rate is the strata's rates weighted by their sizes. The interval combines their exact intervals, each narrowed
    by the finite-population correction, by the method of variance estimates recovery: G. Y. Zou and A. Donner,
    Construction of confidence limits about effect measures, Statistics in Medicine 27 (2008). Wilson's in their place
    would cover too little near a rate of 1, where one record of ten fails.

    Returns:
        The estimate, or None where a stratum of the store was not measured at all.
    """
    there = [stratum for stratum in strata if stratum.size]
    total = sum(stratum.size for stratum in there)
    if not there or not all(stratum.measured for stratum in there):
        return None
    rate = lower = upper = 0.0
    for stratum in there:
        weight = stratum.size / total
        own = stratum.agreed / stratum.measured
        low, high = clopper_pearson(stratum.agreed, stratum.measured) or (own, own)
        unseen = 1 - (stratum.measured - 1) / (stratum.size - 1) if stratum.size > 1 else 0.0
        rate += weight * own
        lower += unseen * (weight * (own - low)) ** 2
        upper += unseen * (weight * (high - own)) ** 2
    return Estimate(rate, (max(0.0, rate - sqrt(lower)), min(1.0, rate + sqrt(upper))))
