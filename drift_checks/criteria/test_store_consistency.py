"""Do SQLite and Chroma agree?

Each sampled record has a vector in Chroma; document, category, confidence and record_id there, as far as they exist,
agree with SQLite; the document may be the beginning of the text. The vector equals embedding_json. Over the whole
store, no record lacks a vector, and no vector lacks a record, unless some rows are left out: by a view, by the setting
`where`, or because they have no category yet. The entry of a record has its chroma_id, or its id in a store without
that column. It is not measured without Chroma.

If it fails, different programs write the two, or a write was lost: rebuild the collection from SQLite, or find the
program that omits one of them. Disagreements on such records are not drift.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pytest
from sqlalchemy import Connection

from drift_checks.core.records import Record, as_text, read_number
from drift_checks.settings.declarations import Settings
from drift_checks.settings.pairs import METADATA_CATEGORY
from drift_checks.stores.embeddings import read_embedding
from drift_checks.stores.records import RecordStore
from drift_checks.stores.vectors.base import Entry, VectorCollection
from drift_checks.stores.vectors.linking import Link, digests, is_text_of

pytestmark = pytest.mark.drift_criterion(
    question="Do SQLite and Chroma agree?",
    failing="are inconsistent",
    warn=0.99,
    critical=0.95,
    remedy="Rebuild the collection from SQLite, or fix the program that writes to only one of them.",
)

# embedding_json is rounded, and Chroma stores 32-bit numbers.
VECTOR_TOLERANCE = 1e-3
CONFIDENCE_TOLERANCE = 1e-4


@pytest.fixture(scope="session")
def _linked(link: Link) -> None:
    """Skip the checks of a store whose records cannot be found in the collection."""
    if link.problem and not link.has_column:
        pytest.skip(link.problem)


@pytest.mark.usefixtures("_linked")
def test_store_consistency(
    record: Record,
    store: RecordStore,
    vectors: VectorCollection,
    link: Link,
    entries: Mapping[str, Entry],
    drift_settings: Settings,
) -> None:
    """The record in Chroma agrees with SQLite."""
    key = link.key_of(record)
    assert key is not None, "it has no chroma_id, so no vector in Chroma"
    entry = entries.get(key)
    assert entry is not None, "it has no vector in Chroma"
    label = dict(drift_settings.columns).get(METADATA_CATEGORY, "category")
    faults = [*metadata_faults(record, entry, store, label), *vector_faults(record, entry, vectors.space)]
    assert not faults, "; ".join(faults)


@pytest.mark.usefixtures("_linked")
def test_store_coverage(
    store: RecordStore, vectors: VectorCollection, link: Link, whole_store: Callable[..., None]
) -> None:
    """In the whole store, each record has a vector, and each vector a record."""
    unlinked = 0

    def keys(connection: Connection) -> Iterator[str]:
        nonlocal unlinked
        unlinked = 0
        for key in link.keys(connection):
            if key is None:
                unlinked += 1
            else:
                yield key

    records = store.read(lambda connection: digests(keys(connection)))
    entries = digests(vectors.ids())
    compared = [("records with a vector", records, entries, unlinked, "records lack a vector")]
    # Rows that are no decisions may have vectors, too.
    if not store.is_part and not store.read(store.count_without_id):
        compared.append(("vectors with a record", entries, records, 0, "vectors lack a record"))
    for name, ours, others, without, what in compared:
        missing = int((~np.isin(ours, others)).sum())
        whole_store(name, len(ours) - missing, missing + without, f"{{failed}} of {{total}} {what}")


def metadata_faults(record: Record, entry: Entry, store: RecordStore, label: str = "category") -> Iterator[str]:
    """Yield the differences of document and metadata, which has the category under `label`, from the record."""
    if not is_text_of(entry.document, record.text):
        yield "Chroma's document is a different text"
    there = entry.metadata
    if label in there and not same_category(there[label], record.category):
        yield f"category is {record.category!r}, but {there[label]!r} in Chroma"
    if "confidence" in there and record.has("confidence"):
        # In Chroma it may be on the same scale as in SQLite.
        ours, theirs = record.confidence, store.forms.confidences.read(there["confidence"])
        if ours is not None and (theirs is None or abs(ours - theirs) > CONFIDENCE_TOLERANCE):
            theirs = read_number(there["confidence"])
        if ours is None or theirs is None or abs(ours - theirs) > CONFIDENCE_TOLERANCE:
            yield f"confidence is {record.values['confidence']!r}, but {there['confidence']!r} in Chroma"
    if "record_id" in there and not _is_id_of(record, there["record_id"]):
        yield f"Chroma's entry belongs to record {there['record_id']!r}"


def _is_id_of(record: Record, named: object) -> bool:
    stored = record.values.get("id")
    if isinstance(stored, bytes):
        return as_text(named).replace("-", "").lower() == record.id or named == int.from_bytes(stored, "little")
    return as_text(named) == as_text(record.id)


def same_category(there: object, ours: str | None) -> bool:
    """Return whether Chroma's category, which may be a list or a number, is or holds ours; it cannot hold NULL."""
    return any(as_text(item) == (ours or "") for item in (there if isinstance(there, list) else [there]))


def vector_faults(record: Record, entry: Entry, space: str) -> Iterator[str]:
    """Yield the differences of the vector; record_integrity reports one that is not readable."""
    ours = read_embedding(record.values.get("embedding_json"))
    if ours is None:
        return
    theirs = entry.vector
    if ours.size != theirs.size:
        yield f"embedding_json has {ours.size} numbers, but Chroma's vector {theirs.size}"
        return
    if space == "cosine":
        # Chroma stores them normalised.
        ours, theirs = normalised(ours), normalised(theirs)
    if float(np.linalg.norm(ours - theirs)) > VECTOR_TOLERANCE * max(1.0, float(np.linalg.norm(ours))):
        yield "Chroma's vector differs from embedding_json"


def normalised(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the vector scaled to length 1; a zero vector stays as it is."""
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length else vector
