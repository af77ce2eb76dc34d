"""Reviews for tests, as reviewers make them, and strategies that draw any."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from drift_checks.core.records import RecordId, Review, Usage

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
_SOME_TEXT, _SOME_NUMBER = st.none() | _TEXTS, st.none() | _NUMBERS
_COUNTS = st.none() | st.integers(0, 10**9)
IDS = st.integers() | _TEXTS
USAGES = st.builds(Usage, _COUNTS, _COUNTS, _SOME_NUMBER, _SOME_NUMBER)
REVIEWS = st.builds(
    Review,
    record_id=IDS,
    category=_SOME_TEXT,
    confidence=_SOME_NUMBER,
    failure=_SOME_TEXT,
    rationale=_SOME_TEXT,
    evidence=_SOME_TEXT,
    model=_SOME_TEXT,
    asked=st.booleans(),
    repeat=st.booleans(),
    usage=USAGES,
)


def made(record_id: RecordId, category: str = "financial", **changed: Any) -> Review:
    """Return a review that was made, with ten tokens in and two out."""
    return replace(Review(record_id, category, usage=Usage(10, 2)), **changed)


def failed(record_id: RecordId, failure: str = "TimeoutError", **changed: Any) -> Review:
    """Return a review for which there was no answer."""
    return replace(Review(record_id, failure=failure), **changed)
