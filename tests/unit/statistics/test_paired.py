"""A value that is stored against the same value under review."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test, ttest_rel

from drift_checks.statistics.paired import DRAWS, Change, compare_pairs
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance

PAIRS = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=2, max_size=40)


def compared(pairs: Sequence[tuple[float, float]]) -> Change:
    """The change of pairs that can be compared."""
    found = compare_pairs([before for before, _ in pairs], [after for _, after in pairs])
    assert found is not None
    return found


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=10))
def test_of_few_pairs_every_change_of_signs_is_counted(pairs: list[tuple[int, int]]) -> None:
    """As scipy does."""
    differences = np.array([after - before for before, after in pairs])
    right = permutation_test(
        (differences,), np.sum, permutation_type="samples", alternative="less", n_resamples=inf, vectorized=False
    )
    assert compared(pairs).p_value == pytest.approx(right.pvalue, rel=1e-9)


def test_of_many_pairs_the_p_value_is_near_that_of_the_t_test() -> None:
    """With differences that are normal."""
    generator = np.random.default_rng(20260115)
    before = generator.normal(0.8, 0.1, 200)
    after = before + generator.normal(-0.01, 0.1, 200)
    found = compared(list(zip(before, after, strict=True)))
    assert found.p_value == pytest.approx(ttest_rel(after, before, alternative="less").pvalue, abs=0.01)


def test_the_interval_is_that_of_the_t_test() -> None:
    """Reviewed minus stored."""
    before, after = [0.9, 0.8, 0.95, 0.7, 0.6], [0.7, 0.85, 0.9, 0.5, 0.55]
    found = compare_pairs(before, after)
    theirs = ttest_rel(after, before).confidence_interval()
    assert found is not None
    assert found.interval == pytest.approx((theirs.low, theirs.high))
    assert found.mean == pytest.approx(-0.09)


@given(PAIRS)
def test_the_mean_lies_in_its_interval_and_the_p_value_above_0(pairs: list[tuple[int, int]]) -> None:
    """At most 1."""
    found = compared(pairs)
    assert found.number == len(pairs)
    assert found.interval[0] <= found.mean <= found.interval[1]
    assert 1 / (DRAWS + 1) <= found.p_value <= 1


@given(PAIRS)
def test_exchanging_stored_and_reviewed_turns_the_change_round(pairs: list[tuple[int, int]]) -> None:
    """And one of both ways is at least as likely as not."""
    one, other = compared(pairs), compared([(after, before) for before, after in pairs])
    assert (one.mean, *one.interval) == pytest.approx((-other.mean, -other.interval[1], -other.interval[0]))
    assert one.p_value + other.p_value >= 0.97


@given(PAIRS, st.integers(0, 39))
def test_pairs_that_do_not_differ_leave_the_p_value_alone(pairs: list[tuple[int, int]], more: int) -> None:
    """Their sign says nothing."""
    assert compared([*pairs, *[(3, 3)] * more]).p_value == compared(pairs).p_value


@given(PAIRS.flatmap(lambda pairs: st.tuples(st.just(pairs), st.permutations(pairs))))
def test_the_order_of_pairs_makes_no_difference(orders: tuple[list[tuple[int, int]], ...]) -> None:
    """To the p-value."""
    assert compared(orders[0]).p_value == compared(orders[1]).p_value


def test_pairs_that_all_differ_by_the_same_have_an_interval_without_width() -> None:
    """The p-value is that of the signs; without a difference, there is no fall."""
    assert compare_pairs([0.5, 0.7, 0.9], [0.5, 0.7, 0.9]) == Change(0.0, (0.0, 0.0), 1.0, 3)
    assert compare_pairs([5, 6, 7, 8], [3, 4, 5, 6]) == Change(-2.0, (-2.0, -2.0), 1 / 16, 4)


@pytest.mark.parametrize("number", [2, 14, 15, 40])
def test_a_fall_in_every_pair_is_found_as_far_as_signs_can_tell(number: int) -> None:
    """Equal sizes or not."""
    found = compared([(1.0, 0.5 - 0.01 * place) for place in range(number)])
    assert found.p_value == pytest.approx(0.5**number, abs=2 / DRAWS)


def test_a_rise_is_no_fall() -> None:
    """However sure."""
    assert compared([(0.5, 0.7 + 0.01 * place) for place in range(30)]).p_value == 1


@pytest.mark.parametrize("number", [10, 30])
def test_values_that_did_not_change_are_found_fallen_no_more_often_than_promised(number: int) -> None:
    """At most at 5 %, within three standard errors, whether all signs are counted or drawn."""
    generator, runs = np.random.default_rng(20260115), repetitions(60, 500)
    fallen = sum(
        compared([(0.0, difference) for difference in generator.standard_t(3, number)]).p_value <= 0.05
        for _ in range(runs)
    )
    assert fallen / runs <= 0.05 + tolerance(0.05, runs)


@pytest.mark.parametrize("number", [0, 1])
def test_below_two_pairs_there_is_no_change(number: int) -> None:
    """One has no spread."""
    assert compare_pairs([0.5] * number, [0.4] * number) is None


def test_pairs_that_are_not_finite_are_skipped() -> None:
    """Of either side."""
    assert compare_pairs([0.5, nan, 0.7, 0.8], [0.4, 0.5, inf, 0.6]) == compare_pairs([0.5, 0.8], [0.4, 0.6])


def test_sequences_of_different_lengths_are_refused() -> None:
    """They are no pairs."""
    with pytest.raises(ValueError, match="2 stored values for 1 reviewed ones"):
        compare_pairs([1, 2], [1])
