"""Vectors of JSON arrays that earlier runs read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from drift_checks.reviews.labels import json_vectors
from drift_checks.reviews.labels.json_vectors import KeptVectors
from drift_checks.reviews.vectors.cache import ArrayFile
from drift_checks.stores.embeddings import Embeddings, read_embeddings

PACKED = np.arange(1, 4, dtype=np.float32).tobytes()
STORED = [
    "[1, 2.5, -3]",
    b"[4, 5, 6]",
    "[7, 8]",
    "[1, 2",
    None,
    5,
    PACKED,
    "[1, 2.5, -3]",
    '{"v": [1e-30, 0, 2]}',
    "\ud800",
]


def kept(folder: Path) -> KeptVectors:
    """Return a reader with a file in the folder."""
    return KeptVectors(ArrayFile(folder / "vectors", ("store",), np.float32))


def by_place(reader: KeptVectors | None = None) -> tuple[dict[int, list[float]], list[int]]:
    """Return each vector by the place of its value, and the places of those that are none."""
    blocks, unreadable = (reader.read if reader else read_embeddings)(STORED)
    found = {place: row.tolist() for places, rows in blocks for place, row in zip(places.tolist(), rows, strict=True)}
    return found, sorted(unreadable)


def test_vectors_are_those_that_are_stored(tmp_path: Path) -> None:
    """Of any form, on the first night and on the next one, whatever the file holds."""
    for _ in range(2):
        reader = kept(tmp_path)
        assert by_place(reader) == by_place() == by_place(reader)
        reader.keep()


def test_only_new_arrays_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others come from the file."""
    first = kept(tmp_path)
    first.read(STORED)
    first.keep()
    read: list[Sequence[object]] = []

    def noted(stored: Sequence[object]) -> Embeddings:
        read.append(stored)
        return read_embeddings(stored)

    monkeypatch.setattr(json_vectors, "read_embeddings", noted)
    kept(tmp_path).read(["[1, 2.5, -3]", "[9, 9, 9]"])
    assert read == [["[9, 9, 9]"]]


def test_store_of_packed_vectors_has_no_file(tmp_path: Path) -> None:
    """They are read as fast as a file."""
    reader = kept(tmp_path)
    reader.read([PACKED])
    reader.keep()
    assert list(tmp_path.iterdir()) == []
