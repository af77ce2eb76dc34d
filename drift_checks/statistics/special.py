"""Incomplete gamma and beta functions, precise also where they are tiny.

Formulas are those of the NIST Digital Library of Mathematical Functions (DLMF), https://dlmf.nist.gov, unless another
source is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from math import exp, lgamma, log, log1p, pi, sqrt, ulp

# Relative to a sum or a product, less than this changes nothing.
_EPSILON = ulp(1.0)
# From here on, the terms of Stirling's series leave no error.
_LARGE = 20.0
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)


def upper_gamma(shape: float, value: float) -> float:
    """Return Q(shape, value), the regularised upper incomplete gamma function (DLMF 8.2.4)."""
    if value <= 0:
        return 1.0
    if value < max(shape, 1.0):
        # DLMF 8.7.1.
        return 1 - _gamma_power(shape, value) * _series(value / (shape + number) for number in count(1))
    # DLMF 8.9.2, of which every other part is eliminated.
    parts = ((number * (shape - number), value + 2 * number + 1 - shape) for number in count(1))
    return shape * _gamma_power(shape, value) / _continued_fraction(value + 1 - shape, parts)


def lower_beta(shape: float, distance: float) -> float:
    """Return I(1 / (1 + distance²); shape, 1/2), the regularised incomplete beta function (DLMF 8.17.2)."""
    far = 1 / (1 + distance * distance)
    # The share is 1 - far without the loss of digits.
    root = distance * sqrt(far) if distance < 1 else 1 / sqrt(1 + 1 / distance / distance)
    share = root * root
    factor = root / sqrt(pi) * gamma_ratio(shape) * exp(-shape * log_of_one_plus_square(distance))
    # What lies beyond the mean is the fraction, before it 1 minus the series.
    beyond = shape * share - far / 2
    if beyond < 0:
        # DLMF 8.17.8.
        return 1 - 2 * factor * _series(share * (shape + number - 0.5) / (number + 0.5) for number in count(1))
    return factor / _beta_fraction(shape, far, beyond)


def gamma_ratio(value: float) -> float:
    """Return gamma(value + 1/2) / gamma(value), by Stirling's formula for both."""
    return sqrt(value) * exp(value * log1p(0.5 / value) - 0.5 + _stirling(value + 0.5) - _stirling(value))


def log_of_one_plus_square(value: float) -> float:
    """Return log(1 + value²), whose square may be too small or too large for a number."""
    return log1p(value * value) if abs(value) < 1 else 2 * log(abs(value)) + log1p(1 / value / value)


def _gamma_power(shape: float, value: float) -> float:
    """Return value ** shape * exp(-value) / gamma(shape + 1)."""
    if shape < _LARGE:
        return exp(shape * log(value) - value - lgamma(shape + 1))
    return exp(-shape * _minus_log((value - shape) / shape) - _stirling(shape)) / sqrt(2 * pi * shape)


def _minus_log(excess: float) -> float:
    """Return excess - log(1 + excess)."""
    if abs(excess) > 0.5:
        return excess - log1p(excess)
    # DLMF 4.6.4, since the difference itself would lose digits.
    share = excess / (2 + excess)
    square = share * share
    return share * (excess - 2 * square * sum(square**power / (2 * power + 3) for power in range(20)))


def _stirling(value: float) -> float:
    """Return the logarithm of gamma(value) minus that of Stirling's formula (DLMF 5.11.1)."""
    if value < _LARGE:
        return lgamma(value) - (value - 0.5) * log(value) + value - log(2 * pi) / 2
    return sum(factor / value ** (2 * place + 1) for place, factor in enumerate(_STIRLING))


def _beta_fraction(shape: float, far: float, beyond: float) -> float:
    """Return far ** shape * sqrt(1 - far) / beta(shape, 1/2) / I(far; shape, 1/2), given shape - (shape + 1/2) far.

    Source: A. R. DiDonato and A. H. Morris, Algorithm 708, ACM Transactions on Mathematical Software 18 (1992). For a
    large shape, it keeps the digits that DLMF 8.17.22 loses.
    """

    def part(number: int) -> tuple[float, float]:
        last = far / (shape + 2 * number - 1)
        numerator = (shape + number - 1) * (shape + number - 0.5) * number * (0.5 - number) * last * last
        return numerator, number + number * (0.5 - number) * last + whole(number)

    def whole(number: int) -> float:
        return (shape + number) / (shape + 2 * number + 1) * (beyond + 1 + number * (2 - far))

    return _continued_fraction(whole(0), map(part, count(1)))


def _series(ratios: Iterable[float]) -> float:
    """Return the sum of positive terms, of which the first is 1, given the ratio of each to the one before it."""
    total = term = 1.0
    for ratio in ratios:
        term *= ratio
        total += term
        # Later ratios are smaller. A sum that is not a number ends, too.
        if not term > _EPSILON * total * (1 - ratio):
            break
    return total


def _continued_fraction(first: float, parts: Iterable[tuple[float, float]]) -> float:
    """Return first + numerator / (denominator + next numerator / (...)), given each numerator and denominator.

    Source: I. J. Thompson and A. R. Barnett, Coulomb and Bessel functions of complex arguments and order, Journal of
    Computational Physics 64 (1986).
    """
    value = upper = first
    lower = 0.0
    for numerator, denominator in parts:
        upper = denominator + numerator / upper
        lower = 1 / (denominator + numerator * lower)
        value *= upper * lower
        if not abs(upper * lower - 1) > _EPSILON:
            break
    return value
