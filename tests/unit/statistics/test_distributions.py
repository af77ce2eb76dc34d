"""Comparison of two windows by the distribution of a number."""

from __future__ import annotations

import warnings
from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ks_2samp

from drift_checks.statistics.distributions import Values, _exact_p_value, compare_distributions, histogram
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance

NUMBERS = st.floats(-1e6, 1e6)
WINDOWS = arrays(np.float64, st.integers(1, 30), elements=NUMBERS)


def normal(size: int, seed: int) -> Values:
    """Values of mean 0 and standard deviation 1."""
    return np.random.default_rng(seed).normal(size=size)


def test_a_known_comparison() -> None:
    """Of 1 to 4 and 3 to 6: half the values lie apart, each moves by 2."""
    found = compare_distributions(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6]))
    assert found is not None
    assert (found.distance, found.wasserstein) == pytest.approx((0.5, 2))
    assert (found.reference_median, found.recent_median) == (2.5, 4.5)


def test_the_distance_of_a_shift_is_that_of_the_normal_distributions() -> None:
    """A shift of one standard deviation has 2 P(Z < 0.5) - 1 = 0.383."""
    found = compare_distributions(normal(20_000, 1), normal(20_000, 2) + 1)
    assert found is not None
    assert found.distance == pytest.approx(0.383, abs=0.02)
    assert found.p_value < 1e-12


@pytest.mark.parametrize("shift", [0.1, 1.0])
@pytest.mark.parametrize("sizes", [(1, 1), (1, 20), (300, 50), (40, 2000), (7, 14), (1000, 999)], ids=str)
def test_the_test_of_small_windows_is_exact(sizes: tuple[int, int], shift: float) -> None:
    """As scipy computes it, down to 1e-100."""
    reference, recent = normal(sizes[0], 1), normal(sizes[1], 2) + shift
    found = compare_distributions(reference, recent)
    right = ks_2samp(reference, recent, method="exact")
    assert found is not None
    assert (found.distance, found.p_value) == pytest.approx((right.statistic, right.pvalue), rel=1e-10, abs=0)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 81))
def test_the_exact_p_value_is_that_of_counting_every_order(fewer: int, more: int, distance: int) -> None:
    """In whole numbers; a distance that no order reaches has a probability of 0."""
    ways = {(0, 0): 1}
    for one, other in product(range(fewer + 1), range(more + 1)):
        if one or other:
            there = ways.get((one - 1, other), 0) + ways.get((one, other - 1), 0)
            ways[one, other] = there if abs(one * more - other * fewer) < distance else 0
    within = Fraction(ways[fewer, more], comb(fewer + more, fewer))
    assert _exact_p_value(distance, fewer, more) == pytest.approx(float(1 - within), rel=1e-10, abs=1e-300)


@pytest.mark.parametrize("sizes", [(1, 1_000_001), (2000, 2001), (7, 200_000), (100_000, 100_000)], ids=str)
@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_large_windows_are_tested_without_a_warning(sizes: tuple[int, int], shift: float) -> None:
    """Near the hypothesis and far from it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare_distributions(normal(sizes[0], 1), normal(sizes[1], 2) + shift)
    assert found is not None
    assert 0 <= found.p_value <= 1


@pytest.mark.parametrize("size", [5, 7, 14, 30])
def test_windows_of_one_size_that_hardly_differ_are_tested_without_a_warning(size: int) -> None:
    """Rounding takes some exact p-values of them above 1."""
    values = np.arange(size, dtype=np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare_distributions(values, values + 0.5)
    assert found is not None
    assert found.distance == pytest.approx(1 / size)
    assert found.p_value == pytest.approx(1, abs=1e-4)


@given(WINDOWS, st.floats(-1e3, 1e3))
def test_a_shift_has_its_own_length(values: Values, shift: float) -> None:
    """In the values' unit, whatever their distribution."""
    found = compare_distributions(values, values + shift)
    assert found is not None
    assert found.wasserstein == pytest.approx(abs(shift), abs=1e-6)
    assert found.recent_median - found.reference_median == pytest.approx(shift, abs=1e-6)


@given(WINDOWS, WINDOWS)
def test_comparison_is_symmetric_and_within_bounds(reference: Values, recent: Values) -> None:
    """Except for the medians, which change places."""
    one, other = compare_distributions(reference, recent), compare_distributions(recent, reference)
    assert one is not None
    assert other is not None
    assert 0 <= one.distance <= 1
    assert 0 <= one.p_value <= 1
    assert one.wasserstein >= 0
    assert (one.distance, one.wasserstein, one.p_value) == pytest.approx(
        (other.distance, other.wasserstein, other.p_value), abs=1e-9
    )
    assert (one.reference_median, one.recent_median) == (other.recent_median, other.reference_median)


@given(WINDOWS)
def test_a_window_does_not_differ_from_itself(values: Values) -> None:
    """Ties or not."""
    found = compare_distributions(values, values)
    assert found is not None
    assert (found.distance, found.wasserstein, found.p_value) == (0, 0, 1)


def test_values_that_are_not_finite_are_dropped() -> None:
    """NaN is no number, and infinity has no distance."""
    clean = compare_distributions(np.array([1.0, 2.0]), np.array([2.0, 5.0]))
    found = compare_distributions(np.array([1.0, np.nan, 2.0]), np.array([np.inf, 2.0, 5.0, -np.inf]))
    assert found == clean


@pytest.mark.parametrize("empty", [np.array([]), np.array([np.nan, np.inf])], ids=str)
def test_an_empty_window_is_not_compared(empty: Values) -> None:
    """On either side, and on both."""
    assert compare_distributions(empty, np.array([1.0])) is None
    assert compare_distributions(np.array([1.0]), empty) is None
    assert compare_distributions(empty, empty) is None


@pytest.mark.parametrize("levels", [None, 4], ids=["continuous", "ties"])
def test_the_test_rejects_at_most_at_its_level(levels: int | None) -> None:
    """At most at 0.05, within three standard errors, if nothing differs; more rarely if values are tied."""
    generator, number = np.random.default_rng(20260115), repetitions(200, 2000)
    rejected = 0
    for _ in range(number):
        drawn = generator.random(120) if levels is None else generator.integers(levels, size=120).astype(np.float64)
        found = compare_distributions(drawn[:80], drawn[80:])
        assert found is not None
        rejected += found.p_value <= 0.05
    assert rejected / number <= 0.05 + tolerance(0.05, number)


def test_a_histogram_counts_the_values_of_each_bin() -> None:
    """An edge belongs to the bin above it, the last one to the last bin; what lies outside or is no number, to none."""
    values = [-1, 0, 0.5, 1, 1.5, 2, 3, float("nan"), float("inf")]
    assert histogram(values, [0, 1, 2]) == [2, 3]


@given(st.lists(NUMBERS, max_size=30), st.lists(NUMBERS, min_size=2, max_size=6, unique=True))
def test_a_histogram_counts_each_value_between_the_outer_edges_once(values: list[float], edges: list[float]) -> None:
    """There is no gap between bins."""
    edges.sort()
    counts = histogram(values, edges)
    assert len(counts) == len(edges) - 1
    assert sum(counts) == sum(edges[0] <= value <= edges[-1] for value in values)


def test_edges_that_bound_no_bin() -> None:
    """Fewer than two give none, and those that fall are refused."""
    assert histogram([1.0, 2.0], []) == histogram([1.0, 2.0], [1.0]) == []
    with pytest.raises(ValueError, match="monotonically"):
        histogram([1.0], [2, 1])
