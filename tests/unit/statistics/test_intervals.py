"""Intervals of rates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import betabinom, binom, binomtest, hypergeom

from drift_checks.statistics import strata as of_strata
from drift_checks.statistics.intervals import Estimate, StratumCount, complete, wilson
from drift_checks.statistics.strata import stratified
from tests.support.thorough import THOROUGH, repetitions
from tests.support.tolerance import tolerance

Numbers = tuple[int, ...]
Rates = tuple[float, ...]


@pytest.mark.parametrize("trials", [1, 2, 5, 10, 50, 60])
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


def known(strata: Sequence[StratumCount]) -> Estimate:
    """The estimate where all strata were measured."""
    found = stratified(strata)
    assert found is not None
    return found


def sample(sizes: Numbers, drawn: Numbers, agreed: Numbers) -> Estimate:
    """What a sample says of the store."""
    return known([StratumCount(*stratum) for stratum in zip(sizes, drawn, agreed, strict=True)])


@st.composite
def counts(draw: st.DrawFn) -> StratumCount:
    """A stratum of which something was measured."""
    size = draw(st.integers(1, 5000))
    measured = draw(st.integers(1, min(size, 60)))
    return StratumCount(size, measured, draw(st.integers(0, measured)))


@given(st.lists(counts(), min_size=1, max_size=4))
def test_the_estimate_lies_in_its_interval_and_within_bounds(strata: list[StratumCount]) -> None:
    """Whatever was measured."""
    found = known(strata)
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
    before, after = known(strata), known(better)
    assert after.rate >= before.rate - 1e-12
    assert after.interval[0] >= before.interval[0] - 1e-9
    assert after.interval[1] >= before.interval[1] - 1e-9


@given(st.lists(counts(), min_size=1, max_size=4))
def test_the_order_of_strata_makes_no_difference(strata: list[StratumCount]) -> None:
    """Except for rounding."""
    one, other = known(strata), known(strata[::-1])
    assert (one.rate, *one.interval) == pytest.approx((other.rate, *other.interval), abs=1e-12)


def tails(agreed: int, trials: int, rate: float) -> tuple[float, float]:
    """The binomial probabilities of so few and of that many, three quarters of that of the number itself counted."""
    at = binom.pmf(agreed, trials, rate)
    return binom.cdf(agreed, trials, rate) - at / 4, binom.sf(agreed, trials, rate) + at * 3 / 4


@pytest.mark.parametrize("agreed", range(31))
def test_one_stratum_of_a_large_store_has_an_interval_between_exact_and_mid_p(agreed: int) -> None:
    """As if each record were drawn from the same rate, for the finite population narrows it by next to nothing."""
    found = known([StratumCount(10**9, 30, agreed)])
    lower = brentq(lambda rate: tails(agreed, 30, rate)[1] - 0.025, 0, 1) if agreed else 0.0
    upper = brentq(lambda rate: tails(agreed, 30, rate)[0] - 0.025, 0, 1) if agreed < 30 else 1.0
    assert (found.rate, *found.interval) == pytest.approx((agreed / 30, lower, upper), abs=2e-4)


@pytest.mark.parametrize(("size", "measured"), [(40, 5), (40, 30), (200, 20), (1000, 10)])
def test_one_stratum_has_no_end_beyond_the_exact_one(size: int, measured: int) -> None:
    """That of the hypergeometric test, for every number that agrees; nor one that mid-p would leave out."""
    stores = np.arange(size + 1)
    for agreed in range(measured + 1):
        found = known([StratumCount(size, measured, agreed)])
        at = hypergeom.pmf(agreed, size, stores, measured)
        fewer, more = hypergeom.cdf(agreed - 1, size, stores, measured), hypergeom.sf(agreed, size, stores, measured)
        exact = stores[(fewer + at > 0.025) & (more + at > 0.025)] / size
        middle = stores[(fewer + at / 2 > 0.025) & (more + at / 2 > 0.025)] / size
        assert exact[0] - 1e-12 <= found.interval[0] <= middle[0] + 1e-12
        assert middle[-1] - 1e-12 <= found.interval[1] <= exact[-1] + 1e-12


@pytest.mark.parametrize("agreed", [(3, 4), (12, 15), (20, 14), (0, 15), (20, 15)])
def test_strata_of_even_shares_are_melded_by_the_mean_of_their_limits(agreed: tuple[int, int]) -> None:
    """Their beta-binomial distributions, those of scipy, are convolved; but not past what all or none allow."""
    sizes, drawn = (300, 260), (20, 15)
    ends = []
    for size, number, good in zip(sizes, drawn, agreed, strict=True):
        records = np.arange(size - number + 1)
        low = betabinom.pmf(records, size - number, good, number - good + 1) if good else 1.0 * (records == 0)
        last = records == size - number
        high = betabinom.pmf(records, size - number, good + 1, number - good) if good < number else 1.0 * last
        middle = (low + high) / 2
        ends.append((middle if good else low, middle if good < number else high))
    lower = np.searchsorted(np.cumsum(np.convolve(ends[0][0], ends[1][0])), 0.025)
    upper = np.searchsorted(np.cumsum(np.convolve(ends[0][1], ends[1][1])), 0.975)
    found = sample(sizes, drawn, agreed)
    assert found.interval == pytest.approx(((sum(agreed) + lower) / 560, (sum(agreed) + upper) / 560))


@given(st.lists(counts(), min_size=1, max_size=3))
def test_disagreement_is_counted_as_agreement_is(strata: list[StratumCount]) -> None:
    """The interval of the one is that of the other seen from 1."""
    other = [StratumCount(stratum.size, stratum.measured, stratum.measured - stratum.agreed) for stratum in strata]
    found, mirrored = known(strata), known(other)
    assert found.rate == pytest.approx(1 - mirrored.rate)
    assert found.interval == pytest.approx((1 - mirrored.interval[1], 1 - mirrored.interval[0]))


@pytest.mark.parametrize("agreed", [(21, 20, 10), (30, 20, 10), (25, 15, 6), (0, 0, 0)], ids=str)
def test_steps_widen_the_interval_of_a_large_store_by_next_to_nothing(
    agreed: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And never narrow it."""
    stepped = sample((25000, 50, 60000), (30, 20, 10), agreed)
    monkeypatch.setattr(of_strata, "CELLS", 10**6)
    exact = sample((25000, 50, 60000), (30, 20, 10), agreed)
    assert exact.interval[0] - 0.001 < stepped.interval[0] <= exact.interval[0]
    assert exact.interval[1] <= stepped.interval[1] < exact.interval[1] + 0.001


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_what_was_measured_whole_has_no_width(first: int, second: int) -> None:
    """Nothing of it is left to be unsure of."""
    found = known([StratumCount(first, first, first // 2), StratumCount(second, second, second)])
    rate = (first // 2 + second) / (first + second)
    assert (found.rate, *found.interval) == (rate, rate, rate)
    # A store may have lost records since.
    found = known([StratumCount(10, 20, 15)])
    assert (found.rate, *found.interval) == (0.75, 0.75, 0.75)


def test_a_stratum_measured_whole_adds_no_width() -> None:
    """Only the other's remains, by its weight."""
    alone = known([StratumCount(900, 30, 20)])
    both = known([StratumCount(900, 30, 20), StratumCount(100, 100, 90)])
    width = alone.interval[1] - alone.interval[0]
    assert both.interval[1] - both.interval[0] == pytest.approx(0.9 * width)


def test_rates_are_weighted_by_the_strata_in_the_store() -> None:
    """Not by how many of each were drawn."""
    found = known([StratumCount(100, 30, 15), StratumCount(900, 10, 10)])
    assert found.rate == pytest.approx(0.1 * 0.5 + 0.9)


def test_a_stratum_that_was_not_measured_leaves_the_whole_unknown() -> None:
    """An empty stratum weighs nothing, and an empty store has no rate."""
    measured, empty = StratumCount(100, 30, 15), StratumCount(0, 0, 0)
    assert stratified([measured, StratumCount(900, 0, 0)]) is None
    assert stratified([measured, empty]) == stratified([measured])
    assert stratified([]) is stratified([empty]) is None


SAMPLES = repetitions(300, 2000)
LARGE, BASELINE, EQUAL = (2551, 7850, 2682), (3000, 2000, 8000), (1000, 1000, 1000)


def agreeing(sizes: Numbers, rates: Rates) -> list[int]:
    """How many records of each stratum agree."""
    return [round(size * rate) for size, rate in zip(sizes, rates, strict=True)]


def drawn_coverage(sizes: Numbers, drawn: Numbers, rates: Rates) -> float:
    """The share of samples whose interval holds the store's rate."""
    good = agreeing(sizes, rates)
    truth = sum(good) / sum(sizes)
    failing = [size - number for size, number in zip(sizes, good, strict=True)]
    samples = np.random.default_rng(20260115).hypergeometric(good, failing, drawn, size=(SAMPLES, len(sizes)))
    outcomes, times = np.unique(samples, axis=0, return_counts=True)
    ends = np.array([sample(sizes, drawn, tuple(outcome)).interval for outcome in outcomes.tolist()])
    return float(times[(ends[:, 0] <= truth) & (truth <= ends[:, 1])].sum() / SAMPLES)


def exact_coverage(sizes: Numbers, drawn: Numbers, rates: Rates) -> float:
    """The probability that the interval holds the store's rate, summed over the samples that occur."""
    good = agreeing(sizes, rates)
    truth = sum(good) / sum(sizes)
    chances = [
        hypergeom.pmf(np.arange(number + 1), size, number_good, number)
        for size, number_good, number in zip(sizes, good, drawn, strict=True)
    ]
    covered = 0.0
    for outcome in product(*(np.flatnonzero(chance > 1e-5).tolist() for chance in chances)):
        lower, upper = sample(sizes, drawn, outcome).interval
        if lower <= truth <= upper:
            covered += float(np.prod([chance[agreed] for chance, agreed in zip(chances, outcome, strict=True)]))
    return covered


SAMPLE, LARGE_RATES = (30, 20, 10), (0.7, 0.99, 0.99)
ANYWHERE = [
    *((LARGE, drawn, LARGE_RATES) for drawn in (SAMPLE, (120, 80, 10), (120, 80, 40), (300, 200, 10))),
    *((LARGE, SAMPLE, rates) for rates in ((0.7, 1.0, 1.0), (0.9, 0.999, 0.999), (1.0, 0.7, 0.93))),
    *(
        (BASELINE, SAMPLE, rates)
        for rates in ((0.8, 0.9, 0.97), (0.5, 0.5, 0.5), (0.6, 0.8, 0.95), (0.98, 0.99, 0.999))
    ),
    *((BASELINE, SAMPLE, rates) for rates in ((0.9, 0.95, 0.7), (1.0, 1.0, 0.99), (0.95, 0.9, 0.98))),
    (EQUAL, SAMPLE, (0.99, 0.97, 0.98)),
    (EQUAL, (5, 5, 5), (0.93, 0.93, 0.95)),
    ((40, 200, 40), SAMPLE, (0.7, 0.9, 0.95)),
    ((30, 200, 200), SAMPLE, (0.6, 0.9, 0.98)),
    ((50, 2000, 50), (30, 60, 10), (0.8, 0.95, 0.98)),
]
MANY_OUTCOMES = [
    (EQUAL, (100, 100, 100), (0.5, 0.6, 0.7)),
    (EQUAL, (100, 100, 100), (0.8, 0.9, 0.95)),
    (EQUAL, (120, 80, 40), (0.7, 0.95, 0.95)),
    (EQUAL, SAMPLE, (0.7, 0.8, 0.9)),
    (LARGE, (120, 80, 10), LARGE_RATES),
    (LARGE, (120, 80, 40), LARGE_RATES),
]
SMALL = [((40, 40, 40), (5, 5, 5)), ((40, 200, 40), (5, 4, 40)), ((60, 20, 60), (2, 20, 9))]
RATES = (0.5, 0.9, 0.975, 1.0) if THOROUGH else (0.5, 0.975)
SUMMED = [(*stratum, rates) for stratum, rates in product(SMALL, product(RATES, repeat=3))]
NEARLY_ALONE = [
    ((30, 20, 3000), (30, 20, 100), (0.6, 0.9, 0.97)),
    ((60, 3000, 60), (30, 60, 10), (0.97, 0.95, 1.0)),
    ((3000, 1000), (8, 8), (0.5, 0.99)),
    ((3000,), (300,), (0.99,)),
    ((3000,), (8,), (0.49,)),
]


@pytest.mark.parametrize(("sizes", "drawn", "rates"), ANYWHERE, ids=str)
def test_the_interval_covers_the_stores_rate(sizes: Numbers, drawn: Numbers, rates: Rates) -> None:
    """In at least 93 of 100 samples, within three standard errors: also near 1, and if all of a stratum agrees."""
    assert drawn_coverage(sizes, drawn, rates) >= 0.93 - tolerance(0.93, SAMPLES)


@pytest.mark.parametrize(("sizes", "drawn", "rates"), MANY_OUTCOMES, ids=str)
def test_the_interval_is_no_wider_than_it_must_be(sizes: Numbers, drawn: Numbers, rates: Rates) -> None:
    """With many different samples, it covers 93 to 97 of 100 of them, within three standard errors."""
    covered = drawn_coverage(sizes, drawn, rates)
    assert 0.93 - tolerance(0.93, SAMPLES) <= covered <= 0.97 + tolerance(0.97, SAMPLES)


@pytest.mark.parametrize(("sizes", "drawn", "rates"), [*SUMMED, *NEARLY_ALONE], ids=str)
def test_small_strata_and_single_ones_are_covered_as_often(sizes: Numbers, drawn: Numbers, rates: Rates) -> None:
    """By the sum over all their samples; with strata drawn whole, and where mid-p alone would cover less than 93 %."""
    assert exact_coverage(sizes, drawn, rates) >= 0.93


def test_strata_that_nearly_always_agree_are_covered_as_promised() -> None:
    """Between 93 and 97 of 100 samples of a large store, though 74 of them show no failure but of low confidence."""
    assert 0.93 <= exact_coverage(LARGE, SAMPLE, LARGE_RATES) <= 0.97


def test_complete_review_has_no_sampling_error() -> None:
    """Its interval is what was not measured: all of it may agree, or none."""
    everything = complete([StratumCount(50, 50, 40), StratumCount(50, 50, 50)])
    assert everything == Estimate(0.9, (0.9, 0.9))
    assert everything.is_exact
    assert complete([StratumCount(50, 40, 32), StratumCount(50, 50, 50)]) == Estimate(0.9, (0.82, 0.92))


def test_complete_review_without_a_stratum_has_no_rate() -> None:
    """Nothing tells how often its records agree."""
    assert complete([StratumCount(50, 50, 40), StratumCount(50, 0, 0)]) is None
