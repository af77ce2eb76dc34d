"""Is each record whole?

The text is there and its hash is right, the confidence is a number from 0 to 1, the category is in the taxonomy,
the timestamp can be read and does not lie in the future, and the embedding is an array of numbers of the
collection's dimension. Columns that the store lacks are left out.

When it fails, look for the writer of the damaged rows: the versions and times in the report tell which it was.
"""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from math import isfinite

import pytest

from drift_checks.core.instants import read_instant
from drift_checks.core.records import Record
from drift_checks.review.reviewers.neighbours import read_embedding
from drift_checks.settings.declarations import Settings

pytestmark = pytest.mark.drift_criterion(
    question="Is each record whole?",
    failing="are damaged",
    warn=0.99,
    critical=0.95,
    remedy="Find what wrote these rows, mend it, then the rows.",
)

CLOCK_SKEW = timedelta(minutes=5)


def test_record_integrity(
    record: Record, taxonomy: frozenset[str], dimension: int | None, drift_settings: Settings
) -> None:
    """No field of the record is damaged."""
    faults = [
        *text_faults(record),
        *confidence_faults(record),
        *category_faults(record, taxonomy),
        *timestamp_faults(record, drift_settings),
        *embedding_faults(record, dimension),
    ]
    assert not faults, "; ".join(faults)


def text_faults(record: Record) -> Iterator[str]:
    """Yield what is wrong with text and hash."""
    if not record.text.strip():
        yield "the text is empty"
    if record.has("text_hash"):
        stored = record.values["text_hash"]
        if str(stored).lower() != hashlib.sha256(record.text.encode("utf-8", errors="replace")).hexdigest():
            yield "text_hash is not the SHA-256 of the text"


def confidence_faults(record: Record) -> Iterator[str]:
    """Yield what is wrong with the confidence."""
    if record.has("confidence"):
        value = record.values["confidence"]
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            yield f"confidence is {value!r}, no number"
        elif not 0 <= value <= 1:
            yield f"confidence is {value:g}, not from 0 to 1"


def category_faults(record: Record, taxonomy: frozenset[str]) -> Iterator[str]:
    """Yield what is wrong with the category."""
    if not record.category.strip():
        yield "the category is empty"
    elif record.category not in taxonomy:
        yield f"category {record.category!r} is not in the taxonomy"


def timestamp_faults(record: Record, settings: Settings) -> Iterator[str]:
    """Yield what is wrong with the timestamp."""
    if record.has("timestamp"):
        stored = record.values["timestamp"]
        moment = read_instant(stored, settings.naive_timezone)
        if moment is None:
            yield f"timestamp {stored!r} cannot be read"
        elif moment > settings.as_of + CLOCK_SKEW:
            yield f"timestamp {stored!r} lies in the future"


def embedding_faults(record: Record, dimension: int | None) -> Iterator[str]:
    """Yield what is wrong with the embedding."""
    if record.has("embedding_json"):
        vector = read_embedding(record.values["embedding_json"])
        if vector is None:
            yield "embedding_json is no array of numbers"
        elif dimension is not None and vector.size != dimension:
            yield f"embedding_json has {vector.size} numbers, the collection's vectors have {dimension}"
