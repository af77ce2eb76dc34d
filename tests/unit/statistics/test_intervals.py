"""Intervals of rates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from drift_checks.statistics.intervals import StratumCount, clopper_pearson, stratified, wilson


@pytest.mark.parametrize("trials", range(1, 61))
def test_wilson_is_scipys(trials: int) -> None:
    """For every count of successes."""
    for successes in range(trials + 1):
        theirs = binomtest(successes, trials).proportion_ci(method="wilson")
        assert wilson(successes, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_without_trials_there_is_no_interval() -> None:
    """Not one from 0 to 1."""
    assert wilson(0, 0) is None


@given(st.integers(1, 10**6).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_wilson_holds_the_rate_and_lies_within_bounds(count: tuple[int, int]) -> None:
    """Exactly at the ends."""
    successes, trials = count
    bounds = wilson(successes, trials)
    assert bounds is not None
    assert 0 <= bounds[0] <= successes / trials <= bounds[1] <= 1
    assert (bounds[0] == 0) is (successes == 0)
    assert (bounds[1] == 1) is (successes == trials)


@st.composite
def counts(draw: st.DrawFn) -> StratumCount:
    """A stratum of which something was measured."""
    size = draw(st.integers(1, 5000))
    measured = draw(st.integers(1, min(size, 60)))
    return StratumCount(size, measured, draw(st.integers(0, measured)))


@given(st.lists(counts(), min_size=1, max_size=4))
def test_the_estimate_lies_in_its_interval_and_within_bounds(strata: list[StratumCount]) -> None:
    """Whatever was measured."""
    found = stratified(strata)
    assert found is not None
    lower, upper = found.interval
    assert 0 <= lower <= found.rate + 1e-12
    assert found.rate - 1e-12 <= upper <= 1


@given(st.lists(counts(), min_size=1, max_size=4), st.integers(0, 3))
def test_more_agreement_lowers_nothing(strata: list[StratumCount], which: int) -> None:
    """Neither the estimate nor an end of its interval."""
    place = which % len(strata)
    old = strata[place]
    better = [*strata]
    better[place] = StratumCount(old.size, old.measured, min(old.measured, old.agreed + 1))
    before, after = stratified(strata), stratified(better)
    assert before is not None
    assert after is not None
    assert after.rate >= before.rate - 1e-12
    assert after.interval[0] >= before.interval[0] - 1e-9
    assert after.interval[1] >= before.interval[1] - 1e-9


@given(st.lists(counts(), min_size=1, max_size=4))
def test_the_order_of_strata_makes_no_difference(strata: list[StratumCount]) -> None:
    """But for rounding."""
    one, other = stratified(strata), stratified(strata[::-1])
    assert one is not None
    assert other is not None
    assert (one.rate, *one.interval) == pytest.approx((other.rate, *other.interval), abs=1e-12)


@given(st.integers(0, 30))
def test_one_stratum_of_a_large_store_has_the_exact_interval(agreed: int) -> None:
    """The finite population narrows it by next to nothing."""
    found = stratified([StratumCount(10**9, 30, agreed)])
    assert found is not None
    assert found.rate == agreed / 30
    assert found.interval == pytest.approx(clopper_pearson(agreed, 30), abs=1e-6)


@given(st.integers(1, 40), st.integers(1, 40))
def test_what_was_measured_whole_has_no_width(first: int, second: int) -> None:
    """Nothing of it is left to be unsure of."""
    found = stratified([StratumCount(first, first, first // 2), StratumCount(second, second, second)])
    rate = (first // 2 + second) / (first + second)
    assert found is not None
    assert (found.rate, *found.interval) == pytest.approx((rate, rate, rate))


def test_a_stratum_measured_whole_adds_no_width() -> None:
    """Only the other's remains, by its weight."""
    alone = stratified([StratumCount(900, 30, 20)])
    both = stratified([StratumCount(900, 30, 20), StratumCount(100, 100, 90)])
    assert alone is not None
    assert both is not None
    width = alone.interval[1] - alone.interval[0]
    assert both.interval[1] - both.interval[0] == pytest.approx(0.9 * width)


@pytest.mark.parametrize("trials", [1, 2, 10, 37, 200])
def test_clopper_pearson_is_that_of_scipy(trials: int) -> None:
    """For every number of successes."""
    for successes in range(trials + 1):
        found = clopper_pearson(successes, trials)
        right = binomtest(successes, trials).proportion_ci(method="exact")
        assert found == pytest.approx((right.low, right.high), abs=1e-9)


def test_without_trials_there_is_no_exact_interval() -> None:
    """Not from 0 to 1."""
    assert clopper_pearson(0, 0) is None


def test_rates_are_weighted_by_the_strata_in_the_store() -> None:
    """Not by how many of each were drawn."""
    found = stratified([StratumCount(100, 30, 15), StratumCount(900, 10, 10)])
    assert found is not None
    assert found.rate == pytest.approx(0.1 * 0.5 + 0.9)


def test_a_stratum_that_was_not_measured_leaves_the_whole_unknown() -> None:
    """No rate is made up for it."""
    assert stratified([StratumCount(100, 30, 15), StratumCount(900, 0, 0)]) is None


def test_a_stratum_that_is_not_there_matters_to_nobody() -> None:
    """It weighs nothing."""
    assert stratified([StratumCount(100, 30, 15), StratumCount(0, 0, 0)]) == stratified([StratumCount(100, 30, 15)])


@pytest.mark.parametrize("strata", [[], [StratumCount(0, 0, 0)]])
def test_an_empty_store_has_no_rate(strata: list[StratumCount]) -> None:
    """Not 0."""
    assert stratified(strata) is None


@pytest.mark.parametrize(
    "rates",
    [
        (0.8, 0.9, 0.97),
        (0.5, 0.5, 0.5),
        (0.6, 0.8, 0.95),
        (0.98, 0.99, 0.999),
        (0.9, 0.95, 0.7),
        (1.0, 1.0, 0.99),
        (0.95, 0.9, 0.98),
    ],
    ids=str,
)
def test_the_interval_covers_the_stores_rate(rates: tuple[float, ...]) -> None:
    """In at least 93 of 100 samples, where 95 are promised, near 1 too."""
    generator = np.random.default_rng(20260115)
    sizes, drawn = (3000, 2000, 8000), (30, 20, 10)
    agreeing = [round(size * rate) for size, rate in zip(sizes, rates, strict=True)]
    truth = sum(agreeing) / sum(sizes)
    covered = 0
    for _ in range(2000):
        found = stratified(
            [
                StratumCount(size, number, int(generator.hypergeometric(good, size - good, number)))
                for size, number, good in zip(sizes, drawn, agreeing, strict=True)
            ]
        )
        assert found is not None
        covered += found.interval[0] <= truth <= found.interval[1]
    assert covered / 2000 >= 0.93
