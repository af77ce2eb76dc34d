"""Nights since which a rate is different."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.control_chart import RunRate
from drift_checks.statistics.monte_carlo import monte_carlo_p_value

Numbers = npt.NDArray[np.float64]

# Smaller differences of rates can be significant over many nights, and do not matter.
LEAST_DIFFERENCE = 0.03
_BLOCKS, _DRAWS = 10, 100
# In 95 % of cases, twice the log-likelihood of the true night is no more than this below that of the best one.
_BOUND = 7.35


@dataclass(frozen=True)
class ChangePoint:
    """A night since which the rate is different.

    Attributes:
        night: The index of the first night with the new rate.
        before: The rate from the change before it, or from the first night.
        after: The rate up to the change after it, or up to the last night.
        p_value: The probability of so clear a change if no night differs from the others.
        interval: The 95 % interval of `night`, both ends included.
    """

    night: int
    before: float
    after: float
    p_value: float
    interval: tuple[int, int]


def change_points(
    nights: Sequence[RunRate], level: float = 0.01, least_difference: float = LEAST_DIFFERENCE
) -> list[ChangePoint]:
    """Return the nights since which the rate is different, in their order; each night has reviewed records.

    The statistic is the likelihood ratio of a change in a binomial probability, maximised over the nights (K. J.
    Worsley, Biometrika 70 (1983)). Its p-value is that among permutations of the nights, so that rates that vary more
    than a binomial are no change. What lies before and after a change at that level is searched in the same way (L. Yu.
    Vostrikova, Soviet Mathematics Doklady 24 (1981)). The interval of the night inverts the likelihood ratio (Y. Eo and
    J. Morley, Quantitative Economics 6 (2015)), divided by the dispersion of the rates.

    The permutations are the same each time.
    """
    counts = np.array([(night.agreed, night.reviewed) for night in nights], dtype=np.float64).reshape(-1, 2)
    p_values = _divided(counts, level)
    bounds = _without_small_steps(counts, [0, *sorted(p_values), len(counts)], least_difference)
    return [
        _described(counts, before, night, after, p_values[night])
        for before, night, after in zip(bounds, bounds[1:], bounds[2:], strict=False)
    ]


def _divided(counts: Numbers, level: float) -> dict[int, float]:
    """Return the p-value of each change."""
    found: dict[int, float] = {}
    parts = [(0, len(counts))]
    while parts:
        first, end = parts.pop()
        if end - first < 2:
            continue
        gains = _gains(counts[first:end])
        p_value = monte_carlo_p_value(_permuted(counts[first:end], float(gains.max())))
        if p_value <= level:
            night = first + 1 + int(gains.argmax())
            found[night] = p_value
            parts += [(first, night), (night, end)]
    return found


def _gains(counts: Numbers) -> Numbers:
    """Return twice the log-likelihood ratio of a change on each night from the second to the last."""
    total = counts.cumsum(axis=-2)
    before, whole = total[..., :-1, :], total[..., -1:, :]
    gains: Numbers = 2 * (_log_likelihood(before) + _log_likelihood(whole - before) - _log_likelihood(whole))
    return gains


def _log_likelihood(counts: Numbers) -> Numbers:
    """Return the logarithm of the maximum likelihood of numbers of agreed and reviewed records."""
    agreed, reviewed = counts[..., 0], counts[..., 1]
    return _times_log(agreed) + _times_log(reviewed - agreed) - _times_log(reviewed)


def _times_log(counts: Numbers) -> Numbers:
    product: Numbers = counts * np.log(np.maximum(counts, 1))
    return product


def _permuted(counts: Numbers, observed: float) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield blocks of permutations of the nights: whether each shows as clear a change as was observed."""
    random = np.random.default_rng(0)
    for _ in range(_BLOCKS):
        order = random.permuted(np.tile(np.arange(len(counts)), (_DRAWS, 1)), axis=1)
        # Sums of the same numbers in another order may differ in the last digits.
        yield _gains(counts[order]).max(axis=1) >= observed - 1e-9


def _without_small_steps(counts: Numbers, bounds: list[int], least_difference: float) -> list[int]:
    """Return the bounds of the parts, of which neighbours that hardly differ are joined, the most alike first."""
    while len(bounds) > 2:
        rates = [_rate(counts[first:end]) for first, end in pairwise(bounds)]
        steps = [abs(after - before) for before, after in pairwise(rates)]
        if min(steps) >= least_difference:
            break
        bounds = [bound for place, bound in enumerate(bounds) if place != steps.index(min(steps)) + 1]
    return bounds


def _described(counts: Numbers, first: int, night: int, end: int, p_value: float) -> ChangePoint:
    before, after = _rate(counts[first:night]), _rate(counts[night:end])
    gains = _gains(counts[first:end])
    expected = np.repeat([before, after], [night - first, end - night])
    least = float(gains[night - first - 1]) - _BOUND * _dispersion(counts[first:end], expected)
    likely = first + 1 + np.flatnonzero(gains >= least)
    return ChangePoint(night, before, after, p_value, (int(likely[0]), int(likely[-1])))


def _rate(counts: Numbers) -> float:
    agreed, reviewed = counts.sum(axis=0)
    return float(agreed / reviewed)


def _dispersion(counts: Numbers, expected: Numbers) -> float:
    """Return the variance of the nights relative to the binomial variance of their expected rates, at least 1."""
    agreed, reviewed = counts.T
    variances = reviewed * expected * (1 - expected)
    squares = np.divide((agreed - reviewed * expected) ** 2, variances, out=np.zeros(len(counts)), where=variances > 0)
    return max(1.0, float(squares.sum()) / max(1, len(counts) - 2))
