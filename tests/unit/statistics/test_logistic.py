"""Multinomial logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from drift_checks.statistics import logistic
from drift_checks.statistics.logistic import Labels, Matrix


def clusters(records: int, categories: int, numbers: int, spread: float) -> tuple[Matrix, Labels]:
    """Return unit vectors around one centre per category, and their categories."""
    generator = np.random.default_rng(5)
    labels = np.arange(records) % categories
    vectors = generator.normal(size=(categories, numbers))[labels] + spread * generator.normal(size=(records, numbers))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit, labels


@pytest.mark.parametrize("weighted", [False, True])
def test_the_coefficients_are_those_of_a_reference(weighted: bool) -> None:
    """scikit-learn minimises the same loss: its C is the inverse of our penalty."""
    vectors, labels = clusters(400, 4, 6, 1.0)
    weights = np.linspace(0.2, 1.8, 400, dtype=np.float32) if weighted else None
    reference = LogisticRegression(C=1 / logistic.PENALTY, tol=1e-8, max_iter=5000).fit(vectors, labels, weights)
    expected = reference.predict_proba(vectors)
    found = logistic.probabilities(vectors, logistic.fit(vectors, labels, 4, weights))
    assert np.abs(found - expected).max() < 0.05
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.99
