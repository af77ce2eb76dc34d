"""Confidence intervals of rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

# The 97.5 % quantile of the normal distribution, for intervals of 95 %.
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


@dataclass(frozen=True)
class StratumCount:
    """A stratum: its size in the store, the number of measured records, and of those that agreed."""

    size: int
    measured: int
    agreed: int


@dataclass(frozen=True)
class Estimate:
    """A rate of the whole store, from 0 to 1, and its 95 % interval."""

    rate: float
    interval: Interval

    @property
    def is_exact(self) -> bool:
        """Whether nothing is left to chance."""
        return self.interval[0] == self.interval[1]


def complete(strata: Sequence[StratumCount]) -> Estimate | None:
    """Return the rate of the whole store if each of its records was drawn, with an interval without sampling error.

    Why a record was not measured may have to do with its agreement, so the interval is not a statistical one: it
    extends from no agreement to full agreement of those that were not measured.

    Returns:
        The rate, for which those not measured agree as often as others of their stratum, and the interval; None if a
        stratum of the store was not measured at all.
    """
    there = [stratum for stratum in strata if stratum.size]
    if not there or not all(stratum.measured for stratum in there):
        return None
    total = sum(stratum.size for stratum in there)
    agreed = sum(stratum.agreed for stratum in there)
    failed = sum(stratum.measured - stratum.agreed for stratum in there)
    rate = sum(stratum.size * stratum.agreed / stratum.measured for stratum in there) / total
    bounds = agreed / total, (total - failed) / total
    return Estimate(min(max(rate, bounds[0]), bounds[1]), bounds)


def heaviest_disagreement(strata: Sequence[StratumCount]) -> float:
    """Return the largest share of the whole store, from 0 to 1, for which one disagreeing record stands."""
    total = sum(stratum.size for stratum in strata)
    weights = [stratum.size / stratum.measured for stratum in strata if stratum.agreed < stratum.measured]
    return max(weights, default=0.0) / total if total else 0.0
