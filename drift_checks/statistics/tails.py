"""Probabilities of usual distributions."""

from __future__ import annotations

from math import erfc, exp, pi, sqrt, ulp

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.special import gamma_ratio, log_of_one_plus_square, lower_beta, upper_gamma

Numbers = npt.NDArray[np.float64]

# A deviation of so many standard deviations has a probability of 0 in floating-point numbers.
_NEGLIGIBLE = 40
# With less skewness than this, a gamma distribution is a normal one for all that numbers can show.
_SYMMETRIC = 1.6e-5
_SHIFT = 8
# Below this value, the tail of Kolmogorov's distribution is 1 in floating-point numbers.
_CERTAIN = 0.04
# Of Kolmogorov's series; later terms are negligible.
_TERMS = range(1, 6)


def binomial_upper_tail(successes: int, trials: int, probability: float) -> float:
    """Return the probability of at least so many successes."""
    if successes <= 0 or probability >= 1:
        return 1.0 if successes <= trials else 0.0
    if successes > trials or probability <= 0:
        return 0.0
    numbers = np.arange(trials, dtype=np.float64)
    odds = np.log((trials - numbers) / (numbers + 1)) + np.log(probability / (1 - probability))
    return float(_normalised(odds)[successes:].sum())


def normal_lower_tail(value: float) -> float:
    """Return the probability of at most this value under the standard normal distribution."""
    return erfc(-value / sqrt(2)) / 2


def skewed_lower_tail(value: float, skewness: float) -> float:
    """Return the probability of at most this value under a gamma distribution of negative skewness.

    It has mean 0 and variance 1, and is mirrored (Pearson's type III; K. Pearson, Philosophical Transactions A 186
    (1895)).
    """
    if skewness > -_SYMMETRIC:
        return normal_lower_tail(value)
    # Minus the value is a gamma variable of this shape, scaled and moved.
    shape = 4 / skewness**2
    return upper_gamma(shape, shape + 2 * value / skewness)


def student_lower_tail(value: float, degrees_of_freedom: int) -> float:
    """Return the probability of at most this value under Student's t distribution."""
    tail = lower_beta(degrees_of_freedom / 2, abs(value) / sqrt(degrees_of_freedom)) / 2
    return 1 - tail if value > 0 else tail


def student_quantile(probability: float, degrees_of_freedom: int) -> float:
    """Return the value below which Student's t distribution has this probability, which is neither 0 nor 1."""
    if probability > 0.5:
        return -student_quantile(1 - probability, degrees_of_freedom)
    half = degrees_of_freedom / 2
    highest = gamma_ratio(half) / sqrt(pi * degrees_of_freedom)
    value = 0.0
    while True:
        # Below 0 the distribution is convex, so that Newton's method descends to the quantile.
        density = highest * exp(-(half + 0.5) * log_of_one_plus_square(value / sqrt(degrees_of_freedom)))
        descent = (student_lower_tail(value, degrees_of_freedom) - probability) / density
        if not descent > 4 * ulp(value):
            return value
        value -= descent


def chi_square_upper_tail(value: float, degrees_of_freedom: int) -> float:
    """Return the probability of at least this value under the chi-square distribution."""
    return upper_gamma(degrees_of_freedom / 2, value / 2)


def kolmogorov_upper_tail(value: float) -> float:
    """Return the probability of at least this value under Kolmogorov's limiting distribution.

    Source: A. N. Kolmogorov, Giornale dell'Istituto Italiano degli Attuari 4 (1933); the equal series for small values
    is that of W. Feller, Annals of Mathematical Statistics 19 (1948).
    """
    if value < _CERTAIN:
        return 1.0
    if value < 1:
        below = sum(exp(-(((2 * number - 1) * pi / value) ** 2) / 8) for number in _TERMS)
        return 1 - sqrt(2 * pi) / value * below
    return 2 * sum((1 if number % 2 else -1) * exp(-2 * (number * value) ** 2) for number in _TERMS)


def hypergeometric(total: int, marked: int, drawn: int) -> tuple[int, Numbers]:
    """Return the probabilities of the numbers of marked records among those drawn.

    Returns:
        A number, and the probabilities of it and of the numbers after it; all others are negligible.
    """
    fewest, most = max(0, marked + drawn - total), min(marked, drawn)
    mode = min(max((marked + 1) * (drawn + 1) // (total + 2), fewest), most)
    spread = np.sqrt(drawn * (marked / total) * (1 - marked / total)) if total else 0.0
    reach = int(_NEGLIGIBLE * (spread + 1)) + 1
    first, last = max(fewest, mode - reach), min(most, mode + reach)
    # The ratios of each probability to the one before it, relative to the mode: no factorial loses digits.
    before = np.arange(first, last, dtype=np.float64)
    ratios = np.log((marked - before) * (drawn - before)) - np.log((before + 1) * (total - marked - drawn + before + 1))
    return first, _normalised(ratios)


def log_gamma(values: npt.ArrayLike) -> Numbers:
    """Return the logarithm of the gamma function of each value, which must be at least 1.

    Source: Stirling's series, M. Abramowitz and I. A. Stegun, Handbook of mathematical functions (1964), 6.1.41; below
    9 values are shifted, where it is not precise.
    """
    given = np.asarray(values, dtype=np.float64)
    shifted = given + _SHIFT
    series = 1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / shifted**2) / shifted**2) / shifted**2
    large = (shifted - 0.5) * np.log(shifted) - shifted + 0.5 * np.log(2 * np.pi) + series / shifted
    factors = np.prod([given + step for step in range(_SHIFT)], axis=0)
    shown: Numbers = large - np.log(factors)
    return shown


def _normalised(ratios: Numbers) -> Numbers:
    """Return probabilities with these logarithms of the ratio of each to the one before it."""
    logs = np.concatenate([[0.0], np.cumsum(ratios)])
    weights = np.exp(logs - logs.max())
    probabilities: Numbers = weights / weights.sum()
    return probabilities
