"""Comparison of two windows by their records' embeddings."""

from __future__ import annotations

from collections.abc import Callable
from math import exp

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, cross_val_predict

from drift_checks.statistics.embeddings import (
    PermutationTest,
    Vectors,
    domain_classifier_auc,
    maximum_mean_discrepancy,
    project,
    share_alike,
)
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance

Test = Callable[..., PermutationTest | None]

TESTS = pytest.mark.parametrize("test", [domain_classifier_auc, maximum_mean_discrepancy])


def cloud(records: int, dimension: int = 16, seed: int = 0, centre: float = 0.0) -> Vectors:
    """Vectors of unit length around a direction; `centre` moves it."""
    generator = np.random.default_rng(seed)
    raw = generator.normal(size=(records, dimension))
    raw[:, 0] += 3
    raw[:, 1] += centre
    unit: Vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    return unit


def run(test: Test, reference: Vectors, recent: Vectors, seed: int = 0, permutations: int = 199) -> PermutationTest:
    """Make a test that there is enough for."""
    found = test(reference, recent, seed, permutations)
    assert found is not None
    return found


@pytest.mark.parametrize(("sizes", "dimension"), [((60, 40), 16), ((15, 90), 5), ((30, 20), 64)], ids=str)
def test_the_auc_is_that_of_scikit_learns_cross_validation(sizes: tuple[int, int], dimension: int) -> None:
    """Of the same ridge regression of the labels on the same vectors, in folds of one size and so of one penalty."""
    reference, recent = cloud(sizes[0], dimension), cloud(sizes[1], dimension, seed=1, centre=0.5)
    vectors = np.concatenate([reference, recent]).astype(np.float64)
    vectors -= vectors.mean(axis=0)
    vectors /= np.sqrt(np.square(vectors).mean())
    order = np.lexsort(vectors.T)
    labels = np.repeat([0, 1], sizes)[order]
    scores = cross_val_predict(
        Ridge(alpha=len(labels) * 4 // 5, fit_intercept=False),
        vectors[order],
        labels - labels.mean(),
        cv=KFold(5, shuffle=True, random_state=7),
    )
    found = run(domain_classifier_auc, reference, recent, seed=7, permutations=0)
    assert found.value == pytest.approx(roc_auc_score(labels, scores), abs=1e-3)


def naive_discrepancy(reference: Vectors, recent: Vectors) -> float:
    """The unbiased squared MMD by its definition, pair by pair."""
    pooled = np.concatenate([reference, recent]).astype(np.float64)
    squares = [float(np.sum((one - other) ** 2)) for place, one in enumerate(pooled) for other in pooled[:place]]
    bandwidth = float(np.median(np.sqrt(squares)))

    def mean(ones: npt.NDArray[np.float64], others: npt.NDArray[np.float64], same: bool) -> float:
        values = [
            exp(-float(np.sum((one - other) ** 2)) / (2 * bandwidth**2))
            for first, one in enumerate(ones)
            for second, other in enumerate(others)
            if not same or first != second
        ]
        return sum(values) / len(values)

    old, new = pooled[: len(reference)], pooled[len(reference) :]
    return mean(old, old, True) + mean(new, new, True) - 2 * mean(old, new, False)


@pytest.mark.parametrize("sizes", [(30, 20), (10, 35)], ids=str)
def test_the_discrepancy_is_its_definition(sizes: tuple[int, int]) -> None:
    """By a loop over all pairs."""
    reference, recent = cloud(sizes[0]), cloud(sizes[1], seed=1, centre=0.5)
    found = run(maximum_mean_discrepancy, reference, recent)
    assert found.value == pytest.approx(naive_discrepancy(reference, recent), abs=1e-6)


@TESTS
def test_a_shifted_cloud_is_found(test: Test) -> None:
    """With the smallest p-value that there is."""
    assert run(test, cloud(100), cloud(60, seed=1, centre=2)).p_value == 1 / 200


@TESTS
def test_a_rotated_cloud_is_found(test: Test) -> None:
    """Another model's vectors, of the same records."""
    rotation = np.linalg.qr(np.random.default_rng(5).normal(size=(16, 16)))[0].astype(np.float32)
    assert run(test, cloud(100), cloud(60, seed=1) @ rotation).p_value == 1 / 200


def test_the_auc_of_like_windows_is_near_one_half() -> None:
    """Over many of them."""
    pairs = [(cloud(80, seed=2 * k), cloud(60, seed=2 * k + 1)) for k in range(repetitions(15, 40))]
    values = [run(domain_classifier_auc, *pair, permutations=0).value for pair in pairs]
    assert abs(np.mean(values) - 0.5) < 3 * np.std(values) / np.sqrt(len(values))


def test_the_discrepancy_of_like_windows_is_0_on_average() -> None:
    """The estimate has no bias."""
    pairs = [(cloud(80, seed=2 * k), cloud(60, seed=2 * k + 1)) for k in range(repetitions(15, 40))]
    values = [run(maximum_mean_discrepancy, *pair, permutations=0).value for pair in pairs]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0 < max(values)


@TESTS
@pytest.mark.parametrize("sizes", [(12, 12), (30, 10)], ids=str)
def test_like_windows_are_rejected_at_the_level(test: Test, sizes: tuple[int, int]) -> None:
    """At 0.05 and at 0.5, within three standard errors, with the same seed each time."""
    number = repetitions(50, 600)
    pairs = [(cloud(sizes[0], 6, seed=2 * k), cloud(sizes[1], 6, seed=2 * k + 1)) for k in range(number)]
    p_values = np.array([run(test, *pair, permutations=99).p_value for pair in pairs])
    for level in (0.05, 0.5):
        assert np.mean(p_values <= level) == pytest.approx(level, abs=tolerance(level, number))


@TESTS
def test_repeated_vectors_are_rejected_at_the_level(test: Test) -> None:
    """At most at 0.05, within three standard errors, if the windows only hold copies of three vectors."""
    kinds, number = cloud(3, 6), repetitions(50, 400)
    generator = np.random.default_rng(20260115)
    drawn = [kinds[generator.integers(3, size=40)] for _ in range(number)]
    rejected = sum(run(test, vectors[:25], vectors[25:], permutations=99).p_value <= 0.05 for vectors in drawn)
    assert rejected / number <= 0.05 + tolerance(0.05, number)


@TESTS
def test_a_test_is_the_same_for_the_same_seed(test: Test) -> None:
    """And another for another, which may be negative or large."""
    reference, recent = cloud(40), cloud(30, seed=1, centre=0.2)
    found = [run(test, reference, recent, seed) for seed in (1, 1, 2, -1, 2**70)]
    assert found[0] == found[1]
    assert len({one.p_value for one in found}) > 1


@TESTS
def test_the_order_of_the_records_makes_no_difference(test: Test) -> None:
    """Within their windows."""
    reference, recent = cloud(40), cloud(30, seed=1, centre=0.2)
    one, other = run(test, reference, recent), run(test, reference[::-1], recent[::-1])
    assert one.p_value == other.p_value
    assert one.value == pytest.approx(other.value, abs=1e-9)


@TESTS
@pytest.mark.parametrize("permutations", [0, 1203])
def test_permutations_in_several_blocks_are_all_counted(test: Test, permutations: int) -> None:
    """The smallest p-value shows how many there were."""
    found = run(test, cloud(20), cloud(20, seed=1, centre=9), permutations=permutations)
    assert found.p_value == 1 / (permutations + 1)


@TESTS
@pytest.mark.parametrize("value", [0.0, 0.1, 3e38])
def test_equal_vectors_do_not_differ(test: Test, value: float) -> None:
    """Nor is rounding blown up to a difference."""
    vectors = np.full((25, 7), value, dtype=np.float32)
    assert run(test, vectors, vectors[:15]).p_value == 1


def test_the_auc_lies_between_one_half_and_1() -> None:
    """That of equal vectors, whose scores are all tied, and that of vectors far apart."""
    vectors = np.ones((25, 7), dtype=np.float32)
    assert run(domain_classifier_auc, vectors, vectors[:15]).value == 0.5
    assert run(domain_classifier_auc, cloud(50), -cloud(30, seed=1)).value == 1


@TESTS
def test_a_few_vectors_among_equal_ones_are_no_error(test: Test) -> None:
    """The median distance is 0 then."""
    reference = np.zeros((50, 4), dtype=np.float32)
    recent = reference.copy()
    recent[:30] = cloud(30, 4)
    assert run(test, reference, recent).p_value == 1 / 200


@TESTS
@pytest.mark.filterwarnings("error")
def test_a_vector_out_of_all_proportion_is_no_error(test: Test) -> None:
    """The largest number there is beside common ones."""
    recent = cloud(20, seed=1)
    recent[3] = np.finfo(np.float32).max
    found = run(test, cloud(20), recent)
    assert np.isfinite(found.value)
    assert 0 < found.p_value <= 1


@TESTS
def test_rows_that_are_not_finite_are_dropped(test: Test) -> None:
    """As if they were not there."""
    reference, recent = cloud(30), cloud(20, seed=1)
    broken = np.array([[np.nan] + [0.0] * 15, [np.inf] * 16], dtype=np.float32)
    assert run(test, np.concatenate([broken, reference]), recent) == run(test, reference, recent)


@TESTS
@pytest.mark.parametrize(
    ("reference", "recent"),
    [
        (cloud(9), cloud(30)),
        (cloud(30), cloud(9)),
        (cloud(30), cloud(30, dimension=15)),
        (cloud(30), np.full((30, 16), np.nan, dtype=np.float32)),
        (np.empty((0, 16), dtype=np.float32), cloud(30)),
        (np.empty(0, dtype=np.float32), cloud(30)),
        (np.empty((30, 0), dtype=np.float32), np.empty((30, 0), dtype=np.float32)),
    ],
    ids=["few old", "few new", "dimensions", "not finite", "none", "no vectors", "no dimensions"],
)
def test_too_few_vectors_are_not_tested(test: Test, reference: Vectors, recent: Vectors) -> None:
    """Nor are those of different dimensions."""
    assert test(reference, recent, 0) is None


def test_a_projection_holds_the_directions_of_most_variance() -> None:
    """A plane in more dimensions keeps its distances."""
    plane = np.random.default_rng(1).normal(size=(40, 2)) * (5, 2)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(9, 9)))[0][:2]
    found = project((plane @ turn).astype(np.float32))
    assert found.shape == (40, 2)
    assert found.var(axis=0)[0] > found.var(axis=0)[1]
    assert np.linalg.norm(found[3] - found[7]) == pytest.approx(np.linalg.norm(plane[3] - plane[7]), rel=1e-4)


@pytest.mark.parametrize(("records", "dimension"), [(50, 8), (300, 200)], ids=str)
def test_a_projection_is_the_same_each_time(records: int, dimension: int) -> None:
    """Of small arrays and of large ones, with their signs."""
    vectors = cloud(records, dimension)
    assert np.array_equal(project(vectors), project(vectors))


@pytest.mark.parametrize("shape", [(0, 5), (1, 5), (4, 0), (0, 0), (0,), (4, 1)], ids=str)
@pytest.mark.filterwarnings("error")
def test_components_that_there_are_not_are_0(shape: tuple[int, ...]) -> None:
    """Of too few records or dimensions, and of equal vectors."""
    found = project(np.ones(shape, dtype=np.float32))
    assert found.tolist() == [[0.0, 0.0]] * shape[0]


def test_a_line_has_one_component() -> None:
    """The other is 0."""
    found = project(np.array([[1], [2], [3]], dtype=np.float32))
    assert sorted(found[:, 0]) == pytest.approx([-1, 0, 1])
    assert found[:, 1].tolist() == [0, 0, 0]


def test_a_vector_that_is_not_finite_has_no_place_in_the_picture() -> None:
    """The others keep theirs."""
    vectors = cloud(20)
    broken = np.insert(vectors, 4, np.nan, axis=0)
    found = project(broken)
    assert np.isnan(found[4]).all()
    assert np.delete(found, 4, axis=0) == pytest.approx(project(vectors))


def test_the_share_of_pairs_that_are_alike() -> None:
    """A vector is no pair with itself; lengths play no part."""
    vectors = np.array([[1, 0], [2, 0], [0, 1]], dtype=np.float32)
    assert share_alike(vectors, 0.999) == pytest.approx(1 / 3)
    assert share_alike(np.ones((700, 3), dtype=np.float32), 0.999) == 1
    assert share_alike(vectors[:1], 0.999) == 0
