"""The local embedding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.stores.demo.embedding import DIMENSION, embed


@given(st.lists(st.text(), max_size=5))
def test_every_text_has_a_vector_of_length_one(texts: list[str]) -> None:
    """Even a blank one: the cosine of a zero vector is undefined."""
    vectors = embed(texts)
    assert vectors.shape == (len(texts), DIMENSION)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-5)


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_a_vector_depends_only_on_its_text(texts: list[str]) -> None:
    """Not on the texts that are embedded with it."""
    assert np.array_equal(embed(texts), np.stack([embed([text])[0] for text in texts]))


def test_vectors_never_change() -> None:
    """Otherwise existing stores would become incomparable."""
    [vector] = embed(["Sanctions may close our shipping routes."])
    assert vector[:4] == pytest.approx([0.139716, -0.036223, -0.108668, -0.139716], abs=1e-6)


def test_the_dimension_can_be_chosen() -> None:
    """It need not be a multiple of eight."""
    assert embed(["A fire at the plant."], 20).shape == (1, 20)


def test_texts_that_share_words_are_closer() -> None:
    """Inflections and function words matter less."""
    strike, strikes, server = embed(
        [
            "A strike of our employees may halt work.",
            "Work may halt if the employee union strikes.",
            "Hackers may encrypt the data on our servers.",
        ]
    )
    assert strike @ strikes > 0.3 > strike @ server
