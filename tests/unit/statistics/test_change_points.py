"""Nights since which a rate is different."""

from __future__ import annotations

from math import log

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import xlogy

from drift_checks.statistics.change_points import change_points
from drift_checks.statistics.control_chart import RunRate
from tests.support.thorough import repetitions

NIGHTS = st.lists(
    st.integers(1, 60).flatmap(lambda reviewed: st.builds(RunRate, st.integers(0, reviewed), st.just(reviewed))),
    max_size=30,
)


def drawn(seed: int, rates: npt.ArrayLike, reviewed: int) -> list[RunRate]:
    """Return nights that review so many records each, of which each agrees with the night's probability."""
    agreed = np.random.default_rng(seed).binomial(reviewed, np.clip(rates, 0, 1))
    return [RunRate(int(number), reviewed) for number in agreed]


def steps(*parts: tuple[int, float]) -> list[float]:
    """Return rates that stay for a number of nights each."""
    return [rate for nights, rate in parts for _ in range(nights)]


@pytest.mark.parametrize(("nights", "reviewed", "rate"), [(30, 20, 0.85), (100, 60, 0.95), (100, 200, 0.99)])
@pytest.mark.parametrize("spread", [0.0, 0.02])
def test_stable_history_has_no_change(nights: int, reviewed: int, rate: float, spread: float) -> None:
    """In at least 95 % of histories, also if each night's rate varies a little around the usual one."""
    tries = repetitions(15, 1000)
    found = 0
    for seed in range(tries):
        rates = rate + spread * np.random.default_rng(seed + tries).standard_normal(nights)
        found += bool(change_points(drawn(seed, rates, reviewed)))
    assert found <= max(1, 0.05 * tries)


@pytest.mark.parametrize(
    ("drop", "reviewed", "least_power", "most_error"), [(0.05, 200, 0.9, 1.5), (0.1, 50, 0.9, 1.5), (0.2, 50, 1, 0.3)]
)
def test_drop_is_found_near_its_night(drop: float, reviewed: int, least_power: float, most_error: float) -> None:
    """The night itself is in the interval in 95 % of histories."""
    tries = repetitions(15, 1000)
    found = [
        (point, change_points(drawn(seed, steps((40, 0.93), (20, 0.93 - drop)), reviewed)))
        for point, seed in enumerate(range(tries))
    ]
    nearest = [min(points, key=lambda point: abs(point.night - 40)) for _, points in found if points]
    assert len(nearest) >= least_power * tries
    assert np.mean([abs(point.night - 40) for point in nearest]) <= most_error
    assert np.mean([point.interval[0] <= 40 <= point.interval[1] for point in nearest]) >= 0.93


def test_each_change_of_several_has_its_own_rates() -> None:
    """Agreement fell, fell further and recovered."""
    nights = [RunRate(round(rate * 100), 100) for rate in steps((20, 0.95), (15, 0.8), (15, 0.6), (20, 0.95))]
    found = change_points(nights)
    assert [(point.night, point.interval, point.before, point.after) for point in found] == [
        (20, (20, 20), 0.95, 0.8),
        (35, (35, 35), 0.8, 0.6),
        (50, (50, 50), 0.6, 0.95),
    ]


def test_decline_in_small_steps_is_one_change() -> None:
    """Steps below the least difference are joined until what is left matters."""
    nights = [RunRate(round(rate * 1000), 1000) for rate in np.linspace(0.95, 0.85, 60)]
    found = change_points(nights, least_difference=0.03)
    assert found
    assert all(point.before - point.after >= 0.03 for point in found)


def test_change_that_does_not_matter_is_left_out() -> None:
    """One point in a hundred, in many nights with many records."""
    nights = [RunRate(agreed, 1000) for agreed in [950] * 40 + [940] * 40]
    assert change_points(nights) == []
    assert [point.night for point in change_points(nights, least_difference=0.005)] == [40]


def test_one_odd_night_is_no_change() -> None:
    """However low: it could be any night."""
    nights = [RunRate(48, 50)] * 20 + [RunRate(20, 50)] + [RunRate(48, 50)] * 20
    assert change_points(nights) == []


@given(NIGHTS)
def test_changes_are_the_same_each_time(nights: list[RunRate]) -> None:
    """And what they say of the nights is true."""
    found = change_points(nights, level=0.2)
    assert found == change_points(nights, level=0.2)
    bounds = [0, *(point.night for point in found), len(nights)]
    for first, end, point in zip(bounds[1:], bounds[2:], found, strict=False):
        part = nights[first:end]
        rate = sum(night.agreed for night in part) / sum(night.reviewed for night in part)
        assert point.after == pytest.approx(rate)
        assert abs(point.after - point.before) >= 0.03
        assert 0 < point.p_value <= 0.2
        assert point.interval[0] <= point.night <= point.interval[1]


def test_night_is_the_one_with_the_highest_likelihood() -> None:
    """As computed directly, and the interval holds those within 7.35 of twice its logarithm."""
    nights = drawn(11, steps((20, 0.9), (20, 0.75)), 50)
    (point,) = change_points(nights)

    def likelihood(part: list[RunRate]) -> float:
        agreed, reviewed = sum(night.agreed for night in part), sum(night.reviewed for night in part)
        return float(xlogy(agreed, agreed) + xlogy(reviewed - agreed, reviewed - agreed) - reviewed * log(reviewed))

    twice = {place: 2 * (likelihood(nights[:place]) + likelihood(nights[place:])) for place in range(1, 40)}
    assert point.night == max(twice, key=twice.__getitem__)
    # These nights vary less than a binomial.
    likely = [place for place, value in twice.items() if value >= max(twice.values()) - 7.35]
    assert point.interval == (min(likely), max(likely))
