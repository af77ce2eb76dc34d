"""Is each record intact?

The id is unique, the text is not empty and matches its hash, the confidence is a number from 0 to 1, the category is in
the taxonomy, the timestamp is readable and not in the future, and the embedding is an array of numbers with the
dimension of the collection. Columns that the store lacks are skipped, and so are those that no record can be read from,
which the run's notes name.

If it fails, find the program that wrote the damaged rows; the versions and times in the report identify it.
"""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from math import isfinite

import pytest

from drift_checks.core.instants import read_instant
from drift_checks.core.records import INDISPENSABLE, Damaged, Record
from drift_checks.core.text import quoted
from drift_checks.settings.declarations import Settings
from drift_checks.stores.embeddings import read_embedding

pytestmark = pytest.mark.drift_criterion(
    question="Is each record intact?",
    failing="are damaged",
    warn=0.99,
    critical=0.95,
    remedy="Find the program that wrote these rows, fix it, then repair the rows.",
)

CLOCK_SKEW = timedelta(minutes=5)


def test_record_integrity(
    record: Record, taxonomy: frozenset[str], dimension: int | None, drift_settings: Settings
) -> None:
    """No field of the record is damaged."""
    faults = [
        *unreadable_faults(record),
        *text_faults(record),
        *confidence_faults(record),
        *category_faults(record, taxonomy),
        *timestamp_faults(record, drift_settings),
        *embedding_faults(record, dimension),
    ]
    assert not faults, "; ".join(faults)


def unreadable_faults(record: Record) -> Iterator[str]:
    """Yield the faults of an id, a text or a category that could not be read as it is stored."""
    for column in INDISPENSABLE:
        value = record.values.get(column)
        if isinstance(value, Damaged):
            yield f"{column} {quoted(value.stored)} {value.problem}"


def text_faults(record: Record) -> Iterator[str]:
    """Yield the faults of text and hash."""
    if not record.text.strip():
        yield "the text is empty"
    if record.has("text_hash"):
        stored = record.values["text_hash"]
        if str(stored).lower() != hashlib.sha256(record.text.encode("utf-8", errors="replace")).hexdigest():
            yield "text_hash is not the SHA-256 of the text"


def confidence_faults(record: Record) -> Iterator[str]:
    """Yield the faults of the confidence."""
    if record.has("confidence"):
        value = record.values["confidence"]
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            yield f"confidence is {quoted(value)}, which is not a number"
        elif not 0 <= value <= 1:
            yield f"confidence is {value:g}, which is not from 0 to 1"


def category_faults(record: Record, taxonomy: frozenset[str]) -> Iterator[str]:
    """Yield the faults of the category."""
    # A record without a category is pending, and not drawn.
    if record.category.strip() and record.category not in taxonomy:
        yield f"category {record.category!r} is not in the taxonomy"


def timestamp_faults(record: Record, settings: Settings) -> Iterator[str]:
    """Yield the faults of the timestamp."""
    if record.has("timestamp"):
        stored = record.values["timestamp"]
        moment = read_instant(stored, settings.naive_timezone)
        if moment is None:
            yield f"timestamp {quoted(stored)} is not readable"
        elif moment > settings.as_of + CLOCK_SKEW:
            yield f"timestamp {quoted(stored)} is in the future"


def embedding_faults(record: Record, dimension: int | None) -> Iterator[str]:
    """Yield the faults of the embedding."""
    if record.has("embedding_json"):
        vector = read_embedding(record.values["embedding_json"])
        if vector is None:
            yield "embedding_json is not an array of numbers"
        elif dimension is not None and vector.size != dimension:
            yield f"embedding_json has {vector.size} numbers, the collection's vectors have {dimension}"
