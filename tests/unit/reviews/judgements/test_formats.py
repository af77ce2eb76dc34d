"""Judgements as files of other programs."""

from __future__ import annotations

import json

import pytest

from drift_checks.reviews.judgements.formats import READERS, WRITERS, Defaults
from drift_checks.reviews.judgements.judgement import Answer
from tests.support.histories import STORE
from tests.support.judgements import NOW, judgement

DEFAULTS = Defaults(STORE, "carla", NOW)
EACH = [
    judgement(key, answer, judge)
    for key, answer in enumerate(Answer, 1)
    if answer is not Answer.WITHDRAWN
    for judge in ("anna", "ben")
]


@pytest.mark.parametrize("name", list(WRITERS))
def test_what_is_exported_can_be_imported(name: str) -> None:
    """With who said what of which text."""
    made = [*EACH, judgement(9, Answer.OTHER, category="=card")]
    found = READERS[name](WRITERS[name](made, {1: "text\n1"}), DEFAULTS)

    def told(items: list) -> list[tuple[object, ...]]:  # type: ignore[type-arg]
        return sorted(
            (item.record_id, item.text_hash, item.judge, item.answer, item.category, item.made) for item in items
        )

    assert told(found) == told(made)


def test_a_label_that_was_changed_in_label_studio_decides() -> None:
    """Its own export names the annotator, and no answer."""
    data = {"text": "…", "record_id": 1, "text_hash": "ab", "stored": "fraud", "reviewed": "loan"}
    chosen = {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["card"]}}
    made = {
        "result": [chosen],
        "was_cancelled": False,
        "completed_by": {"email": "ben@example.com"},
        "created_at": "2026-01-15T09:00:00Z",
    }
    (found,) = READERS["label-studio"](json.dumps([{"data": data, "annotations": [made]}]), DEFAULTS)
    assert (found.judge, found.answer, found.category) == ("ben@example.com", Answer.OTHER, "card")
