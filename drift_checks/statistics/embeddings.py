"""Comparison of the embeddings of two windows.

Both tests are permutation tests: if the windows have the same distribution, whichever it is, all assignments of the
records to the windows are equally likely.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.monte_carlo import monte_carlo_p_value
from drift_checks.statistics.threads import one_thread

Vectors = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
# The training rows of a fold, its held-out rows, and the matrix from training labels to held-out scores.
Fold = tuple[Places, Places, npt.NDArray[np.float32]]

LEAST_VECTORS = 10
FOLDS = 5
# The ridge penalty, relative to the mean eigenvalue of the training vectors.
PENALTY = 1.0
# The number of permutations computed at once, which bounds the memory.
BLOCK = 250
# Relative spreads below this are rounding errors.
ROUNDING = 1e-6
# Statistics that differ by less, in standard deviations of the first permutations, are considered equal.
TOLERANCE = 1e-4
# numpy accepts seeds from 0 to below this.
SEEDS = 2**32


@dataclass(frozen=True)
class PermutationTest:
    """A statistic of the windows, and how often permutations have one at least as large."""

    value: float
    p_value: float


def pairs_alike(vectors: Vectors, similarity: float) -> Iterator[tuple[Places, Places]]:
    """Yield the pairs of vectors, none of them zero, whose cosine is at least this similarity, once each, in blocks."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for start in range(0, len(unit), BLOCK):
        with one_thread():
            alike = unit[start : start + BLOCK] @ unit[start:].T >= similarity
        ones, others = np.nonzero(alike)
        above = others > ones
        yield start + ones[above], start + others[above]


def share_alike(vectors: Vectors, similarity: float) -> float:
    """Return the share of the pairs of vectors, none of them zero, whose cosine is at least this similarity."""
    pairs = len(vectors) * (len(vectors) - 1) // 2
    return sum(len(ones) for ones, _ in pairs_alike(vectors, similarity)) / pairs if pairs else 0.0


def domain_classifier_auc(
    reference: Vectors, recent: Vectors, seed: int, permutations: int = 4999
) -> PermutationTest | None:
    """Test how well a classifier distinguishes recent vectors from reference vectors.

    The classifier is a ridge regression of the centred label of the window on the vectors, centred and scaled to a mean
    variance of 1. The statistic is the area under its ROC curve (AUC); each vector is scored by the fit to the other
    folds. Neither the folds nor the order of the vectors depends on the windows, so the test is exact at any size. Time
    and memory grow with the square of the number of records: draw samples of larger windows.

    Source: D. Lopez-Paz and M. Oquab, Revisiting classifier two-sample tests, ICLR 2017; S. Rabanser, S. Günnemann and
    Z. C. Lipton, Failing loudly: an empirical study of methods for detecting dataset shift, NeurIPS 2019.

    Args:
        reference: The vectors, of shape (records, dimension); rows with values that are not finite are skipped.
        recent: The vectors of the recent window, likewise.
        seed: The seed of the folds and the permutations.
        permutations: The most permutations to draw; the p-value is at least 1 / (permutations + 1).

    Returns:
        The AUC, near 0.5 for windows of the same distribution and 1 for separate ones, with its p-value; None if the
        dimensions differ or a window has fewer than 10 vectors.
    """
    pooled = _pooled(reference, recent)
    if pooled is None:
        return None
    vectors, labels = pooled
    with one_thread():
        folds = _folds(vectors, seed)
        return _test(_areas(folds, block) for block in _permuted(labels, seed, permutations))


def maximum_mean_discrepancy(
    reference: Vectors, recent: Vectors, seed: int, permutations: int = 4999
) -> PermutationTest | None:
    """Compare the windows by the unbiased estimate of the squared maximum mean discrepancy (MMD).

    The kernel is Gaussian; its bandwidth is the median distance between two vectors. Time and memory grow with the
    square of the number of records: draw samples of larger windows. The arguments are those of `domain_classifier_auc`.

    Source: A. Gretton et al., A kernel two-sample test, Journal of Machine Learning Research 13 (2012).

    Returns:
        The squared MMD, which is near 0 (also below it) for windows of the same distribution, and always below 2, with
        its p-value; None if the dimensions differ or a window has fewer than 10 vectors.
    """
    pooled = _pooled(reference, recent)
    if pooled is None:
        return None
    vectors, labels = pooled
    with one_thread():
        kernel = _kernel(vectors)
        return _test(_discrepancies(kernel, block) for block in _permuted(labels, seed, permutations))


def project(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Project vectors, of shape (records, dimension), on their first two principal components, for a plot.

    Returns:
        An array of shape (records, 2), with fixed signs of the directions. Missing components are 0; rows of vectors
        with values that are not finite are NaN.
    """
    given = np.asarray(vectors, dtype=np.float64)
    found = np.zeros((len(given), 2))
    if given.ndim != 2:
        return found
    finite = np.isfinite(given).all(axis=1)
    found[~finite] = np.nan
    there = given[finite]
    components = min(2, *there.shape)
    if len(there) > 1 and components and np.ptp(there, axis=0).any():
        centred = there - there.mean(axis=0)
        with one_thread():
            directions = np.linalg.svd(centred, full_matrices=False)[2][:components]
        largest = np.abs(directions).argmax(axis=1)
        found[finite, :components] = centred @ (directions.T * np.sign(directions[range(components), largest]))
    return found


def _pooled(reference: Vectors, recent: Vectors) -> tuple[Vectors, npt.NDArray[np.float32]] | None:
    """Return the finite vectors of both windows, centred and scaled, with labels (1 for recent); None if too few."""
    if reference.ndim != 2 or recent.ndim != 2 or reference.shape[1] != recent.shape[1] or not recent.shape[1]:
        return None
    usable = [window[np.isfinite(window).all(axis=1)].astype(np.float64) for window in (reference, recent)]
    if min(map(len, usable)) < LEAST_VECTORS:
        return None
    labels = np.repeat(np.array([0, 1], dtype=np.float32), [len(window) for window in usable])
    vectors = np.concatenate(usable)
    largest = np.abs(vectors).max()
    vectors -= vectors.mean(axis=0)
    scale = float(np.sqrt(np.square(vectors).mean()))
    # Equal vectors leave rounding errors, which must not be scaled up.
    vectors = vectors / scale if scale > ROUNDING * largest else np.zeros_like(vectors)
    # Sorted by value, so that whatever depends on the order, such as the folds, is independent of the windows.
    order = np.argsort(vectors[:, -1], kind="stable")
    if not np.diff(vectors[order, -1]).all():
        order = np.lexsort(vectors.T)
    return vectors[order].astype(np.float32), labels[order]


def _permuted(labels: npt.NDArray[np.float32], seed: int, permutations: int) -> Iterator[npt.NDArray[np.float32]]:
    """Yield blocks of rows of labels: first the labels themselves, then permutations."""
    generator = np.random.default_rng(seed % SEEDS)
    yield labels[np.newaxis]
    for start in range(0, permutations, BLOCK):
        rows = np.tile(labels, (min(BLOCK, permutations - start), 1))
        yield generator.permuted(rows, axis=1, out=rows)


def _test(blocks: Iterable[npt.NDArray[np.float64]]) -> PermutationTest:
    """Return the test of a statistic, given the value of the windows followed by blocks of those of permutations."""
    remaining = iter(blocks)
    observed = float(next(remaining)[0])
    first = next(remaining, np.empty(0))
    equal = observed - TOLERANCE * float(np.append(first, observed).std())
    p_value = monte_carlo_p_value(block >= equal for block in chain([first], remaining))
    return PermutationTest(observed, p_value)


def _folds(vectors: Vectors, seed: int) -> list[Fold]:
    """Fit the classifier of each fold.

    Ridge regression is linear in its targets, so one matrix predicts the scores of all assignments of labels.
    """
    order = np.random.RandomState(seed % SEEDS).permutation(len(vectors))
    parts = [np.sort(part) for part in np.array_split(order, FOLDS)]
    smoother = _smoother(vectors.astype(np.float64), len(vectors) - len(parts[0]))
    folds = ((np.delete(np.arange(len(vectors)), part), part) for part in parts)
    return [(training, held_out, smoother(training, held_out).astype(np.float32)) for training, held_out in folds]


def _smoother(vectors: Matrix, fewest: int) -> Callable[[Places, Places], Matrix]:
    """Return the function from a fold, of so many training rows, to the matrix from training labels to held-out scores.

    It solves whichever normal equations are smaller; what the folds have in common is computed once.
    """
    dimension = vectors.shape[1]
    products = vectors.T @ vectors if dimension <= fewest else vectors @ vectors.T

    def by_dimension(training: Places, held_out: Places) -> Matrix:
        known, new = vectors[training], vectors[held_out]
        ridge = PENALTY * len(known) * np.eye(dimension)
        scores: Matrix = np.linalg.solve(products - new.T @ new + ridge, new.T).T @ known.T
        return scores

    def by_record(training: Places, held_out: Places) -> Matrix:
        ridge = PENALTY * len(training) * np.eye(len(training))
        among, across = products[np.ix_(training, training)], products[np.ix_(training, held_out)]
        return np.asarray(np.linalg.solve(among + ridge, across).T, dtype=np.float64)

    return by_dimension if dimension <= fewest else by_record


def _areas(folds: list[Fold], labels: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the AUC of the out-of-fold scores for each row of labels, from the ranks of the scores."""
    # All labels and vectors are centred, instead of an intercept for each fold, which would be larger the fewer recent
    # vectors the fold holds out, and so bias the AUC to below 0.5.
    centred = labels - labels[0].mean()
    scores = np.empty_like(labels)
    for training, held_out, smoother in folds:
        scores[:, held_out] = centred[:, training] @ smoother.T
    recent = labels.sum(axis=1, dtype=np.float64)
    above = _rank_sums(scores, labels) - recent * (recent + 1) / 2
    areas: npt.NDArray[np.float64] = above / (recent * (labels.shape[1] - recent))
    return areas


def _rank_sums(scores: npt.NDArray[np.float32], labels: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the sum of the ranks of the labelled scores in each row; tied scores share their average rank."""
    order = np.argsort(scores, axis=1)
    ordered = np.take_along_axis(scores, order, axis=1)
    begins = np.ones(ordered.shape, dtype=bool)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    starts = np.append(np.flatnonzero(begins), ordered.size)
    average = (starts[:-1] + starts[1:] + 1) / 2
    ranks = np.repeat(average, np.diff(starts)).reshape(ordered.shape)
    ranks -= ordered.shape[1] * np.arange(len(ordered))[:, np.newaxis]
    sums: npt.NDArray[np.float64] = np.einsum(
        "ij,ij->i", ranks, np.take_along_axis(labels, order, axis=1), dtype=np.float64
    )
    return sums


def _kernel(vectors: Vectors) -> npt.NDArray[np.float32]:
    """Return the Gaussian kernel between vectors, minus its mean, with a diagonal of 0.

    Subtracting a constant from all pairs does not change the unbiased estimate, and the sums are more precise.
    """
    given = vectors.astype(np.float64)
    lengths = np.square(given).sum(axis=1)
    squares = lengths[:, np.newaxis] + lengths - 2 * given @ given.T
    # Identical vectors leave rounding errors.
    squares[squares < ROUNDING**2 * (lengths[:, np.newaxis] + lengths)] = 0.0
    pairs = squares[np.tri(len(squares), k=-1, dtype=np.bool_)]
    # If most vectors are identical, the median of the positive distances is used.
    median = np.median(pairs) or np.median(pairs[pairs > 0]) if pairs.any() else 1.0
    with np.errstate(over="ignore"):
        values = np.exp(squares / (-2 * median))
    np.fill_diagonal(values, 0.0)
    values -= values.sum() / (len(values) * (len(values) - 1))
    np.fill_diagonal(values, 0.0)
    kernel: npt.NDArray[np.float32] = values.astype(np.float32)
    return kernel


def _discrepancies(kernel: npt.NDArray[np.float32], labels: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the unbiased squared MMD for each row of labels."""
    sums = kernel.sum(axis=1, dtype=np.float64)
    recent = float(labels[0].sum())
    reference = labels.shape[1] - recent
    within_recent = np.einsum("ij,ij->i", labels @ kernel, labels, dtype=np.float64)
    of_recent = labels @ sums
    within_reference = sums.sum() - 2 * of_recent + within_recent
    between = of_recent - within_recent
    discrepancies: npt.NDArray[np.float64] = (
        within_recent / (recent * (recent - 1))
        + within_reference / (reference * (reference - 1))
        - 2 * between / (recent * reference)
    )
    return discrepancies
