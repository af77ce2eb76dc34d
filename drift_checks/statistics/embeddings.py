"""Comparison of two windows by the embeddings of their records.

Both tests are permutation tests: where the windows hold records of the same distribution, any assignment of the
records to the windows is as likely as the one found, whatever the distribution is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

LEAST_VECTORS = 10
FOLDS = 5
# The ridge penalty, in eigenvalues: that of the average direction of the training vectors.
PENALTY = 1.0
# Permutations are worked off in blocks, so that memory is bounded.
BLOCK = 500
# Spreads below this share of the whole are rounding.
ROUNDING = 1e-6
# Statistics that differ by less, in standard deviations of their permutations, are equal but for rounding.
TOLERANCE = 1e-4
# scikit-learn takes seeds below this, and none that are negative.
SEEDS = 2**32


@dataclass(frozen=True)
class PermutationTest:
    """A statistic and its permutation p-value.

    Attributes:
        value: The statistic of the windows.
        p_value: The share of the windows and their permutations whose statistic is at least that, above 0.
    """

    value: float
    p_value: float


def domain_classifier_auc(
    reference: Vectors, recent: Vectors, seed: int, permutations: int = 4999
) -> PermutationTest | None:
    """Tell how well a classifier tells the recent vectors from the reference ones.

    The classifier is a ridge regression of the window's label, centred as well, on vectors that are centred and scaled
    to a mean variance of 1. The statistic is the area under its ROC curve (AUC) over all vectors, each scored by the
    fit of the folds that do not hold it. Neither the folds nor the order of the vectors in them depends on the windows,
    so the test is exact at any size. Time and memory grow with the square of the records: sample windows of thousands.

    Source: D. Lopez-Paz and M. Oquab, Revisiting classifier two-sample tests, ICLR 2017; S. Rabanser, S. Günnemann and
    Z. C. Lipton, Failing loudly: an empirical study of methods for detecting dataset shift, NeurIPS 2019.

    Args:
        reference: Of shape (records, dimension). Rows with a value that is not finite are dropped.
        recent: Of shape (records, dimension), likewise.
        seed: Of the folds and the permutations.
        permutations: How many; the p-value is at least 1 / (permutations + 1).

    Returns:
        The AUC, near 0.5 where the windows are alike and 1 where they are apart, and its p-value; or None where the
        dimensions differ or a window has fewer than 10 vectors.
    """
    pooled = _pooled(reference, recent)
    if pooled is None:
        return None
    vectors, labels = pooled
    folds = _folds(vectors, seed)
    values = [_areas(folds, block) for block in _permuted(labels, seed, permutations)]
    return _test(np.concatenate(values))


def maximum_mean_discrepancy(
    reference: Vectors, recent: Vectors, seed: int, permutations: int = 4999
) -> PermutationTest | None:
    """Compare the windows' vectors by the squared maximum mean discrepancy (MMD), its unbiased estimate.

    The kernel is Gaussian, its bandwidth the median distance between two of all vectors. Time and memory grow with the
    square of the records: sample windows of thousands.

    Source: A. Gretton et al., A kernel two-sample test, Journal of Machine Learning Research 13 (2012).

    Args:
        reference: Of shape (records, dimension). Rows with a value that is not finite are dropped.
        recent: Of shape (records, dimension), likewise.
        seed: Of the permutations.
        permutations: How many; the p-value is at least 1 / (permutations + 1).

    Returns:
        The squared MMD, near 0 on either side of it where the windows are alike and below 2, and its p-value; or None
        where the dimensions differ or a window has fewer than 10 vectors.
    """
    pooled = _pooled(reference, recent)
    if pooled is None:
        return None
    vectors, labels = pooled
    kernel = _kernel(vectors)
    values = [_discrepancies(kernel, block) for block in _permuted(labels, seed, permutations)]
    return _test(np.concatenate(values))


def project(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Return the first two principal components of vectors, for a picture.

    Args:
        vectors: Of shape (records, dimension).

    Returns:
        Of shape (records, 2), the directions' signs fixed. A component that there is not is 0; the row of a vector
        with a value that is not finite is NaN.
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
        directions = np.linalg.svd(centred, full_matrices=False)[2][:components]
        largest = np.abs(directions).argmax(axis=1)
        found[finite, :components] = centred @ (directions.T * np.sign(directions[range(components), largest]))
    return found


def _pooled(reference: Vectors, recent: Vectors) -> tuple[Vectors, npt.NDArray[np.float32]] | None:
    """Return the usable vectors of both windows, centred and scaled, and 1 for each recent one; None if too few."""
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
    # What is left of equal vectors is rounding, not to be blown up.
    vectors = vectors / scale if scale > ROUNDING * largest else np.zeros_like(vectors)
    # In an order that is the vectors' own, what depends on the order, such as folds, knows nothing of the windows.
    order = np.lexsort(vectors.T)
    return vectors[order].astype(np.float32), labels[order]


def _permuted(labels: npt.NDArray[np.float32], seed: int, permutations: int) -> Iterator[npt.NDArray[np.float32]]:
    """Yield blocks of labels, one row each: first those found, then permutations."""
    generator = np.random.default_rng(seed % SEEDS)
    yield labels[np.newaxis]
    for start in range(0, permutations, BLOCK):
        rows = np.tile(labels, (min(BLOCK, permutations - start), 1))
        yield generator.permuted(rows, axis=1, out=rows)


def _test(values: npt.NDArray[np.float64]) -> PermutationTest:
    """Return the test of a statistic whose first value is of the windows and whose others are of permutations."""
    as_large = int(np.count_nonzero(values >= values[0] - TOLERANCE * values.std()))
    return PermutationTest(float(values[0]), as_large / len(values))


@dataclass(frozen=True)
class _Fold:
    """The rows that a fold trains on, those it holds out, and the matrix from labels of those to scores of these."""

    training: npt.NDArray[np.intp]
    held_out: npt.NDArray[np.intp]
    smoother: npt.NDArray[np.float32]


def _folds(vectors: Vectors, seed: int) -> list[_Fold]:
    """Fit the classifier of each fold.

    Ridge regression is linear in its targets: a fit of the unit vectors is one of every assignment of labels at once.
    """
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold

    found = []
    for training, held_out in KFold(FOLDS, shuffle=True, random_state=seed % SEEDS).split(vectors):
        ridge = Ridge(alpha=PENALTY * len(training), fit_intercept=False)
        ridge.fit(vectors[training], np.eye(len(training), dtype=np.float32))
        found.append(_Fold(training, held_out, ridge.predict(vectors[held_out])))
    return found


def _areas(folds: list[_Fold], labels: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the AUC of the out-of-fold scores for each row of labels, from the ranks of the scores."""
    from scipy.stats import rankdata

    # Labels and vectors are centred as a whole, in place of an intercept: a fold's own would be the larger the fewer
    # recent vectors the fold holds out, which takes the AUC below 0.5.
    centred = labels - labels[0].mean()
    scores = np.empty_like(labels)
    for fold in folds:
        scores[:, fold.held_out] = centred[:, fold.training] @ fold.smoother.T
    recent = labels.sum(axis=1, dtype=np.float64)
    above = np.einsum("ij,ij->i", rankdata(scores, axis=1), labels, dtype=np.float64) - recent * (recent + 1) / 2
    areas: npt.NDArray[np.float64] = above / (recent * (labels.shape[1] - recent))
    return areas


def _kernel(vectors: Vectors) -> npt.NDArray[np.float32]:
    """Return the Gaussian kernel between vectors, less its mean; its diagonal is 0.

    A constant that is taken off all pairs leaves the unbiased estimate as it is, and sums keep more digits without.
    """
    from scipy.spatial.distance import pdist, squareform

    squares = pdist(vectors, "sqeuclidean")
    # Where most vectors are the same one, the median of those distances that are not 0 takes the place of all's.
    median = np.median(squares) or np.median(squares[squares > 0]) if squares.any() else 1.0
    with np.errstate(over="ignore"):
        values = np.exp(squares / (-2 * median))
    kernel: npt.NDArray[np.float32] = squareform((values - values.mean()).astype(np.float32))
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
