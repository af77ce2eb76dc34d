"""What two slices of a sample share, against the rest."""

from __future__ import annotations

from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.statistics.slice_pairs import PairSearch, search_pairs
from drift_checks.statistics.slices import SliceCount, compare_slice
from tests.support.thorough import repetitions

Integers = npt.NDArray[np.int64]
SIZES = (6, 2, 2, 3, 5, 3)


def values(random: np.random.Generator, records: int) -> Integers:
    """Return the number of each record's slice in six dimensions, like those of a store."""
    first = np.cumsum([0, *SIZES[:-1]])
    found: Integers = np.stack([random.integers(0, size, records) for size in SIZES], axis=1) + first
    return found


def searched(slices: Integers, rates: npt.NDArray[np.float64], random: np.random.Generator) -> PairSearch:
    """Return what is found in records of two strata that agree with these probabilities."""
    agreed = (random.random(len(slices)) < rates).astype(np.int64)
    return search_pairs(slices, random.integers(0, 2, len(slices)), agreed, 8, 0.2)


def test_weak_pair_is_found_though_either_slice_looks_better() -> None:
    """The records of category 0 and model 7 agree to 40 %, all others to 93 %."""
    tries = repetitions(40, 400)
    found = 0
    for seed in range(tries):
        random = np.random.default_rng(seed)
        slices = values(random, 300)
        rates = np.where((slices[:, 0] == 0) & (slices[:, 1] == 7), 0.4, 0.93)
        weakest = searched(slices, rates, random).weakest
        found += weakest is not None and weakest.p_value <= 0.01 and weakest.slices == (0, 7)
    assert found >= 0.85 * tries


@pytest.mark.parametrize("records", [60, 210])
def test_sound_sample_has_no_weak_pair(records: int) -> None:
    """At the level of the adjusted p-value, over all pairs."""
    tries = repetitions(60, 2000)
    found = 0
    for seed in range(tries):
        random = np.random.default_rng(seed)
        weakest = searched(values(random, records), np.full(records, 0.93), random).weakest
        found += weakest is not None and weakest.p_value <= 0.01
    assert found <= max(1, 0.02 * tries)


def test_weak_slice_is_not_named_again_with_each_other_slice() -> None:
    """What it shares with others agrees as little as the rest of it."""
    tries = repetitions(50, 500)
    named = 0
    for seed in range(tries):
        random = np.random.default_rng(seed)
        slices = values(random, 300)
        weakest = searched(slices, np.where(slices[:, 0] == 0, 0.4, 0.93), random).weakest
        named += weakest is not None and weakest.p_value <= 0.01
    assert named <= 0.04 * tries


def test_figures_are_those_of_the_single_comparison() -> None:
    """Adjusted for the pairs that could be compared: those of two slices that share 8 records and not all of either."""
    # Slices 0 and 1, 2 and 3; each pair has 10 records, of which those of 1 and 3 disagree.
    slices = np.array([[first, second] for first in (0, 1) for second in (2, 3) for _ in range(10)])
    agreed = (slices.sum(axis=1) < 4).astype(np.int64)
    found = search_pairs(slices, np.zeros(40, dtype=np.int64), agreed, 8, 0.2)
    expected = compare_slice([SliceCount(0, 10, 30, 30)])
    assert found.searched == 4
    assert (found.weakest, expected) != (None, None)
    assert found.weakest is not None
    assert expected is not None
    assert (found.weakest.slices, found.weakest.shared, found.weakest.others) == ((1, 3), (0, 10), ((10, 10), (10, 10)))
    assert found.weakest.difference == pytest.approx(expected.difference)
    assert found.weakest.p_value == pytest.approx(4 * expected.p_value)


@given(st.integers(0, 60), st.integers(0, 3), st.randoms(use_true_random=False))
def test_what_is_found_says_more_than_its_slices(records: int, dimensions: int, random: Random) -> None:
    """For any records, some of which have no slice in a dimension; what is too small is not searched."""
    slices = np.array(
        [
            [random.choice([-1, 2 * dimension, 2 * dimension + 1]) for dimension in range(dimensions)]
            for _ in range(records)
        ],
        dtype=np.int64,
    ).reshape(records, dimensions)
    stratum, agreed = (np.array([random.randint(0, 1) for _ in range(records)], dtype=np.int64) for _ in range(2))
    found = search_pairs(slices, stratum, agreed, 8, 0.1)
    assert found.searched <= 4 * max(0, dimensions * (dimensions - 1) // 2)
    if found.weakest is not None:
        inside = np.logical_and(*[(slices == number).any(axis=1) for number in found.weakest.slices])
        assert found.weakest.shared == (agreed[inside].sum(), inside.sum())
        assert inside.sum() >= 8
        assert found.weakest.difference > 0.1
        assert 0 <= found.weakest.p_value <= 1
