"""Judgements as files of other programs."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest

from drift_checks.reviews.judgements.formats import READERS, WRITERS, Context, Defaults
from drift_checks.reviews.judgements.judgement import Answer, Judgement
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
    found = READERS[name](WRITERS[name](made, Context({1: "text\n1"})), DEFAULTS)

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


def test_a_text_of_any_length_can_be_exported_and_imported() -> None:
    """The reader of CSV files has a limit of its own."""
    made = judgement(-1)
    (found,) = READERS["csv"](WRITERS["csv"]([made], Context({-1: "long " * 40_000})), DEFAULTS)
    assert found.record_id == -1


@pytest.mark.parametrize("changed", [{"record_id": ""}, {"record_id": [1]}, {"text_hash": None}, {"text_hash": ""}])
def test_a_judgement_that_could_not_be_read_again_is_refused(changed: dict[str, object]) -> None:
    """Before it is written."""
    row = {"record_id": 1, "text_hash": "ab", "stored": "fraud", "reviewed": "loan", "answer": "store"} | changed
    with pytest.raises(ValueError, match="no id, or no text_hash"):
        READERS["jsonl"](json.dumps(row), DEFAULTS)


UNANSWERED = [judgement(key, Answer.WITHDRAWN, judge="") for key in (1, 2)]


@pytest.mark.parametrize("name", list(WRITERS))
def test_a_record_without_an_answer_is_no_judgement(name: str) -> None:
    """The answers that people add are."""
    assert READERS[name](WRITERS[name](UNANSWERED, Context({})), DEFAULTS) == []


def only(found: list[Judgement]) -> tuple[object, ...]:
    """Return what the only judgement says."""
    (made,) = found
    return made.record_id, made.text_hash, made.judge, made.answer, made.category


@pytest.mark.parametrize(
    ("filled", "answer"),
    [
        ({"answer": "store"}, Answer.STORE),
        ({"category": "loan"}, Answer.REVIEWER),
        ({"category": "card"}, Answer.OTHER),
    ],
)
def test_an_answer_or_a_category_is_filled_in(filled: dict[str, str], answer: Answer) -> None:
    """In a spreadsheet, which may write semicolons, or in JSON lines."""
    lines = list(csv.DictReader(WRITERS["csv"](UNANSWERED, Context({1: "a; b"})).splitlines()))
    lines[0] |= filled
    expected = (1, UNANSWERED[0].text_hash, "carla", answer, "card" if answer is Answer.OTHER else "")
    for delimiter in ",;":
        written = StringIO()
        writer = csv.DictWriter(written, list(lines[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(lines)
        assert only(READERS["csv"](written.getvalue(), DEFAULTS)) == expected
    first, second = WRITERS["jsonl"](UNANSWERED, Context({})).splitlines()
    filled_in = json.dumps(json.loads(first) | filled)
    assert only(READERS["jsonl"](f"{filled_in}\n{second}\n", DEFAULTS)) == expected


def test_what_people_answer_in_argilla_and_label_studio_is_read() -> None:
    """In the form in which these programs export it."""
    records = json.loads(WRITERS["argilla"](UNANSWERED, Context({1: "a text"}, ("fraud", "loan"))))
    user = "8f9a1f52-3c5a-4a9b-8f57-1f2b7f1f9b11"
    records[0]["responses"] = {"label": [{"value": "loan", "user_id": user}]}
    records[0]["_server_id"] = user
    found = only(READERS["argilla"](json.dumps(records), DEFAULTS))
    assert found == (1, UNANSWERED[0].text_hash, user, Answer.REVIEWER, "")
    records[0]["responses"]["answer"] = [{"value": "both", "user_id": user}]
    assert only(READERS["argilla"](json.dumps(records), DEFAULTS))[3] is Answer.BOTH
    tasks = json.loads(WRITERS["label-studio"](UNANSWERED, Context({1: "a text"}, ("fraud", "loan"))))
    assert tasks[0]["data"]["categories"] == [{"value": "fraud"}, {"value": "loan"}]
    assert tasks[0]["annotations"] == []
    chosen = {"id": "x", "from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["fraud"]}}
    made = {"id": 7, "completed_by": 3, "result": [chosen], "was_cancelled": False, "ground_truth": False}
    tasks[0] |= {"id": 1, "annotations": [made], "predictions": [], "drafts": [], "meta": {}}
    found = only(READERS["label-studio"](json.dumps(tasks), DEFAULTS))
    assert found == (1, UNANSWERED[0].text_hash, "3", Answer.STORE, "")
