"""Intervals of rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

# The 97.5 % quantile of the normal distribution: intervals are of 95 %.
Z = 1.959963984540054

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

    The rate is the strata's rates weighted by their sizes. The interval combines their Wilson intervals,
    each narrowed by the finite-population correction, by the method of variance estimates recovery:
    G. Y. Zou and A. Donner, Construction of confidence limits about effect measures, Statistics in Medicine
    27 (2008).

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
        low, high = wilson(stratum.agreed, stratum.measured) or (own, own)
        unseen = 1 - (stratum.measured - 1) / (stratum.size - 1) if stratum.size > 1 else 0.0
        rate += weight * own
        lower += unseen * (weight * (own - low)) ** 2
        upper += unseen * (weight * (high - own)) ** 2
    return Estimate(rate, (max(0.0, rate - sqrt(lower)), min(1.0, rate + sqrt(upper))))
