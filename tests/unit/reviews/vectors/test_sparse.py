"""Products of vectors that consist mostly of zeros."""

from __future__ import annotations

import numpy as np
import pytest

from drift_checks.reviews.vectors.sparse import SparseRows, products

WIDTH = 3000


def sparse(matrix: np.typing.NDArray[np.float32]) -> SparseRows:
    """The same vectors without their zeros."""
    rows, columns = np.nonzero(matrix)
    return SparseRows(
        columns.astype(np.int32), matrix[rows, columns], np.bincount(rows, minlength=len(matrix)), matrix.shape[1]
    )


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 1.0])
def test_the_products_are_those_of_full_matrices(share: float) -> None:
    """With few columns in common and with more than are multiplied as a full matrix."""
    generator = np.random.default_rng(20260115)
    queries, others = (
        (generator.random((rows, WIDTH)) * (generator.random((rows, WIDTH)) < share)).astype(np.float32)
        for rows in (7, 50)
    )
    found = products(sparse(queries))(sparse(others))
    assert found.shape == (7, 50)
    assert np.allclose(found, queries @ others.T, rtol=1e-5)


def test_products_of_no_vectors_are_none() -> None:
    """On either side."""
    none, some = np.zeros((0, WIDTH), np.float32), np.ones((3, WIDTH), np.float32)
    assert products(sparse(none))(sparse(some)).shape == (0, 3)
    assert products(sparse(some))(sparse(none)).shape == (3, 0)


def test_equal_vectors_have_equal_products() -> None:
    """Wherever they are, so that ties stay ties."""
    generator = np.random.default_rng(20260115)
    queries = generator.random((5, WIDTH), np.float32)
    others = np.repeat(generator.random((10, WIDTH), np.float32), 33, axis=0)
    found = products(sparse(queries))(sparse(others))
    assert (np.ptp(found.reshape(5, 10, 33), axis=2) == 0).all()
