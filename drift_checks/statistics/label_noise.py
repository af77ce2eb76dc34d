"""Which labels are probably wrong, and how many, by the probabilities of a classifier that has not seen the records.

Source: C. G. Northcutt, L. Jiang and I. L. Chuang, Confident learning: estimating uncertainty in dataset labels,
Journal of Artificial Intelligence Research 70 (2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drift_checks.statistics import logistic
from drift_checks.statistics.logistic import Labels, Matrix

# The least that a doubtful record counts when the classifier is fitted again.
_LEAST_WEIGHT = np.float32(0.01)
# The first fit only weighs the records: more iterations find no more wrong labels.
_FIRST_ITERATIONS = 25


@dataclass(frozen=True)
class Prediction:
    """What a classifier that has not seen the records says of each; arrays with one value per record.

    Attributes:
        own: The probability of the record's label.
        other: The largest probability of another category.
        category: The number of that category.
    """

    own: npt.NDArray[np.float32]
    other: npt.NDArray[np.float32]
    category: Labels

    @classmethod
    def of(cls, probabilities: Matrix, labels: Labels) -> Prediction:
        """Return the predictions for records with these labels."""
        records = np.arange(len(labels))
        others = probabilities.copy()
        others[records, labels] = -1
        category = others.argmax(axis=1)
        return cls(probabilities[records, labels], others[records, category], category)

    @property
    def doubt(self) -> npt.NDArray[np.float32]:
        """How far the other category is ahead of the label, from -1 to 1: the larger, the likelier it is wrong."""
        found: npt.NDArray[np.float32] = self.other - self.own
        return found


def cross_fit(vectors: Matrix, labels: Labels, categories: int, folds: Labels, number: int) -> tuple[Matrix, Matrix]:
    """Fit a regression for each fold to the records of the others.

    Each is fitted twice: in the second fit a record counts by the ratio of its label's probability to the largest one,
    as the regression for its own fold has it, so that wrong labels teach less.

    Args:
        vectors: One row per record.
        labels: The number of each record's label.
        categories: How many categories there are.
        folds: The number of each record's fold. Copies of a record belong in the same one.
        number: How many folds there are.

    Returns:
        The coefficients, by fold; and the probability of each category for each record, by the regression that has not
        seen it.
    """
    outside = [folds != fold for fold in range(number)]
    fitted = [logistic.fit(vectors[rest], labels[rest], categories, iterations=_FIRST_ITERATIONS) for rest in outside]
    first = predicted(vectors, folds, fitted)
    own = first[np.arange(len(labels)), labels]
    weights = np.maximum(own / first.max(axis=1), _LEAST_WEIGHT)
    again = [
        logistic.fit(vectors[rest], labels[rest], categories, weights[rest], start)
        for rest, start in zip(outside, fitted, strict=True)
    ]
    return np.stack(again), predicted(vectors, folds, again)


def predicted(vectors: Matrix, folds: Labels, coefficients: Sequence[Matrix] | Matrix) -> Matrix:
    """Return the probability of each category for each record, by the regression for its fold."""
    found = np.empty((len(vectors), coefficients[0].shape[1]), dtype=np.float32)
    for fold, of_fold in enumerate(coefficients):
        inside = folds == fold
        found[inside] = logistic.probabilities(vectors[inside], of_fold)
    return found


def thresholds(probabilities: Matrix, labels: Labels) -> Matrix:
    """Return the probability from which a record counts as one of a category: the mean over those with this label.

    Returns:
        One number for each category; infinity for a category without records.
    """
    own = probabilities[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    sums = np.bincount(labels, own, minlength=probabilities.shape[1])
    found: Matrix = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf).astype(np.float32)
    return found


def counted_as(probabilities: Matrix, labels: Labels, least: Matrix) -> Labels:
    """Return the number of the category that each record counts as: the most probable one above its threshold.

    Other than in the paper, it must also be at least as probable as the label: the threshold of a category whose
    records have nothing in common, such as one of damaged labels, is so low that any doubtful record would count as it.

    Args:
        probabilities: The probability of each category for each record.
        labels: The number of each record's label.
        least: What `thresholds` returned.

    Returns:
        -1 for a record that counts as no category.
    """
    records = np.arange(len(labels))
    own = probabilities[records, labels][:, np.newaxis]
    above = np.where((probabilities >= least) & (probabilities >= own), probabilities, np.float32(-1))
    category = above.argmax(axis=1)
    return np.where(above[records, category] >= 0, category, -1)


def confident_joint(labels: Labels, counted: Labels, categories: int) -> npt.NDArray[np.int64]:
    """Count the records by label and by the category that they count as: a row for each label."""
    there = counted >= 0
    cells = labels[there].astype(np.int64) * categories + counted[there]
    return np.bincount(cells, minlength=categories**2).reshape(categories, categories)


def wrong_labels(joint: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return how many labels of each category are probably wrong.

    Args:
        joint: What `confident_joint` returned.
        counts: How many records have each label.
    """
    rows = joint.sum(axis=1)
    right = np.diag(joint) / np.maximum(rows, 1)
    found: npt.NDArray[np.float64] = np.where(rows > 0, counts * (1 - right), 0.0)
    return found
