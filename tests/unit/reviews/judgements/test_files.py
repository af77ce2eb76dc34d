"""Judgements in files of other programs."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest

from drift_checks.reviews.judgements.judgement import Answer, Judgement
from drift_checks.reviews.judgements.readers import Answers, Defaults, UnreadableFile, fitting_formats, read_answers
from drift_checks.reviews.judgements.writers import WRITERS, Context
from tests.support.histories import STORE
from tests.support.judgements import NOW, judgement

DEFAULTS = Defaults(STORE, "carla", NOW)


def read(name: str, content: str, defaults: Defaults = DEFAULTS) -> list[Judgement]:
    """Return the judgements in a file of this format."""
    return list(read_answers(name, content, defaults).judgements)


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
    found = read(name, WRITERS[name](made, Context({1: "text\n1"})))

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
    (found,) = read("label-studio", json.dumps([{"data": data, "annotations": [made]}]))
    assert (found.judge, found.answer, found.category) == ("ben@example.com", Answer.OTHER, "card")


def test_a_text_of_any_length_can_be_exported_and_imported() -> None:
    """The reader of CSV files has a limit of its own."""
    made = judgement(-1)
    (found,) = read("csv", WRITERS["csv"]([made], Context({-1: "long " * 40_000})))
    assert found.record_id == -1


@pytest.mark.parametrize("changed", [{"record_id": ""}, {"record_id": [1]}, {"text_hash": None}, {"text_hash": ""}])
def test_a_judgement_that_could_not_be_read_again_is_refused(changed: dict[str, object]) -> None:
    """Before it is written."""
    row = {"record_id": 1, "text_hash": "ab", "stored": "fraud", "reviewed": "loan", "answer": "store"} | changed
    with pytest.raises(UnreadableFile, match="no id, or no text_hash"):
        read("jsonl", json.dumps(row))


UNANSWERED = [judgement(key, Answer.WITHDRAWN, judge="") for key in (1, 2)]


@pytest.mark.parametrize("name", list(WRITERS))
def test_a_record_without_an_answer_is_no_judgement(name: str) -> None:
    """It is counted; the answers that people add are."""
    assert read_answers(name, WRITERS[name](UNANSWERED, Context({})), DEFAULTS) == Answers([], 2)


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
        assert only(read("csv", written.getvalue())) == expected
    first, second = WRITERS["jsonl"](UNANSWERED, Context({})).splitlines()
    filled_in = json.dumps(json.loads(first) | filled)
    assert only(read("jsonl", f"{filled_in}\n{second}\n")) == expected


def test_what_people_answer_in_argilla_and_label_studio_is_read() -> None:
    """In the form in which these programs export it."""
    records = json.loads(WRITERS["argilla"](UNANSWERED, Context({1: "a text"}, ("fraud", "loan"))))
    user = "8f9a1f52-3c5a-4a9b-8f57-1f2b7f1f9b11"
    records[0]["responses"] = {"label": [{"value": "loan", "user_id": user}]}
    records[0]["_server_id"] = user
    found = only(read("argilla", json.dumps(records)))
    assert found == (1, UNANSWERED[0].text_hash, user, Answer.REVIEWER, "")
    records[0]["responses"]["answer"] = [{"value": "both", "user_id": user}]
    assert only(read("argilla", json.dumps(records)))[3] is Answer.BOTH
    tasks = json.loads(WRITERS["label-studio"](UNANSWERED, Context({1: "a text"}, ("fraud", "loan"))))
    assert tasks[0]["data"]["categories"] == [{"value": "fraud"}, {"value": "loan"}]
    assert tasks[0]["annotations"] == []
    chosen = {"id": "x", "from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["fraud"]}}
    made = {"id": 7, "completed_by": 3, "result": [chosen], "was_cancelled": False, "ground_truth": False}
    tasks[0] |= {"id": 1, "annotations": [made], "predictions": [], "drafts": [], "meta": {}}
    found = only(read("label-studio", json.dumps(tasks)))
    assert found == (1, UNANSWERED[0].text_hash, "3", Answer.STORE, "")


def test_who_judges_in_argilla_may_be_named() -> None:
    """It knows its users by numbers, of which a name can stand for one; names that were exported stay."""
    records = json.loads(WRITERS["argilla"]([*UNANSWERED, judgement(3)], Context({})))
    records[0]["responses"]["label"] = [{"value": "loan", "user_id": "u1"}]
    named = Defaults(STORE, "dora", NOW, named="dora")
    assert [item.judge for item in read("argilla", json.dumps(records), named)] == ["dora", "anna"]
    records[1]["responses"]["label"] = [{"value": "loan", "user_id": "u2"}]
    assert [item.judge for item in read("argilla", json.dumps(records))] == ["u1", "u2", "anna"]
    with pytest.raises(UnreadableFile, match="2 users answered, so --by cannot name them all"):
        read("argilla", json.dumps(records), named)


@pytest.mark.parametrize("name", list(WRITERS))
def test_the_format_of_a_file_is_found(name: str) -> None:
    """To say which one to name."""
    assert fitting_formats(WRITERS[name](UNANSWERED, Context({})), DEFAULTS) == [name]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("csv", "record_id,answer\n1,store\n", "^it has no column text_hash or stored or reviewed$"),
        ("jsonl", '{"answer": "store", "record_id": 1, "text_hash": "ab"}', "^a record has no 'stored'$"),
        (
            "jsonl",
            '{"answer": "yes", "record_id": 1, "text_hash": "ab"}',
            "^record 1 has the answer 'yes'; it must be one of store, ",
        ),
        ("jsonl", "1", "^$"),
        ("argilla", "{", "^$"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_plain_words(name: str, content: str, problem: str) -> None:
    """Those of a parser help nobody."""
    with pytest.raises(UnreadableFile, match=problem):
        read(name, content)
