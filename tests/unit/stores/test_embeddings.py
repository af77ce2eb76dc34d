"""Vectors read many at once."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drift_checks.stores.embeddings import PACKED, SentArray, SortKey, read_embedding, read_embeddings
from drift_checks.stores.engines.opening import open_records
from drift_checks.stores.records import RecordStore
from tests.support.tables import TABLE

# Numbers that one precision makes plausible, zeros, and such that none does.
NUMBERS = st.one_of(st.floats(-1, 1, width=32), st.just(0.0), st.floats(width=32))
VECTORS = st.lists(NUMBERS, min_size=1, max_size=9)


def sent(numbers: list[float], kind: str) -> SentArray:
    """Return the numbers as PostgreSQL sends an array of them."""
    size = np.dtype(kind).itemsize
    header = np.array([1, 0, {4: 700, 8: 701}[size], len(numbers), 1], ">i4").tobytes()
    return SentArray(header + b"".join(bytes([0, 0, 0, size]) + np.array(number, kind).tobytes() for number in numbers))


STORED = st.one_of(
    VECTORS.map(lambda numbers: np.array(numbers, "<f4").tobytes()),
    VECTORS.map(lambda numbers: np.array(numbers, "<f8").tobytes()),
    VECTORS.map(json.dumps),
    VECTORS.map(lambda numbers: json.dumps(numbers).encode()),
    st.binary(max_size=24),
    st.binary(max_size=24).map(SortKey),
    st.binary(max_size=40).map(SentArray),
    VECTORS.map(lambda numbers: sent(numbers, ">f4")),
    VECTORS.map(lambda numbers: sent(numbers, ">f8")),
    st.sampled_from([None, "no vector", 7, b"[" + bytes(7), b"[\x00\x80?[\x00\x80]"]),
)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@given(st.lists(STORED, max_size=12))
@example([np.array([0.5, -0.25], "<f4").tobytes(), None, np.array([0.5, 0.0], "<f4").tobytes()])
def test_a_page_of_values_is_read_as_each_value_is(stored: list[object]) -> None:
    """Whatever their types; each value has one place."""
    read = read_embeddings(stored)
    found = {int(place): vector for places, block in read.blocks for place, vector in zip(places, block, strict=True)}
    assert sorted([*found, *read.unreadable]) == list(range(len(stored)))
    for place, value in enumerate(stored):
        expected = read_embedding(value)
        assert (expected is None) is (place in read.unreadable)
        if expected is not None:
            assert found[place].dtype == np.float32
            assert np.array_equal(found[place], expected)


@given(VECTORS, st.sampled_from([">f4", ">f8"]))
def test_a_sent_array_holds_its_numbers(numbers: list[float], kind: str) -> None:
    """In either precision, unless one is not finite."""
    read = read_embedding(sent(numbers, kind))
    if np.isfinite(numbers).all():
        assert read is not None
        assert read.tolist() == numbers
    else:
        assert read is None


def test_blobs_of_one_length_are_one_block() -> None:
    """So that a million of them are not read one by one, also if some could be JSON by their first byte."""
    vectors = np.random.default_rng(1).normal(scale=0.05, size=(500, 32))
    for kind in ("<f4", "<f8"):
        read = read_embeddings([vector.astype(kind).tobytes() for vector in vectors])
        assert not read.unreadable
        largest = max(len(places) for places, _ in read.blocks)
        assert largest > 0.99 * len(vectors), kind


@pytest.mark.parametrize("kind", ["float[]", "double[]", "float[3]"])
@pytest.mark.parametrize("file", ["parquet", "duckdb"])
def test_the_lists_of_a_table_are_the_same_in_both_forms(tmp_path: Path, kind: str, file: str) -> None:
    """That which is read of a few records, and that which is read of all."""
    lists = [
        "[0.1, -2.5, 0]",
        "[1e-30, -0.0, 3e38]",
        "null",
        "[1, null, 2]",
        "['nan', '1', '2']",
        "['-inf', 'inf', '0']",
    ]
    if not kind.endswith("3]"):
        lists += ["[]", "[7]"]
    rows = ", ".join(f"({key}, 'text', 'a', {numbers}::{kind})" for key, numbers in enumerate(lists))
    path = tmp_path / f"records.{file}"
    query = f"select * from (values {rows}) t(id, text, category, embedding_json)"
    with duckdb.connect(str(path) if file == "duckdb" else ":memory:") as connection:
        if file == "duckdb":
            connection.execute(f"create table {TABLE} as {query}")
        else:
            connection.execute(f"copy ({query}) to '{path}' (format parquet)")
    with closing(open_records(path, tmp_path / "snapshots", 10)) as opened:
        store = RecordStore(opened, TABLE, {})
        (page,) = store.read(lambda connection: list(store.pages(connection, "id", PACKED)))
        found = store.read(lambda connection: store.rows(connection, range(len(lists))))
    assert len(page) == len(found) == len(lists)
    for key, packed in page:
        ours, theirs = read_embedding(packed), read_embedding(found[key]["embedding_json"])
        assert (ours is None) is (theirs is None), lists[key]
        assert ours is None or (theirs is not None and np.array_equal(ours, theirs))
    usable = {key for key, packed in page if read_embedding(packed) is not None}
    assert usable == ({0, 1, 7} if len(lists) > 6 else {0, 1})
    assert all(isinstance(packed, SortKey) for key, packed in page if key in usable)
