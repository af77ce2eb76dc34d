"""Which labels are probably wrong, and how many."""

from __future__ import annotations

import numpy as np
import pytest

from drift_checks.statistics.label_noise import (
    Prediction,
    confident_joint,
    counted_as,
    cross_fit,
    thresholds,
    wrong_labels,
)
from drift_checks.statistics.logistic import Labels, Matrix


def clusters(per_category: int = 60, categories: int = 3) -> tuple[Matrix, Labels]:
    """Return vectors near one axis for each category, and their labels."""
    noise = np.random.default_rng(3).normal(scale=0.3, size=(per_category * categories, 6))
    labels = np.repeat(np.arange(categories), per_category)
    return (np.eye(6)[labels] + noise).astype(np.float32), labels


def test_wrong_labels_are_the_most_doubtful_and_counted() -> None:
    """Twelve of 180 labels are wrong: they come first, and the estimate is near their number."""
    vectors, right = clusters()
    labels = right.copy()
    wrong = np.arange(0, 180, 15)
    labels[wrong] = (labels[wrong] + 1) % 3
    _, found = cross_fit(vectors, labels, 3, np.arange(180) % 5, 5)
    first = np.argsort(-Prediction.of(found, labels).doubt)[: len(wrong)]
    joint = confident_joint(labels, counted_as(found, labels, thresholds(found, labels)), 3)
    assert len(np.intersect1d(first, wrong)) >= len(wrong) - 1
    assert wrong_labels(joint, np.bincount(labels)).sum() == pytest.approx(len(wrong), abs=3)


def test_copies_in_one_fold_do_not_vouch_for_each_other() -> None:
    """Ten copies with a wrong label are doubted together, but believed if they are spread over the folds."""
    vectors, labels = clusters(per_category=20)
    labels[:10] = 1
    vectors[:10] = np.eye(6, dtype=np.float32)[0]
    apart, together = np.arange(60) % 5, np.concatenate([np.zeros(10, np.intp), np.arange(50) % 5])
    doubts = [Prediction.of(cross_fit(vectors, labels, 3, folds, 5)[1], labels).doubt for folds in (apart, together)]
    assert (doubts[1][:10] > doubts[0][:10]).all()


def test_record_counts_as_the_most_probable_category_above_its_threshold() -> None:
    """The second is above none, and the last has a more probable label, so neither is counted."""
    probabilities = np.array([[0.5, 0.5], [0.3, 0.7], [0.1, 0.9], [0.45, 0.55]], np.float32)
    labels = np.array([0, 1, 0, 1])
    assert counted_as(probabilities, labels, np.array([0.4, 0.8], np.float32)).tolist() == [0, -1, 1, -1]


def test_category_without_counted_records_has_no_wrong_labels() -> None:
    """Its rate is unknown; of the others, the share off the diagonal is wrong."""
    joint = np.array([[3, 1], [0, 0]])
    assert wrong_labels(joint, np.array([8, 5])).tolist() == [2.0, 0.0]
