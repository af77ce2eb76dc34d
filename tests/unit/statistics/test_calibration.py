"""Stored confidence against agreement."""

from __future__ import annotations

from itertools import product
from math import nan, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.statistics.calibration import DRAWS, Calibration, calibrate
from drift_checks.statistics.intervals import wilson
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance

REVIEWS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def calibrated(reviews: list[tuple[float, bool]], bins: int = 10) -> Calibration:
    """The calibration of records that are there."""
    found = calibrate([confidence for confidence, _ in reviews], [agreed for _, agreed in reviews], bins)
    assert found is not None
    return found


def test_a_bin_has_its_records_means_and_interval() -> None:
    """Empty bins are omitted."""
    found = calibrated([(0.82, True), (0.88, False), (0.84, True), (0.15, False)])
    low, high = found.bins
    assert (low.lower, low.upper, low.number, low.confidence, low.agreement) == (0.1, 0.2, 1, 0.15, 0.0)
    assert (high.lower, high.upper, high.number) == (0.8, 0.9, 3)
    assert [high.confidence, high.agreement] == pytest.approx([2.54 / 3, 2 / 3])
    assert high.interval == wilson(2, 3)


@pytest.mark.parametrize("tenth", range(11))
def test_a_confidence_on_an_edge_is_in_the_bin_that_begins_there(tenth: int) -> None:
    """But 1 in the last."""
    assert calibrated([(tenth / 10, True)]).bins[0].lower == min(tenth, 9) / 10


def test_the_errors_are_weighted_by_the_bins_records() -> None:
    """Overconfidence counts the first bin alone."""
    found = calibrated([(0.95, True), (0.95, False), (0.95, False), (0.3, True)])
    assert found.expected_error == pytest.approx((3 * (0.95 - 1 / 3) + 0.7) / 4)
    assert found.overconfidence == pytest.approx(3 * (0.95 - 1 / 3) / 4)


@given(REVIEWS, st.integers(1, 20))
def test_every_number_lies_within_bounds(reviews: list[tuple[float, bool]], bins: int) -> None:
    """Whatever was reviewed."""
    found = calibrated(reviews, bins)
    assert sum(part.number for part in found.bins) == len(reviews)
    assert all(part.lower - 1e-9 <= part.confidence <= part.upper + 1e-9 for part in found.bins)
    assert 0 <= found.overconfidence <= found.expected_error + 1e-12
    assert found.expected_error <= 1 + 1e-12
    assert 1 / (DRAWS + 1) <= found.p_value <= 1


@given(REVIEWS, st.integers(0, 39))
def test_one_more_agreement_is_never_more_overconfident(reviews: list[tuple[float, bool]], which: int) -> None:
    """Nor surer to be."""
    place = which % len(reviews)
    better = [*reviews]
    better[place] = (reviews[place][0], True)
    before, after = calibrated(reviews), calibrated(better)
    assert after.overconfidence <= before.overconfidence + 1e-12
    assert after.p_value >= before.p_value


@given(REVIEWS.flatmap(lambda reviews: st.tuples(st.just(reviews), st.permutations(reviews))))
def test_the_order_of_records_makes_no_difference(orders: tuple[list[tuple[float, bool]], ...]) -> None:
    """Except for rounding."""
    one, other = calibrated(orders[0]), calibrated(orders[1])
    assert one.p_value == other.p_value
    assert one.expected_error == pytest.approx(other.expected_error, abs=1e-12)


def test_the_p_value_is_that_of_every_outcome_by_its_chance() -> None:
    """Within what 9,999 draws tell."""
    confidences = np.array([0.6, 0.65, 0.65, 0.8, 0.92, 0.97])
    agreed = np.array([False, True, False, True, False, True])
    groups = [[0, 1, 2], [3], [4, 5]]

    def excess(outcome: np.ndarray) -> float:
        return float(sum(max(0, (confidences[group] - outcome[group]).sum()) for group in groups))

    right = sum(
        prod(np.where(outcome, confidences, 1 - confidences))
        for outcome in map(np.array, product([False, True], repeat=6))
        if excess(outcome) >= excess(agreed) - 1e-9
    )
    found = calibrated(list(zip(confidences.tolist(), agreed.tolist(), strict=True)))
    assert found.p_value == pytest.approx(right, abs=0.015)


def test_an_underconfident_store_is_not_called_overconfident() -> None:
    """Not even where a bin is short of an agreement."""
    found = calibrated([(0.5, True)] * 45 + [(0.5, False)] * 5 + [(0.75, True)] * 48 + [(0.75, False)] * 2)
    assert found.expected_error > 0.3
    assert found.p_value > 0.95


def test_an_overconfident_store_is_found() -> None:
    """At 0.95 it agrees in 70 of 100; at 1, one disagreement is proof."""
    assert calibrated([(0.95, True)] * 35 + [(0.95, False)] * 15).p_value == 1 / (DRAWS + 1)
    assert calibrated([(1.0, True)] * 50).p_value == 1
    assert calibrated([(1.0, True)] * 49 + [(1.0, False)]).p_value == 1 / (DRAWS + 1)


def test_a_calibrated_store_is_accused_no_more_often_than_promised() -> None:
    """At most in 5 % of the stores, within three standard errors, with as many confidences as records."""
    generator, number = np.random.default_rng(20260115), repetitions(60, 600)
    accused = 0
    for _ in range(number):
        confidences = generator.beta(6, 1.5, 40).round(2)
        agreed = generator.random(40) < confidences
        accused += calibrated(list(zip(confidences.tolist(), agreed.tolist(), strict=True))).p_value <= 0.05
    assert accused / number <= 0.05 + tolerance(0.05, number)


def test_a_confidence_that_is_no_number_from_0_to_1_is_skipped() -> None:
    """It claims no probability."""
    assert calibrate([0.8, nan, 1.2, -0.1], [True, False, False, False]) == calibrate([0.8], [True])


@pytest.mark.parametrize("confidences", [[], [nan]], ids=["no records", "no confidence"])
def test_without_records_there_is_no_calibration(confidences: list[float]) -> None:
    """Not an error of 0."""
    assert calibrate(confidences, [True] * len(confidences)) is None


def test_arguments_that_do_not_fit_are_refused() -> None:
    """Sequences of different lengths, and no bins."""
    with pytest.raises(ValueError, match="2 confidences for 1 agreements"):
        calibrate([0.5, 0.6], [True])
    with pytest.raises(ValueError, match="0 bins"):
        calibrate([0.5], [True], bins=0)
