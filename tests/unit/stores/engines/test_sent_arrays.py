"""Arrays of numbers in the form in which PostgreSQL sends them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.stores.embeddings import SentArray, read_embedding, read_embeddings

REAL, DOUBLE = 700, 701
NUMBERS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=9)


def sent(numbers: Sequence[float], code: int = REAL, dimensions: int = 1) -> SentArray:
    """Return the bytes that PostgreSQL sends for numbers of the type with this code."""
    size, letter = (4, "f") if code == REAL else (8, "d")
    head = struct.pack(">iiiii", dimensions, 0, code, len(numbers), 1)
    return SentArray(head + b"".join(struct.pack(f">i{letter}", size, number) for number in numbers))


@given(several=st.lists(st.tuples(NUMBERS, st.sampled_from([REAL, DOUBLE])), max_size=8))
def test_arrays_are_read_alone_and_many_at_once(several: list[tuple[list[float], int]]) -> None:
    """Of any dimensions, and of both precisions."""
    stored = [sent(numbers, code) for numbers, code in several]
    for numbers, value in zip((numbers for numbers, _ in several), stored, strict=True):
        vector = read_embedding(value)
        assert vector is not None
        assert vector.tolist() == numbers
    read = read_embeddings(stored)
    assert read.unreadable == []
    found = {
        int(place): vector.tolist()
        for places, vectors in read.blocks
        for place, vector in zip(places, vectors, strict=True)
    }
    assert [found[place] for place in range(len(several))] == [numbers for numbers, _ in several]


@pytest.mark.parametrize(
    "value",
    [sent([1.0, np.nan]), sent([1.0, np.inf]), sent([1e300], DOUBLE), sent([1.0], dimensions=2), SentArray(b"\0" * 12)],
    ids=["nan", "infinity", "too large", "two dimensions", "empty"],
)
def test_what_is_no_vector_is_unreadable(value: SentArray) -> None:
    """As in JSON."""
    assert read_embedding(value) is None
    assert read_embeddings([value, None]).unreadable == [0, 1]
