"""The exact search, block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drift_checks.core.records import Damaged, Record, Stratum
from drift_checks.reviews.vectors.base import SPARE
from drift_checks.reviews.vectors.exact import NearestOthers, Row, unit, voting_row


def record(key: int, text: str) -> Record:
    """Return a record."""
    return Record(key, Stratum.OLD, {"id": key, "text": text, "category": "a"})


@given(
    arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 60)), elements=st.floats(-1, 1, width=32)),
    st.lists(st.integers(1, 9), min_size=60, max_size=60),
    st.integers(1, 20),
    st.integers(1, 5),
)
def test_blocks_find_what_one_sort_finds(
    similarities: npt.NDArray[np.float32], texts: list[int], size: int, least: int
) -> None:
    """Whatever their size; neither the record itself nor one with its text is found."""
    records = [record(1000 + place, f"text {place}") for place in range(len(similarities))]
    rows = [Row(key, f"text {texts[key]}", "a") for key in range(similarities.shape[1])]
    rows[0] = Row(1000, "changed since", "a")
    nearest = NearestOthers(records, least)
    for start in range(0, len(rows), size):
        nearest.add(similarities[:, start : start + size], rows[start : start + size])
    for place, (key, found) in enumerate(nearest.found().items()):
        others = [number for number, row in enumerate(rows) if row.text != f"text {place}" and row.id != key]
        expected = sorted((float(similarities[place, number]) for number in others), reverse=True)
        assert [other.similarity for other in found] == expected[: least + SPARE]


def test_a_block_may_concern_only_some_records() -> None:
    """As vectors of one of several dimensions do."""
    nearest = NearestOthers([record(1, "one"), record(2, "two"), record(3, "three")], 1)
    nearest.add(np.array([[0.5]]), [Row(8, "eight", "a")], [1])
    nearest.add(np.array([[0.9], [0.1]]), [Row(9, "nine", "b")], [0, 1])
    found = {key: [other.id for other in near] for key, near in nearest.found().items()}
    assert found == {1: [9], 2: [8, 9], 3: []}
    assert [other.id for other in nearest.found(above=0.4)[2]] == [8]


def test_only_rows_that_are_near_enough_are_read() -> None:
    """So that the texts of a million rows are not looked at; those without a vote are passed over."""

    class Rows(list[Row | None]):
        def __init__(self, rows: list[Row | None]) -> None:
            super().__init__(rows)
            self.read: set[int] = set()

        def __getitem__(self, number: Any) -> Any:
            self.read.add(number)
            return super().__getitem__(number)

    nearest = NearestOthers([record(1, "one")], 1)
    first: list[Row | None] = [Row(100 + place, f"first {place}", "a") for place in range(1 + SPARE)]
    nearest.add(np.full((1, len(first)), 0.5), first)
    rows = Rows([None, Row(200, "far", "a"), Row(201, "near", "a"), Row(202, "equally near as the first", "a")])
    nearest.add(np.array([[0.9, 0.1, 0.8, 0.5]]), rows)
    assert rows.read == {0, 2}
    assert next(other.id for other in nearest.found()[1]) == 201


def test_only_a_record_with_an_id_and_a_category_votes() -> None:
    """Any other is no neighbour."""
    assert voting_row(b"\x01\xff", "text", 7) == Row("01ff", "text", "7")
    for stored, category in ((None, "a"), (1, None), (1, " "), (1, Damaged(b"\xff", "is not UTF-8"))):
        assert voting_row(stored, "text", category) is None


def test_zeros_have_no_length_to_divide_by() -> None:
    """They stay zeros."""
    assert unit(np.array([[3, 4], [0, 0]], dtype=np.float32)).tolist() == [[np.float32(0.6), np.float32(0.8)], [0, 0]]
