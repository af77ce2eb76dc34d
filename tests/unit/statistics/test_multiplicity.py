"""Adjustment of p-values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.statistics.multiplicity import holm, holm_by_group
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance

PROBABILITIES = st.floats(0, 1)
MANY = st.lists(PROBABILITIES, max_size=12)
GROUPS = st.dictionaries(st.sampled_from("abcdefgh"), st.lists(PROBABILITIES, max_size=5))


def test_a_worked_example() -> None:
    """Four tests: 4 x 0.005, 3 x 0.01, 2 x 0.03, and 0.04 raised to its forerunner's 0.06."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_no_tests_have_no_p_values() -> None:
    """Nor is anything raised."""
    assert holm([]) == []


@given(MANY)
def test_an_adjusted_p_value_is_no_smaller_and_at_most_1(p_values: list[float]) -> None:
    """For each test."""
    adjusted = holm(p_values)
    assert len(adjusted) == len(p_values)
    assert all(own <= found <= 1 for own, found in zip(p_values, adjusted, strict=True))


@given(MANY)
def test_adjustment_keeps_the_order(p_values: list[float]) -> None:
    """Of any two tests, the one of the smaller p-value keeps it; equal ones stay equal."""
    adjusted = holm(p_values)
    for one, found_one in zip(p_values, adjusted, strict=True):
        for other, found_other in zip(p_values, adjusted, strict=True):
            assert one > other or found_one <= found_other


@given(st.lists(PROBABILITIES, min_size=1, max_size=12))
def test_the_smallest_is_bonferronis_and_none_is_larger_than_that(p_values: list[float]) -> None:
    """Holm's procedure is as strict as Bonferroni's for the first test, and at most as strict for the others."""
    adjusted = holm(p_values)
    bonferroni = [min(1.0, len(p_values) * value) for value in p_values]
    assert min(adjusted) == min(bonferroni)
    assert all(found <= bound for found, bound in zip(adjusted, bonferroni, strict=True))


@given(MANY)
def test_one_group_is_holms(p_values: list[float]) -> None:
    """There is nothing else to adjust for."""
    assert holm_by_group({"only": p_values}) == {"only": holm(p_values)}


@given(st.lists(PROBABILITIES, max_size=8))
def test_groups_of_one_test_are_holms(p_values: list[float]) -> None:
    """Each test is its group's."""
    found = holm_by_group({str(place): [value] for place, value in enumerate(p_values)})
    assert [value for [value] in found.values()] == pytest.approx(holm(p_values))


@given(GROUPS)
def test_a_groups_smallest_p_value_is_its_own_adjusted_across_groups(groups: dict[str, list[float]]) -> None:
    """So a group is rejected exactly where its global test is."""
    tested = {name: min(holm(p_values)) for name, p_values in groups.items() if p_values}
    across = dict(zip(tested, holm(list(tested.values())), strict=True))
    found = holm_by_group(groups)
    assert {name: min(found[name]) for name in tested} == pytest.approx(across)


@given(GROUPS)
def test_groups_raise_p_values_by_at_most_their_number(groups: dict[str, list[float]]) -> None:
    """From those of Holm within the group, and to 1 at most."""
    tested = sum(1 for p_values in groups.values() if p_values)
    for name, adjusted in holm_by_group(groups).items():
        for own, found in zip(holm(groups[name]), adjusted, strict=True):
            assert own * (1 - 1e-12) <= found <= min(1.0, own * tested * (1 + 1e-12) + 1e-300)


@given(GROUPS)
def test_a_group_without_tests_counts_for_nothing(groups: dict[str, list[float]]) -> None:
    """Nor is it lost."""
    assert holm_by_group({**groups, "empty": []}) == {**holm_by_group(groups), "empty": []}


def test_a_p_value_of_0_leaves_the_factor_of_all_groups_to_its_group() -> None:
    """As the smallest p-value above 0 would."""
    found = holm_by_group({"certain": [0.0, 0.01], "other": [0.5]})
    assert found == {"certain": [0.0, 0.02], "other": [0.5]}


def test_a_group_that_repeats_a_test_costs_the_others_no_more_than_one_test() -> None:
    """Groups are weighed alike, however many tests they have."""
    few = holm_by_group({"one": [0.01], "other": [0.5]})
    many = holm_by_group({"one": [0.01], "other": [0.5] * 100})
    assert few["one"] == many["one"] == pytest.approx([0.02])


@pytest.mark.parametrize("effects", [(), ("a",), ("a", "b")], ids=str)
def test_a_group_without_an_effect_is_rarely_rejected(effects: tuple[str, ...]) -> None:
    """At 0.05 within three standard errors, whatever the other groups hold."""
    generator, runs = np.random.default_rng(20260115), repetitions(1000, 5000)
    sizes = {"a": 1, "b": 3, "c": 8, "d": 40}
    wrong = 0
    for _ in range(runs):
        drawn = {name: generator.uniform(size=size) * (1e-4 if name in effects else 1) for name, size in sizes.items()}
        found = holm_by_group({name: list(values) for name, values in drawn.items()})
        wrong += min(min(found[name]) for name in sizes if name not in effects) <= 0.05
    assert wrong / runs == pytest.approx(0.05, abs=tolerance(0.05, runs))
