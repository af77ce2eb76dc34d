"""Does a search for a record's own vector find the record?

Chroma is searched for the `embedding_json` of each sampled record, which must be among the ten nearest. A stale or
broken index, or one of another model, fails here even if document and metadata are right. It is not measured without
Chroma: vectors in the table are compared without an index.

If it fails, rebuild the index of the collection from SQLite.
"""

from collections.abc import Mapping, Sequence

import pytest

from drift_checks.core.records import Record, RecordId, Sample
from drift_checks.stores.embeddings import read_embedding
from drift_checks.stores.vectors.base import Neighbour, VectorCollection
from drift_checks.stores.vectors.linking import Link

pytestmark = pytest.mark.drift_criterion(
    question="Does a search for a record's own vector find the record?",
    failing="are not found",
    remedy="Rebuild the collection from SQLite: its index is stale or broken.",
    warn=0.99,
    critical=0.95,
)

NEAREST = 10
# Chroma's index is approximate, and searches further for more results.
FURTHER = 300
# How much less similar duplicates may be, which may displace the record.
DUPLICATE = 1e-4


@pytest.fixture(scope="session")
def found(sample: Sample, vectors: VectorCollection, link: Link) -> Mapping[RecordId, Sequence[Neighbour]]:
    """The entries that Chroma finds for each sampled record with a vector of the collection's dimension."""
    vectors_by_id = {record.id: read_embedding(record.values.get("embedding_json")) for record in sample.records}
    own = {
        key: vector for key, vector in vectors_by_id.items() if vector is not None and vector.size == vectors.dimension
    }
    found = dict(zip(own, vectors.nearest(list(own.values()), NEAREST), strict=True))
    keys = {record.id: link.key_of(record) for record in sample.records}
    missed = [key for key, near in found.items() if keys[key] not in {neighbour.id for neighbour in near}]
    again = vectors.nearest([own[key] for key in missed], FURTHER)
    return found | {key: near[:NEAREST] for key, near in zip(missed, again, strict=True)}


def test_self_retrieval(
    record: Record, vectors: VectorCollection, link: Link, found: Mapping[RecordId, Sequence[Neighbour]]
) -> None:
    """The record is among the entries nearest to its own vector."""
    if not record.has("embedding_json"):
        pytest.skip("the store has no column embedding_json, so there is nothing to search for")
    if link.problem and not link.has_column:
        pytest.skip(link.problem)
    if record.id not in found:
        pytest.skip("embedding_json holds no vector of the collection's dimension")
    nearest = found[record.id]
    if link.key_of(record) in {neighbour.id for neighbour in nearest}:
        return
    own = read_embedding(record.values["embedding_json"])
    assert own is not None
    expected = vectors.similarity_to_itself(own)
    if len(nearest) == NEAREST and nearest[-1].similarity > expected - DUPLICATE * max(1.0, expected):
        pytest.skip(f"{NEAREST} other records have the same vector, or one as near")
    if nearest and all(neighbour.document == record.text for neighbour in nearest):
        pytest.skip(f"{len(nearest)} other records have the same text")
    best = f"{nearest[0].similarity:.2f}" if nearest else "none"
    pytest.fail(f"its own vector finds only other records (similarity of the nearest: {best})")
