"""A slice of a sample against the rest of it."""

from __future__ import annotations

from itertools import product
from math import comb, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from drift_checks.statistics.slices import SliceCount, SliceDifference, compare_slice
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance


@st.composite
def counts(draw: st.DrawFn, most: int = 40) -> SliceCount:
    """A stratum that was reviewed inside and outside of the slice."""
    reviewed, rest = draw(st.integers(1, most)), draw(st.integers(1, most))
    return SliceCount(draw(st.integers(0, reviewed)), reviewed, draw(st.integers(0, rest)), rest)


def compared(strata: list[SliceCount]) -> SliceDifference:
    """The difference of a slice that can be compared."""
    found = compare_slice(strata)
    assert found is not None
    return found


@given(counts())
def test_one_stratum_is_fishers_exact_test(count: SliceCount) -> None:
    """One-sided, without a correction."""
    table = [
        [count.agreed, count.reviewed - count.agreed],
        [count.rest_agreed, count.rest_reviewed - count.rest_agreed],
    ]
    assert compared([count]).p_value == pytest.approx(fisher_exact(table, alternative="less").pvalue, rel=1e-9)


@given(st.lists(counts(most=6), min_size=1, max_size=3))
def test_the_p_value_is_that_of_counting_every_way_the_agreements_could_lie(strata: list[SliceCount]) -> None:
    """In whole numbers."""
    as_few = every = 0
    agreed = sum(count.agreed for count in strata)
    for inside in product(*(range(count.reviewed + 1) for count in strata)):
        ways = prod(
            comb(count.reviewed, number) * comb(count.rest_reviewed, count.agreed + count.rest_agreed - number)
            for count, number in zip(strata, inside, strict=True)
            if number <= count.agreed + count.rest_agreed
        ) * all(number <= count.agreed + count.rest_agreed for count, number in zip(strata, inside, strict=True))
        every += ways
        as_few += ways * (sum(inside) <= agreed)
    assert compared(strata).p_value == pytest.approx(as_few / every, rel=1e-9)


def test_the_difference_is_weighted_as_by_mantel_and_haenszel() -> None:
    """10 * 30 / 40 of the first stratum, 20 * 20 / 40 of the second."""
    found = compared([SliceCount(5, 10, 24, 30), SliceCount(18, 20, 20, 20)])
    assert found.difference == pytest.approx((7.5 * 0.3 + 10 * 0.1) / 17.5)


def test_a_slice_that_holds_more_of_the_weaker_stratum_is_not_accused() -> None:
    """It agrees in 56 % against 84 %, and in each stratum as often as the rest."""
    found = compared([SliceCount(20, 40, 5, 10), SliceCount(9, 10, 45, 50)])
    assert found.difference == pytest.approx(0)
    assert found.p_value > 0.3


def test_a_slice_that_agrees_less_in_every_stratum_is_found() -> None:
    """Though no stratum alone would tell."""
    strata = [SliceCount(6, 10, 18, 20)] * 3
    assert compared(strata[:1]).p_value > 0.05
    assert compared(strata).p_value < 0.005


@pytest.mark.parametrize(
    "strata",
    [[], [SliceCount(0, 0, 0, 0)], [SliceCount(3, 5, 0, 0)], [SliceCount(0, 0, 3, 5), SliceCount(1, 2, 0, 0)]],
    ids=["no strata", "nothing reviewed", "no rest", "slice and rest in different strata"],
)
def test_without_a_stratum_of_both_there_is_nothing_to_compare(strata: list[SliceCount]) -> None:
    """Not a difference of 0."""
    assert compare_slice(strata) is None


@given(st.lists(counts(), min_size=1, max_size=4), st.integers(0, 9), st.integers(0, 9))
def test_a_stratum_of_one_side_alone_makes_no_difference(strata: list[SliceCount], inside: int, rest: int) -> None:
    """There is nothing to hold it against."""
    assert compare_slice([*strata, SliceCount(inside, 9, 0, 0), SliceCount(0, 0, rest, 9)]) == compare_slice(strata)


@given(st.lists(counts(), min_size=1, max_size=4))
def test_both_lie_within_bounds(strata: list[SliceCount]) -> None:
    """Whatever was reviewed."""
    found = compared(strata)
    assert -1 <= found.difference <= 1
    assert 0 < found.p_value <= 1


@given(st.lists(counts(), min_size=1, max_size=4))
def test_exchanging_slice_and_rest_turns_the_difference_round(strata: list[SliceCount]) -> None:
    """And what one side's p-value leaves out of 1, the other's covers."""
    exchanged = [SliceCount(count.rest_agreed, count.rest_reviewed, count.agreed, count.reviewed) for count in strata]
    one, other = compared(strata), compared(exchanged)
    assert one.difference == pytest.approx(-other.difference)
    assert one.p_value + other.p_value >= 1 - 1e-9


@given(st.lists(counts(), min_size=1, max_size=4))
def test_the_order_of_strata_makes_no_difference(strata: list[SliceCount]) -> None:
    """Except for rounding."""
    one, other = compared(strata), compared(strata[::-1])
    assert one.difference == pytest.approx(other.difference, abs=1e-12)
    assert one.p_value == pytest.approx(other.p_value, rel=1e-9)


def test_slices_like_the_rest_are_accused_no_more_often_than_promised() -> None:
    """At most at 5 %, within three standard errors, if only their strata differ."""
    generator, runs = np.random.default_rng(20260115), repetitions(200, 2000)
    rates, inside, outside = (0.6, 0.8, 0.95), (12, 5, 3), (18, 15, 7)
    agreed = generator.binomial(inside, rates, (runs, 3))
    rest = generator.binomial(outside, rates, (runs, 3))
    accused = sum(
        compared([SliceCount(*map(int, count)) for count in zip(own, inside, others, outside, strict=True)]).p_value
        <= 0.05
        for own, others in zip(agreed, rest, strict=True)
    )
    assert accused / runs <= 0.05 + tolerance(0.05, runs)
