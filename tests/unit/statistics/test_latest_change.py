"""Since which night the agreement has been what it is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from drift_checks.statistics.control_chart import RunRate
from drift_checks.statistics.latest_change import distances, latest_change
from tests.support.thorough import repetitions


def nights(*agreed: int) -> list[dict[str, RunRate]]:
    """Return nights of 60 reviewed records in two strata."""
    return [{"low": RunRate(number // 2, 30), "old": RunRate(number - number // 2, 30)} for number in agreed]


@pytest.mark.parametrize(
    ("agreed", "first"),
    [
        ((), 0),
        ((50,), 0),
        ((56, 55, 57, 56), 0),
        ((56, 55, 57, 30), 3),
        ((56, 30), 1),
        ((30, 31, 55, 57), 2),
        # Each change counts, and only since the last.
        ((56, 57, 30, 31, 56, 57), 4),
    ],
)
def test_the_first_night_since_the_latest_change_is_found(agreed: tuple[int, ...], first: int) -> None:
    """A single night suffices if it is clearly different."""
    assert latest_change(nights(*agreed), {}) == first


def test_another_mix_of_strata_is_no_change() -> None:
    """Each stratum is compared with itself."""
    mixed = [{"low": RunRate(15, 30), "old": RunRate(9, 10)}, {"low": RunRate(2, 4), "old": RunRate(90, 100)}]
    assert latest_change(mixed, {"low": 100, "old": 100}) == 0


def test_a_change_in_few_records_that_stand_for_most_of_the_store_is_found() -> None:
    """As of the baseline, of which a night draws few."""
    before, after = [{"low": RunRate(54, 60), "baseline": RunRate(number, 10)} for number in (9, 4)]
    history = [*[before] * 4, *[after] * 3]
    assert latest_change(history, {"low": 100, "baseline": 300}) == 4
    assert latest_change(history, {"low": 300, "baseline": 10}) == 0


@pytest.mark.parametrize("sizes", [{}, {"low": 100, "baseline": 900}])
def test_nights_that_are_alike_seldom_differ(sizes: dict[str, int]) -> None:
    """In one of a hundred histories at most."""
    draws = np.random.default_rng(5)
    drawn = {"low": 50, "baseline": 10}
    found = [
        latest_change(
            [
                {name: RunRate(int(draws.binomial(number, 0.9)), number) for name, number in drawn.items()}
                for _ in range(20)
            ],
            sizes,
        )
        > 0
        for _ in range(repetitions(60, 2000))
    ]
    assert np.mean(found) <= 0.02


def test_in_one_stratum_the_distance_is_that_of_the_chi_square_test() -> None:
    """But for the factor by which a hypergeometric variance is larger."""
    agreed, reviewed = np.array([[50.0], [28.0]]), np.array([[60.0], [70.0]])
    expected = chi2_contingency([[50, 10], [28, 42]], correction=True).statistic * 129 / 130
    assert distances(agreed, reviewed) ** 2 == pytest.approx([expected])
