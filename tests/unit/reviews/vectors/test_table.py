"""Vectors in the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from drift_checks.core.records import Record, Stratum
from drift_checks.reviews.reviewers.neighbours import NeighboursReviewer
from drift_checks.reviews.vectors.table import TableVectors
from tests.support.tables import opened, write_table

COLUMNS = "id integer primary key, text, category, embedding_json"
GENERATOR = np.random.default_rng(3)


def near(kind: int, size: int = 4) -> list[float]:
    """Return a vector near that of its kind."""
    return [float(number) for number in np.eye(size)[kind] + GENERATOR.normal(scale=0.05, size=size)]


def table(path: Path, embeddings: Sequence[object]) -> TableVectors:
    """Return the vectors of a table with two categories that alternate."""
    rows = [(key, f"text {key}", "ab"[key % 2], embedding) for key, embedding in enumerate(embeddings)]
    return TableVectors(opened(write_table(path / "records.db", rows, COLUMNS)))


def sampled(key: int, embedding: object, text: str | None = None) -> Record:
    """Return a record of that table."""
    values = {"id": key, "text": text or f"text {key}", "category": "?", "embedding_json": embedding}
    return Record(key, Stratum.OLD, values)


@pytest.mark.parametrize(
    "stored",
    [
        json.dumps,
        lambda vector: np.array(vector, dtype="<f4").tobytes(),
        lambda vector: np.array(vector, dtype="<f8").tobytes(),
    ],
    ids=["JSON", "float32", "float64"],
)
def test_the_nearest_others_vote(tmp_path: Path, stored: object) -> None:
    """However the vectors are stored; the record itself does not vote."""
    embeddings = [stored(near(key % 2)) for key in range(40)]  # type: ignore[operator]
    vectors = table(tmp_path, embeddings)
    made = list(NeighboursReviewer(vectors).review([sampled(key, embeddings[key]) for key in (0, 1)]))
    assert [(review.category, review.rationale) for review in made] == [
        ("a", "11 of 11 nearest neighbours"),
        ("b", "11 of 11 nearest neighbours"),
    ]
    assert (vectors.count, vectors.remarks) == (40, ())
    assert 0 not in [other.id for other in vectors.nearest_others([sampled(0, embeddings[0])], 5)[0]]


def test_unusable_vectors_are_counted_and_named(tmp_path: Path) -> None:
    """Missing, unreadable, zero and not finite ones; their records do not vote and have no neighbours."""
    bad = [None, "junk", "[0, 0, 0, 0]", "[1, NaN, 0, 0]", "[1e999, 0, 0, 0]"]
    embeddings = [*(json.dumps(near(key % 2)) for key in range(20)), *bad]
    vectors = table(tmp_path, embeddings)
    found = vectors.nearest_others([sampled(0, embeddings[0]), sampled(20, None), sampled(22, bad[2])], 11)
    assert list(found) == [0]
    assert vectors.count == 20
    assert vectors.remarks == (
        "5 records without a usable vector in embedding_json (1 all zeros, 1 have none, 3 not readable)",
    )
    [failed] = NeighboursReviewer(vectors).review([sampled(20, None)])
    assert failed.failure == "the record has no usable vector"


def test_vectors_of_another_dimension_are_not_compared(tmp_path: Path) -> None:
    """Each is compared with its like, and the summary says so."""
    embeddings = [json.dumps(near(key % 2, 4 if key < 30 else 3)) for key in range(40)]
    vectors = table(tmp_path, embeddings)
    found = vectors.nearest_others([sampled(0, embeddings[0]), sampled(31, embeddings[31])], 2)
    assert {other.id for other in found[0]} <= set(range(30))
    assert {other.id for other in found[31]} <= set(range(30, 40))
    assert vectors.remarks == (
        "embedding_json has vectors of several dimensions, which are not comparable: 4 (30), 3 (10)",
    )


def test_a_store_is_read_once_for_all_searches(tmp_path: Path) -> None:
    """The report shows the neighbours that voted."""
    embeddings = [json.dumps(near(key % 2)) for key in range(20)]
    vectors = table(tmp_path, embeddings)
    first = vectors.nearest_others([sampled(0, embeddings[0])], 11)
    (tmp_path / "records.db").unlink()
    assert vectors.nearest_others([sampled(0, embeddings[0])], 5) == first
