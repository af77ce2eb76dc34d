"""Probabilities of usual distributions, compared with those of scipy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from drift_checks.statistics import tails

VALUES = st.floats(-8, 8)
DEGREES = st.integers(1, 60) | st.integers(1, 10**7)
EXPONENTS = st.floats(0, 30)


@given(st.integers(-1, 400), st.integers(0, 300), st.floats(0, 1))
def test_binomial_upper_tail(successes: int, trials: int, probability: float) -> None:
    """Also of more successes than trials, and of certain ones."""
    right = stats.binom.sf(successes - 1, trials, probability)
    assert tails.binomial_upper_tail(successes, trials, probability) == pytest.approx(right, rel=1e-9, abs=1e-300)


@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 300))
def test_hypergeometric(total: int, marked: int, drawn: int) -> None:
    """Of all numbers that are possible."""
    marked, drawn = min(marked, total), min(drawn, total)
    first, chances = tails.hypergeometric(total, marked, drawn)
    right = stats.hypergeom.pmf(np.arange(first, first + len(chances)), total, marked, drawn)
    assert chances == pytest.approx(right, rel=1e-9, abs=1e-300)
    assert right.sum() == pytest.approx(1)


def test_hypergeometric_of_a_billion_records() -> None:
    """It holds only the numbers that occur."""
    first, chances = tails.hypergeometric(10**9, 10**6, 10**6)
    assert len(chances) < 5000
    assert chances[1000 - first] == pytest.approx(stats.hypergeom.pmf(1000, 10**9, 10**6, 10**6), rel=1e-5)


@given(st.floats(-37, 9))
def test_normal_lower_tail(value: float) -> None:
    """On both sides, down to 1e-300."""
    assert tails.normal_lower_tail(value) == pytest.approx(special.ndtr(value), rel=1e-12)


@given(VALUES, st.floats(-3, -1e-6))
def test_skewed_lower_tail(value: float, skewness: float) -> None:
    """Down to no skewness."""
    right = stats.pearson3.cdf(value, skewness)
    assert tails.skewed_lower_tail(value, skewness) == pytest.approx(right, rel=1e-6, abs=1e-12)


@given(st.floats(-37, 9) | EXPONENTS.map(lambda power: -(10**power)), DEGREES)
def test_student_lower_tail(value: float, degrees: int) -> None:
    """On both sides, whether it is nearly Cauchy's distribution or nearly the normal one."""
    right = special.stdtr(degrees, value)
    assert tails.student_lower_tail(value, degrees) == pytest.approx(right, rel=1e-12, abs=1e-300)


@given(st.floats(0.0001, 0.9999) | st.floats(1, 30).map(lambda power: 10**-power), DEGREES)
def test_student_quantile(probability: float, degrees: int) -> None:
    """The inverse of the tail."""
    found = tails.student_quantile(probability, degrees)
    assert found == pytest.approx(special.stdtrit(degrees, probability), rel=1e-9, abs=1e-12)
    assert tails.student_lower_tail(found, degrees) == pytest.approx(probability, rel=1e-12)


@given(st.floats(-4, 50), DEGREES)
def test_chi_square_upper_tail(deviation: float, degrees: int) -> None:
    """Near its mean and far from it."""
    value = max(0.0, degrees + deviation * math.sqrt(2 * degrees))
    # In the far tail, scipy's function loses five digits.
    right = special.gammaincc(degrees / 2, value / 2)
    assert tails.chi_square_upper_tail(value, degrees) == pytest.approx(right, rel=1e-10, abs=1e-300)


@given(st.floats(0, 20))
def test_kolmogorov_upper_tail(value: float) -> None:
    """Down to the smallest numbers."""
    assert tails.kolmogorov_upper_tail(value) == pytest.approx(special.kolmogorov(value), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(
    ("found", "right"),
    [
        (tails.normal_lower_tail(-37), 5.7255712225245768e-300),
        (tails.student_lower_tail(-1e100, 1), 3.1830988618379067e-101),
        (tails.student_lower_tail(-1e30, 9), 2.5458970371070174e-267),
        (tails.student_lower_tail(-35, 1000), 3.6731418018743466e-176),
        (tails.student_lower_tail(-37, 99_999), 5.987590021841563e-298),
        (tails.chi_square_upper_tail(1200, 1), 6.0995688148084337e-263),
        (tails.chi_square_upper_tail(14_200, 10_000), 3.5545261450521868e-153),
        (tails.chi_square_upper_tail(10_160_000, 10**7), 1.0669603281431999e-277),
        # Of this one, scipy 1.17 knows only eight digits.
        (tails.chi_square_upper_tail(9_976_000, 10**7), 0.99999996078709905),
    ],
)
def test_a_tail_has_its_digits_however_small_it_is(found: float, right: float) -> None:
    """Compared with an evaluation in 40 digits."""
    assert found == pytest.approx(right, rel=1e-12, abs=0)


@pytest.mark.parametrize("tail", [tails.student_lower_tail, tails.chi_square_upper_tail])
def test_the_tail_of_no_number_is_no_number(tail: Callable[[float, int], float]) -> None:
    """Not a sum without an end."""
    assert math.isnan(tail(math.nan, 5))


@given(st.floats(1, 1e9))
def test_log_gamma(value: float) -> None:
    """As precise as floating-point numbers allow."""
    assert float(tails.log_gamma(value)) == pytest.approx(math.lgamma(value), rel=1e-12, abs=1e-11)
