"""Comparison of two windows by category."""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, fisher_exact

from drift_checks.statistics.categories import (
    homogeneity_p_value,
    jensen_shannon_distance,
    population_stability_index,
    share_p_values,
)
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance

Windows = tuple[list[int], list[int]]
Distance = Callable[[list[int], list[int]], float]

DISTANCES = pytest.mark.parametrize("distance", [population_stability_index, jensen_shannon_distance])


def windows(largest: int = 40) -> st.SearchStrategy[Windows]:
    """Counts of two windows, of the same categories, possibly none."""
    pairs = st.lists(st.tuples(st.integers(0, largest), st.integers(0, largest)), max_size=8)
    return pairs.map(lambda rows: ([one for one, _ in rows], [other for _, other in rows]))


def test_the_stability_index_is_its_definition() -> None:
    """Sum of (q - p) ln(q / p), where each cell has half a record more."""
    p = [(count + 0.5) / 101.5 for count in (60, 40, 0)]
    q = [(count + 0.5) / 21.5 for count in (5, 10, 5)]
    right = sum((recent - old) * log(recent / old) for old, recent in zip(p, q, strict=True))
    assert population_stability_index([60, 40, 0], [5, 10, 5]) == pytest.approx(right)


def test_the_distance_is_the_root_of_the_mean_divergence_from_the_middle() -> None:
    """In bits."""
    p, q, middle = (0.5, 0.5, 0.0), (0.25, 0.25, 0.5), (0.375, 0.375, 0.25)
    to_middle = [sum(own * log(own / mid, 2) for own, mid in zip(mix, middle, strict=True) if own) for mix in (p, q)]
    assert jensen_shannon_distance([30, 30, 0], [5, 5, 10]) == pytest.approx(sqrt(sum(to_middle) / 2))
    assert jensen_shannon_distance([7, 3, 0, 0], [0, 0, 1, 5]) == pytest.approx(1)


@DISTANCES
@given(counts=windows())
def test_distances_are_symmetric_and_not_negative(distance: Distance, counts: Windows) -> None:
    """Whichever window is the reference."""
    reference, recent = counts
    found = distance(reference, recent)
    assert found >= 0
    assert found == pytest.approx(distance(recent, reference), abs=1e-12)


@given(windows(10**6))
def test_the_distance_is_at_most_1(counts: Windows) -> None:
    """Rounding takes it no further."""
    assert jensen_shannon_distance(*counts) <= 1


@DISTANCES
@given(counts=st.lists(st.integers(0, 10**6), max_size=9))
def test_equal_windows_have_no_distance(distance: Distance, counts: list[int]) -> None:
    """Nor a NaN for one."""
    assert distance(counts, counts) == pytest.approx(0, abs=1e-7)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=9), st.integers(2, 99))
def test_the_same_mix_in_windows_of_different_size_has_no_distance(counts: list[int], times: int) -> None:
    """Rounding does not make a NaN of it."""
    assert jensen_shannon_distance(counts, [times * count for count in counts]) == pytest.approx(0, abs=1e-7)


@given(windows())
def test_categories_that_no_record_has_change_nothing(counts: Windows) -> None:
    """However many a taxonomy names."""
    reference, recent = counts
    wide = ([*reference, 0, 0, 0], [*recent, 0, 0, 0])
    assert population_stability_index(*wide) == pytest.approx(population_stability_index(reference, recent))
    assert jensen_shannon_distance(*wide) == pytest.approx(jensen_shannon_distance(reference, recent))
    assert share_p_values(*wide) == [*share_p_values(reference, recent), 1, 1, 1]


@pytest.mark.parametrize("counts", [([], []), ([0, 0], [3, 4]), ([3, 4], [0, 0]), ([0], [0])], ids=str)
def test_an_empty_window_differs_from_nothing(counts: Windows) -> None:
    """There is no evidence in it."""
    assert population_stability_index(*counts) == 0
    assert jensen_shannon_distance(*counts) == 0
    assert homogeneity_p_value(*counts) == 1
    assert share_p_values(*counts) == [1] * len(counts[0])


@pytest.mark.parametrize(
    "function", [population_stability_index, jensen_shannon_distance, homogeneity_p_value, share_p_values]
)
def test_windows_of_different_categories_are_refused(function: Callable[[list[int], list[int]], object]) -> None:
    """They cannot be in the same order."""
    with pytest.raises(ValueError, match="2 reference categories but 3 recent"):
        function([1, 2], [1, 2, 3])


def test_with_many_records_homogeneity_is_pearsons_test() -> None:
    """Categories that no record has add no degrees of freedom; with one category, there is nothing to test."""
    assert homogeneity_p_value([0, 40, 0], [0, 3, 0]) == 1
    right = chi2_contingency([[300, 500, 200], [45, 35, 20]]).pvalue
    assert homogeneity_p_value([300, 500, 0, 200], [45, 35, 0, 20]) == pytest.approx(right)


def test_with_few_records_homogeneity_is_the_exact_test() -> None:
    """Against Fisher's, whose tables are ordered as chi-square's where both windows are of one size."""
    right = fisher_exact([[8, 2], [3, 7]]).pvalue
    assert homogeneity_p_value([8, 2], [3, 7]) == pytest.approx(right, abs=0.01)


@given(windows(8), st.integers())
def test_homogeneity_does_not_depend_on_which_window_is_recent(counts: Windows, seed: int) -> None:
    """Except for the draws, whose standard error is at most 0.005; and it is a probability above 0."""
    one, other = homogeneity_p_value(*counts, seed=seed), homogeneity_p_value(*counts[::-1], seed=seed)
    assert 0 < one <= 1
    assert one == pytest.approx(other, abs=0.04)


@pytest.mark.parametrize("counts", [([9, 0, 40], [0, 30, 1]), ([10**6, 0], [0, 10**6]), ([10**9, 9], [1, 10**9])])
def test_homogeneity_is_never_0(counts: Windows) -> None:
    """However sure it is."""
    assert 0 < homogeneity_p_value(*counts) <= 1e-4


def test_homogeneity_is_the_same_for_the_same_seed() -> None:
    """And another for another."""
    found = [homogeneity_p_value([5, 3, 1, 0], [2, 2, 2, 2], seed) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_homogeneity_of_sparse_windows_rejects_at_its_level() -> None:
    """77 categories, 50 records and 150: at 0.05 within three standard errors if nothing differs."""
    generator, number = np.random.default_rng(20260115), repetitions(60, 600)
    shares = generator.dirichlet(np.full(77, 0.5))
    rejected = 0
    for run in range(number):
        reference, recent = generator.multinomial(150, shares), generator.multinomial(50, shares)
        rejected += homogeneity_p_value(reference.tolist(), recent.tolist(), seed=run) <= 0.05
    assert rejected / number == pytest.approx(0.05, abs=tolerance(0.05, number))


def test_homogeneity_of_a_large_sparse_store_is_quick() -> None:
    """77 categories and 20,000 records within a second."""
    shares = np.random.default_rng(0).dirichlet(np.full(77, 0.3))
    reference, recent = (np.random.default_rng(1).multinomial(size, shares).tolist() for size in (18_000, 2_000))
    begun = process_time()
    homogeneity_p_value(reference, recent)
    assert process_time() - begun < 1


@given(windows())
def test_the_p_value_of_a_share_is_twice_fishers_smaller_tail(counts: Windows) -> None:
    """As scipy has it, for each category against all others; at most 1."""
    reference, recent = counts
    for place, found in enumerate(share_p_values(reference, recent)):
        table = [
            [reference[place], sum(reference) - reference[place]],
            [recent[place], sum(recent) - recent[place]],
        ]
        tails = [fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]
        assert found == pytest.approx(min(1.0, 2 * min(tails)), abs=1e-9)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_test_of_a_share_is_conservative(share: float) -> None:
    """It rejects at 0.05 in no more of the runs where nothing differs, except for chance."""
    generator = np.random.default_rng(20260115)
    reference, recent = (generator.binomial(size, share, size=2000).tolist() for size in (200, 60))
    rejected = sum(
        share_p_values([one, 200 - one], [other, 60 - other])[0] <= 0.05
        for one, other in zip(reference, recent, strict=True)
    )
    assert rejected / 2000 <= 0.06


def test_only_the_share_that_moved_is_found() -> None:
    """Among a hundred, after Bonferroni."""
    reference, recent = [1000] * 100, [100] * 100
    recent[42] = 200
    found = share_p_values(reference, recent)
    assert [place for place, value in enumerate(found) if value < 0.05 / 100] == [42]


def test_shares_of_millions_are_tested_quickly() -> None:
    """200 categories within a second, and as the normal distribution has it."""
    shares = np.full(200, 1 / 200)
    reference, recent = (np.random.default_rng(1).multinomial(size, shares).tolist() for size in (3_000_000, 1_000_000))
    begun = process_time()
    found = share_p_values(reference, recent)
    assert process_time() - begun < 1
    table = [[reference[0], 3_000_000 - reference[0]], [recent[0], 1_000_000 - recent[0]]]
    assert found[0] == pytest.approx(chi2_contingency(table, correction=True).pvalue, abs=0.01)


def test_shares_of_a_hundred_million_are_tested() -> None:
    """A share of 50 % against 50.1 % and against itself."""
    half, more = 5 * 10**7, 10**5
    assert max(share_p_values([half, half], [half + more, half - more])) < 1e-5
    assert min(share_p_values([half, half], [half, half])) > 0.9
