"""Do SQLite and Chroma say the same?

Each sampled record's vector exists in Chroma; document, category, confidence and record_id there agree with SQLite;
the vector equals embedding_json. And over the whole store: no record lacks a vector, no vector lacks a record.

When it fails, the two are written by different code or one write was lost: rebuild the collection from SQLite,
or find the writer that leaves one of them out. Disagreements of such records are no drift.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pytest

from drift_checks.core.records import Record, read_number
from drift_checks.review.reviewers.neighbours import read_embedding
from drift_checks.stores.chroma import Entry, VectorCollection
from drift_checks.stores.records import RecordStore

pytestmark = pytest.mark.drift_criterion(
    question="Do SQLite and Chroma say the same?",
    failing="are inconsistent",
    warn=0.99,
    critical=0.95,
    remedy="Rebuild the collection from SQLite, or mend the writer that leaves one of the two out.",
)

# embedding_json is rounded, and Chroma keeps 32-bit numbers.
VECTOR_TOLERANCE = 1e-3
CONFIDENCE_TOLERANCE = 1e-4


def test_store_consistency(record: Record, vectors: VectorCollection, entries: Mapping[str, Entry]) -> None:
    """What Chroma holds of the record agrees with SQLite."""
    if not record.has("chroma_id"):
        pytest.skip("the store has no column chroma_id")
    entry = entries.get(str(record.values["chroma_id"]))
    assert entry is not None, "no vector in Chroma"
    faults = [*metadata_faults(record, entry), *vector_faults(record, entry, vectors.space)]
    assert not faults, "; ".join(faults)


def test_store_coverage(store: RecordStore, vectors: VectorCollection, whole_store: Callable[..., None]) -> None:
    """Over the whole store, each record has a vector and each vector a record."""
    if not store.has("chroma_id"):
        pytest.skip("the store has no column chroma_id")
    records = store.read(lambda connection: digests(key for (key,) in store.stream(connection, "chroma_id")))
    entries = digests(vectors.ids())
    without_vector = int((~np.isin(records, entries)).sum())
    without_record = int((~np.isin(entries, records)).sum())
    whole_store(
        "records with a vector",
        len(records) - without_vector,
        without_vector,
        "{failed} of {total} records lack a vector",
    )
    whole_store(
        "vectors with a record",
        len(entries) - without_record,
        without_record,
        "{failed} of {total} vectors lack a record",
    )


def metadata_faults(record: Record, entry: Entry) -> Iterator[str]:
    """Yield in what document and metadata differ from the record."""
    if entry.document is not None and entry.document != record.text:
        yield "Chroma's document is another text"
    there = entry.metadata
    if "category" in there and there["category"] != record.category:
        yield f"category is {record.category!r}, in Chroma {there['category']!r}"
    if "confidence" in there and record.has("confidence"):
        ours, theirs = record.confidence, read_number(there["confidence"])
        if ours is None or theirs is None or abs(ours - theirs) > CONFIDENCE_TOLERANCE:
            yield f"confidence is {record.values['confidence']!r}, in Chroma {there['confidence']!r}"
    if "record_id" in there and str(there["record_id"]) != str(record.id):
        yield f"Chroma's entry is that of record {there['record_id']!r}"


def vector_faults(record: Record, entry: Entry, space: str) -> Iterator[str]:
    """Yield in what the vector differs; one that cannot be read is the integrity criterion's."""
    ours = read_embedding(record.values.get("embedding_json"))
    if ours is None:
        return
    theirs = entry.vector
    if ours.size != theirs.size:
        yield f"embedding_json has {ours.size} numbers, Chroma's vector {theirs.size}"
        return
    if space == "cosine":
        # Chroma keeps them normalised.
        ours, theirs = normalised(ours), normalised(theirs)
    if float(np.linalg.norm(ours - theirs)) > VECTOR_TOLERANCE * max(1.0, float(np.linalg.norm(ours))):
        yield "Chroma's vector differs from embedding_json"


def normalised(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the vector at length 1; a vector of zeros stays as it is."""
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length else vector


def digests(keys: Iterable[object]) -> npt.NDArray[np.uint64]:
    """Return a digest of 64 bits for each key, eight bytes where the keys themselves would take a hundred."""
    return np.fromiter(
        (int.from_bytes(hashlib.blake2b(str(key).encode(), digest_size=8).digest(), "little") for key in keys),
        dtype=np.uint64,
    )
