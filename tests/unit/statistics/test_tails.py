"""Probabilities of usual distributions, compared with those of scipy.stats."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from drift_checks.statistics import tails

VALUES = st.floats(-8, 8)
DEGREES = st.integers(1, 1000)


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


@given(VALUES)
def test_normal_lower_tail(value: float) -> None:
    """On both sides."""
    assert tails.normal_lower_tail(value) == pytest.approx(stats.norm.cdf(value), rel=1e-9)


@given(VALUES, st.floats(-3, -1e-6))
def test_skewed_lower_tail(value: float, skewness: float) -> None:
    """Down to no skewness."""
    right = stats.pearson3.cdf(value, skewness)
    assert tails.skewed_lower_tail(value, skewness) == pytest.approx(right, rel=1e-6, abs=1e-12)


@given(VALUES, DEGREES)
def test_student_lower_tail(value: float, degrees: int) -> None:
    """On both sides."""
    assert tails.student_lower_tail(value, degrees) == pytest.approx(stats.t.cdf(value, degrees), rel=1e-9)


@given(st.floats(0.001, 0.999), DEGREES)
def test_student_quantile(probability: float, degrees: int) -> None:
    """The inverse of the tail."""
    right = stats.t.ppf(probability, degrees)
    assert tails.student_quantile(probability, degrees) == pytest.approx(right, rel=1e-6, abs=1e-9)


@given(st.floats(0, 500), DEGREES)
def test_chi_square_upper_tail(value: float, degrees: int) -> None:
    """Down to the smallest numbers."""
    assert tails.chi_square_upper_tail(value, degrees) == pytest.approx(stats.chi2.sf(value, degrees), rel=1e-9)


@given(st.floats(0, 20))
def test_kolmogorov_upper_tail(value: float) -> None:
    """Down to the smallest numbers."""
    assert tails.kolmogorov_upper_tail(value) == pytest.approx(stats.kstwobign.sf(value), rel=1e-9, abs=1e-300)


@given(st.floats(1, 1e9))
def test_log_gamma(value: float) -> None:
    """As precise as floating-point numbers allow."""
    assert float(tails.log_gamma(value)) == pytest.approx(math.lgamma(value), rel=1e-12, abs=1e-11)
