"""Which differences between SQLite and Chroma are faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drift_checks.core.records import Record, Stratum
from drift_checks.criteria import test_store_consistency as consistency
from drift_checks.criteria.test_store_consistency import metadata_faults
from drift_checks.stores.vectors.base import Entry
from drift_checks.stores.vectors.chroma import DirectoryCollection, create_collection
from drift_checks.stores.vectors.linking import Link
from tests.support.tables import opened, write_table

Faults = Callable[..., list[str]]


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    """Return the faults of an entry of a record with the text `the whole text`."""
    columns = "id integer primary key, text, category, confidence"
    store = opened(write_table(tmp_path / "a.db", [(1, "the whole text", "fees", 0.5)], columns))

    def find(document: str | None, metadata: dict[str, object], category: str | None = "fees") -> list[str]:
        values = {"id": 1, "text": "the whole text", "category": category, "confidence": 0.5}
        entry = Entry("a", np.ones(2, dtype=np.float32), document, metadata)
        return list(metadata_faults(Record(1, Stratum.OLD, values), entry, store))

    return find


@pytest.mark.parametrize("document", [None, "", "the whole text", "the whole", "the whole "])
def test_a_document_may_be_missing_or_cut(faults: Faults, document: str | None) -> None:
    """Many programs store only the beginning."""
    assert faults(document, {}) == []


@pytest.mark.parametrize("document", ["another text", "the whole text and more"])
def test_another_document_is_a_fault(faults: Faults, document: str) -> None:
    """The vector may be that of another record."""
    assert faults(document, {}) == ["Chroma's document is a different text"]


@pytest.mark.parametrize("there", ["fees", ["fees", "cards"]])
def test_a_category_may_be_one_of_several(faults: Faults, there: object) -> None:
    """Chroma's metadata may hold lists."""
    assert faults(None, {"category": there}) == []


def test_another_category_is_a_fault(faults: Faults) -> None:
    """Both are named."""
    assert faults(None, {"category": "cards"}) == ["category is 'fees', but 'cards' in Chroma"]
    assert len(faults(None, {"category": ["cards"]})) == 1


def test_an_empty_category_stands_for_none(faults: Faults) -> None:
    """Chroma holds no NULL."""
    assert faults(None, {"category": ""}, None) == []


def test_a_number_may_be_stored_as_text(faults: Faults) -> None:
    """In either store."""
    assert faults(None, {"category": 7, "record_id": 1, "confidence": "0.5"}, "7") == []


@pytest.mark.parametrize(("second", "both_ways"), [(2, True), (None, False)])
def test_vectors_of_rows_without_an_id_are_no_fault(tmp_path: Path, second: int | None, both_ways: bool) -> None:
    """Their rows are no decisions, so vectors without a record are not counted."""
    rows = [(1, "the first", "fees", "a"), (second, "the second", "fees", "b")]
    store = opened(write_table(tmp_path / "a.db", rows, "id integer, text, category, chroma_id"))
    (tmp_path / "chroma").mkdir()
    texts, vectors = ["the first", "the second"], np.eye(2, dtype=np.float32)
    metadatas = [{"category": "fees"}] * 2
    create_collection(
        tmp_path / "chroma", "risks", ids=["a", "b"], embeddings=vectors, documents=texts, metadatas=metadatas
    )
    collection = DirectoryCollection(tmp_path / "chroma", "risks", tmp_path / "snapshots")
    values = {"id": 1, "text": "the first", "category": "fees", "chroma_id": "a"}
    link = Link(store, collection, [Record(1, Stratum.OLD, values)])
    shares: list[str] = []
    consistency.test_store_coverage(store, collection, link, lambda name, *_: shares.append(name))
    collection.close()
    assert ("vectors with a record" in shares) is both_ways
