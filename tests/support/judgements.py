"""Judgements for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drift_checks.reviews.judgements.judgement import Answer, Judgement, hash_of
from tests.support.histories import STORE

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)


def judgement(
    record_id: int | str = 1, answer: Answer = Answer.STORE, judge: str = "anna", **changed: Any
) -> Judgement:
    """Return a judgement of a record that is fraud in the store and loan by the reviewer."""
    values: dict[str, Any] = {
        "store": STORE,
        "record_id": record_id,
        "text_hash": hash_of(f"text {record_id}"),
        "stored": "fraud",
        "reviewed": "loan",
        "made": NOW,
    }
    return Judgement(answer=answer, judge=judge, **(values | changed))
