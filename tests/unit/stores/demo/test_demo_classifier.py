"""The classifier of the demo's texts."""

from __future__ import annotations

from drift_checks.stores.demo.classifier import classify
from drift_checks.stores.demo.texts import generate


def test_it_knows_what_most_texts_are_about() -> None:
    """Borderline texts have two categories."""
    texts = [text for text in generate(200, 2026) if not text.is_borderline]
    assert sum(classify(text.text) == text.category for text in texts) > 0.95 * len(texts)
