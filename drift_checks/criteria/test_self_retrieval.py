"""Does a record's own vector find the record?

Each sampled record's `embedding_json` is looked up in Chroma: the record must be among the ten nearest. An index that
is stale, broken or of another model fails here although document and metadata are right.

When it fails, rebuild the collection's index from SQLite.
"""

from collections.abc import Mapping, Sequence

import pytest

from drift_checks.core.records import Record, RecordId, Sample
from drift_checks.review.reviewers.neighbours import read_embedding
from drift_checks.stores.chroma import Neighbour, VectorCollection

pytestmark = pytest.mark.drift_criterion(
    question="Does a record's own vector find the record?",
    failing="are not found",
    remedy="Rebuild the collection from SQLite: its index is stale or broken.",
    warn=0.99,
    critical=0.95,
)

NEAREST = 10
# Records at the very place of the vector may crowd each other out.
THE_SAME_PLACE = 0.9999


@pytest.fixture(scope="session")
def found(sample: Sample, vectors: VectorCollection) -> Mapping[RecordId, Sequence[Neighbour]]:
    """What Chroma finds for each sampled record that has a vector of the collection's dimension."""
    read = {record.id: read_embedding(record.values.get("embedding_json")) for record in sample.records}
    own = {key: vector for key, vector in read.items() if vector is not None and vector.size == vectors.dimension}
    return dict(zip(own, vectors.nearest(list(own.values()), NEAREST), strict=True))


def test_self_retrieval(record: Record, found: Mapping[RecordId, Sequence[Neighbour]]) -> None:
    """The record is among the nearest of its own vector."""
    if not (record.has("embedding_json") and record.has("chroma_id")):
        pytest.skip("the store has no column embedding_json or chroma_id")
    if record.id not in found:
        pytest.skip("embedding_json holds no vector of the collection's dimension")
    nearest = found[record.id]
    if str(record.values["chroma_id"]) in {neighbour.id for neighbour in nearest}:
        return
    if len(nearest) == NEAREST and nearest[-1].similarity > THE_SAME_PLACE:
        pytest.skip(f"{NEAREST} other records lie at the very same place")
    best = f"{nearest[0].similarity:.2f}" if nearest else "none"
    pytest.fail(f"its own vector finds others only (similarity of the nearest: {best})")
