"""Where records go from their stored categories under review."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2

from drift_checks.statistics.flow import DRAWS, confusion, drains, symmetry_p_value
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance

Pair = tuple[str, str]
PAIRS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), max_size=60)


def test_pairs_are_counted_the_most_frequent_first() -> None:
    """Equal counts by name."""
    pairs = [("b", "a"), ("a", "c"), ("a", "b"), ("c", "c"), ("c", "c")]
    assert list(confusion(iter(pairs)).items()) == [
        (("c", "c"), 2),
        (("a", "b"), 1),
        (("a", "c"), 1),
        (("b", "a"), 1),
    ]


def test_no_pairs_flow_nowhere() -> None:
    """Nor do they break symmetry."""
    assert (confusion([]), drains([]), symmetry_p_value([])) == ({}, [], 1.0)


def test_a_drain_has_its_flows_both_ways() -> None:
    """And what is stored under it, agreed or not."""
    pairs = [("a", "b")] * 5 + [("a", "c")] * 3 + [("b", "a")] + [("a", "a")] * 10
    worst = drains(iter(pairs))[0]
    assert (worst.category, worst.out, worst.into, worst.stored) == ("a", 8, 1, 18)


def test_a_category_that_only_reviews_name_is_none_that_loses() -> None:
    """It holds no stored record."""
    gained = drains([("a", "new")] * 4)[1]
    assert (gained.category, gained.out, gained.into, gained.stored, gained.p_value) == ("new", 0, 4, 0, 1.0)


@given(PAIRS)
def test_a_drains_p_value_is_that_of_the_sign_test(pairs: list[Pair]) -> None:
    """One-sided."""
    for drain in drains(pairs):
        right = binomtest(drain.out, drain.out + drain.into, alternative="greater").pvalue
        assert drain.p_value == pytest.approx(right, rel=1e-9)


@given(PAIRS)
def test_only_categories_with_flow_are_listed_the_surest_drain_first(pairs: list[Pair]) -> None:
    """Each once."""
    found = drains(pairs)
    moved = {name for pair in pairs if pair[0] != pair[1] for name in pair}
    assert sorted(drain.category for drain in found) == sorted(moved)
    assert [drain.p_value for drain in found] == sorted(drain.p_value for drain in found)


@given(PAIRS)
def test_what_flows_out_flows_in(pairs: list[Pair]) -> None:
    """As often as records disagree."""
    found = drains(pairs)
    moved = sum(one != other for one, other in pairs)
    assert (sum(drain.out for drain in found), sum(drain.into for drain in found)) == (moved, moved)


@given(PAIRS.flatmap(lambda pairs: st.tuples(st.just(pairs), st.permutations(pairs))))
def test_the_order_of_pairs_makes_no_difference(orders: tuple[list[Pair], list[Pair]]) -> None:
    """To anything."""
    one, other = orders
    assert list(confusion(one).items()) == list(confusion(other).items())
    assert drains(one) == drains(other)
    assert symmetry_p_value(one) == symmetry_p_value(other)


@given(PAIRS)
def test_symmetry_is_the_same_from_both_sides_and_under_other_names(pairs: list[Pair]) -> None:
    """With the same draws."""
    found = symmetry_p_value(pairs)
    assert 1 / (DRAWS + 1) <= found <= 1
    assert symmetry_p_value((other, one) for one, other in pairs) == found
    names = dict(zip("abcd", "dacb", strict=True))
    assert symmetry_p_value((names[one], names[other]) for one, other in pairs) == found


@pytest.mark.parametrize(("one_way", "other_way"), [(1, 0), (3, 0), (5, 1), (9, 2), (4, 4), (12, 6)])
def test_the_symmetry_of_two_categories_is_that_of_the_sign_test(one_way: int, other_way: int) -> None:
    """Two-sided, within what 9,999 draws tell."""
    pairs = [("a", "b")] * one_way + [("b", "a")] * other_way + [("a", "a")] * 7
    right = binomtest(one_way, one_way + other_way).pvalue
    assert symmetry_p_value(pairs) == pytest.approx(right, abs=0.02)


def test_the_symmetry_of_large_counts_is_bowkers() -> None:
    """The chi-squared distribution holds there."""
    counts = {"ab": 230, "ba": 200, "ac": 150, "ca": 170, "bc": 300, "cb": 330}
    statistic = 30**2 / 430 + 20**2 / 320 + 30**2 / 630
    pairs = [(names[0], names[1]) for names, number in counts.items() for _ in range(number)]
    assert symmetry_p_value(pairs) == pytest.approx(chi2.sf(statistic, 3), abs=0.02)


def test_many_categories_that_exchange_one_record_each_break_no_symmetry() -> None:
    """One record cannot go both ways."""
    assert symmetry_p_value([(str(number), str(number + 1)) for number in range(40)]) == 1.0


def test_many_small_flows_one_way_break_symmetry() -> None:
    """None of them would alone."""
    pairs = [(f"from {number}", f"to {number}") for number in range(8) for _ in range(4)]
    assert symmetry_p_value(pairs) == 1 / (DRAWS + 1)


def test_symmetric_tables_are_rejected_no_more_often_than_promised() -> None:
    """With sparse flows, at most at 5 %, within three standard errors."""
    generator, runs = np.random.default_rng(20260115), repetitions(150, 1000)
    names = [(one, other) for one in "abcd" for other in "abcd" if one != other]
    rejected = 0
    for _ in range(runs):
        counts = generator.poisson(2.0, len(names))
        pairs = [pair for pair, number in zip(names, counts, strict=True) for _ in range(number)]
        rejected += symmetry_p_value(pairs) <= 0.05
    assert rejected / runs <= 0.05 + tolerance(0.05, runs)
