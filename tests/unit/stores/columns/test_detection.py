"""Which table and columns are proposed, how certain that is, and why not."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.stores.columns.detection import Detection, choose, detect
from drift_checks.stores.columns.looking import Column, Table
from drift_checks.stores.columns.vocabulary import in_words, strength

ROWS = 60
TEXTS = tuple(f"The invoice number {number} of last month is wrong, please help" for number in range(ROWS))
LABELS = tuple(("billing", "bug", "account")[number % 3] for number in range(ROWS))
SHARES = tuple(0.4 + 0.01 * (number % 50) for number in range(ROWS))
DAYS = tuple(f"2026-01-{number % 28 + 1:02}T10:00:00" for number in range(ROWS))
NUMBERS = tuple(range(1, ROWS + 1))
VALUES: dict[str, tuple[object, ...]] = {
    "id": NUMBERS,
    "text": TEXTS,
    "text_hash": tuple(hashlib.sha256(text.encode()).hexdigest() for text in TEXTS),
    "chroma_id": tuple(f"chroma-{number}" for number in NUMBERS),
    "embedding_json": tuple("[0.1, 0.2, 0.3, 0.4]" for _ in NUMBERS),
    "category": LABELS,
    "confidence": SHARES,
    "evidence": TEXTS,
    "rationale": TEXTS,
    "model_version": ("model-1",) * ROWS,
    "prompt_version": ("1",) * ROWS,
    "embedding_model": ("toy",) * ROWS,
    "source": ("llm",) * ROWS,
    "timestamp": DAYS,
    "response_time_ms": SHARES,
    "input_tokens": NUMBERS,
    "output_tokens": NUMBERS,
    "last_reviewed_at": (None,) * ROWS,
    "review_count": (0,) * ROWS,
    "archive_version": (0,) * ROWS,
    "created_at": DAYS,
}
# Every role that detection fills, under other names.
OTHER_NAMES = {
    "id": ("uuid", "record_id", "ticket_id", "Key"),
    "text": ("body", "Content", "messageText", "utterance", "customer_message", "Description"),
    "category": ("label", "predictedLabel", "INTENT", "topic", "ticket_category", "class"),
    "confidence": ("probability", "prob", "model_confidence", "Certainty"),
    "timestamp": ("created_at", "createdAt", "ts", "classified_at", "Date"),
}


def table(columns: Mapping[str, Sequence[object]], called: str = "tickets", key: str = "id") -> Table:
    """Return a table with these columns, one of them its primary key."""
    made = (
        Column(own, tuple(values), own == key, own == key or len(set(values)) == len(values))
        for own, values in columns.items()
    )
    return Table(called, tuple(made), ROWS, row_id="rowid")


def columns_of(found: Detection) -> dict[str, str]:
    """Return the proposed column of each role."""
    return {role: item.theirs for role, item in found.proposals.items()}


@given(st.randoms(use_true_random=False))
def test_our_own_schema_is_found_as_itself(chance: random.Random) -> None:
    """Whatever the order of its columns, each is what its name says, and certain."""
    names = list(VALUES)
    chance.shuffle(names)
    found = detect(table({name: VALUES[name] for name in names}))
    assert found.is_certain
    assert all(theirs == role for role, theirs in columns_of(found).items())
    assert set(VALUES) - set(found.proposals) == {"created_at", "last_reviewed_at"}


@given(st.fixed_dictionaries({role: st.sampled_from(names) for role, names in OTHER_NAMES.items()}), st.randoms())
def test_other_names_are_found_in_any_order(names: dict[str, str], chance: random.Random) -> None:
    """In any case and with the words of other applications."""
    columns = [(names[role], VALUES[role]) for role in names]
    chance.shuffle(columns)
    found = detect(table(dict(columns), key=names["id"]))
    assert (found.is_certain, columns_of(found)) == (True, {role: names[role] for role in found.proposals})
    assert set(found.proposals) == set(names)


@given(st.lists(st.tuples(st.text(max_size=12), st.lists(st.none() | st.text(max_size=9) | st.integers() | st.floats()
    | st.binary(max_size=9), min_size=3, max_size=3)), max_size=6, unique_by=lambda pair: pair[0].lower()))  # fmt: skip
def test_any_table_can_be_examined(columns: list[tuple[str, list[object]]]) -> None:
    """Whatever its names and values, and no column has two roles."""
    made = tuple(Column(name, tuple(values)) for name, values in columns)
    found = detect(Table("any", made, 3))
    used = [item.column for item in found.proposals.values()]
    assert len(used) == len(set(used))


@pytest.mark.parametrize(
    ("columns", "role", "proposed", "doubt"),
    [
        ({"label": LABELS, "prediction": LABELS}, "category", "prediction", "label may be meant, too"),
        ({"label": LABELS, "gold": LABELS}, "category", "label", "gold may be meant, too"),
        ({"label": LABELS, "intent": LABELS}, "category", "label", "intent may be meant, too"),
        ({"status": LABELS}, "category", "status", "its name says little"),
        ({"label": ("one",) * ROWS}, "category", "label", "all rows looked at have the same value"),
        ({"body": TEXTS, "subject": TEXTS}, "text", "body", "subject may be meant, too"),
        ({"title": TEXTS}, "text", "title", "it is only the title"),
        ({"score": tuple(100 * share for share in SHARES)}, "confidence", "score/100", "its name says little"),
        ({"probability": SHARES, "score": SHARES}, "confidence", "probability", "score may be meant, too"),
        ({"probability": tuple(10 * share for share in SHARES)}, "confidence", "probability/10", "may not be of 10"),
        ({"created_at": DAYS, "date": DAYS}, "timestamp", "created_at", "date may be meant, too"),
        ({"updated_at": DAYS}, "timestamp", "updated_at", "its name says little"),
        ({"number": (*NUMBERS[:-1], 1)}, "id", "rowid", "no column tells the rows apart"),
        ({"id": (*NUMBERS[:-1], 1)}, "id", "id", "1 occurs 2 times"),
        ({"code_of_row": NUMBERS}, "id", "code_of_row", "its name says little"),
    ],
)  # fmt: skip
def test_a_doubt_is_never_certain(columns: dict[str, tuple[object, ...]], role: str, proposed: str, doubt: str) -> None:
    """The likeliest column is proposed, with the reason for the doubt."""
    item = detect(table(columns, key="")).proposals[role]
    assert (item.theirs, item.is_certain, doubt in item.doubt) == (proposed, False, True), item


@pytest.mark.parametrize(
    ("role", "name", "values", "reason"),
    [
        ("category", "label", tuple(f"label {number}" for number in NUMBERS), "has as many values as rows"),
        ("category", "label", SHARES, "is a fraction"),
        ("text", "body", LABELS, "holds words rather than texts"),
        ("text", "message", NUMBERS, "is not text"),
        ("confidence", "score", tuple(-share for share in SHARES), "logarithms"),
        ("confidence", "score", tuple(number % 2 for number in NUMBERS), "as a flag is"),
        ("confidence", "probability", LABELS, "is not a number"),
        ("timestamp", "created", LABELS, "is not a time"),
        ("timestamp", "date", ("31.12.2025",) * ROWS, "is not a time that can be read, as in '31.12.2025'"),
        ("text_hash", "text_hash", ("ab" * 16,) * ROWS, "is not a SHA-256"),
        ("text_hash", "text_hash", ("ab" * 32,) * ROWS, "is not the SHA-256 of the text"),
        ("embedding_json", "embedding", (b"\x00" * 64,) * ROWS, "is a BLOB, but not of"),
        ("model_version", "model", TEXTS, "60 values in 60 rows"),
    ],
)
def test_a_name_without_fitting_values_is_no_proposal(
    role: str, name: str, values: tuple[object, ...], reason: str
) -> None:
    """The reason is kept, for the user."""
    columns = {"text": TEXTS, name: values} if role != "text" else {name: values}
    found = detect(table(columns, key=""))
    assert role not in found.proposals
    assert reason in found.unfit[role][name]


@pytest.mark.parametrize("kind", ["<f4", "<f8"])
def test_vectors_in_blobs_are_found(kind: str) -> None:
    """In both precisions that are read."""
    vectors = np.random.default_rng(1).normal(size=(ROWS, 384)).astype(kind)
    found = detect(table({"text": TEXTS, "embedding": [vector.tobytes() for vector in vectors]}, key=""))
    item = found.proposals["embedding_json"]
    assert (item.column, item.reason, item.is_certain) == ("embedding", "BLOBs of 384 numbers", True)


@pytest.mark.parametrize("name", ["moderated_at", "classified_at", "predicted_at", "decided_at", "labelledAt"])
def test_the_time_of_the_decision_comes_before_that_of_the_row(name: str) -> None:
    """And the reason says so."""
    item = detect(table({"text": TEXTS, "created_at": DAYS, name: DAYS}, key="")).proposals["timestamp"]
    assert (item.column, item.is_certain) == (name, True)
    assert item.reason.endswith("the time of the decision, unlike created_at")


def test_names_that_the_user_gave_are_not_searched_for() -> None:
    """The others are, and a given column has no other role."""
    found = detect(table({"body": TEXTS, "label": LABELS, "prediction": LABELS}), {"category": "Label"})
    assert columns_of(found)["text"] == "body"
    assert "category" not in found.proposals
    assert "label" not in columns_of(found).values()


def test_the_only_table_with_texts_and_labels_is_certain() -> None:
    """Others do not matter."""
    names = tuple(f"user {number}" for number in NUMBERS)
    users = table({"id": NUMBERS, "name": names, "type": LABELS}, "users")
    comments = table({"id": NUMBERS, "comment": TEXTS}, "comments")
    (found,) = choose([users, comments, table({"id": NUMBERS, "body": TEXTS, "label": LABELS})])
    assert (found.table.name, found.is_certain) == ("tickets", True)


def test_two_tables_alike_are_a_tie() -> None:
    """Neither is certain."""
    first, _ = choose([table({"id": NUMBERS, "body": TEXTS, "label": LABELS}, name) for name in ("train", "test")])
    assert (first.is_certain, len(first.tied)) == (False, 1)


def test_a_table_with_little_more_than_names_is_no_rival() -> None:
    """One whose labels are all the same, for example."""
    same = {"id": NUMBERS, "body": TEXTS, "label": ("a",) * ROWS}
    first, _ = choose([table(same, "drafts"), table({"id": NUMBERS, "body": TEXTS, "label": LABELS})])
    assert (first.table.name, first.is_certain) == ("tickets", True)


@pytest.mark.parametrize("name", ["a,b", "x=y", 'q"q', " padded ", "a/b", "", "name with spaces", "ünïcode"])
def test_a_proposal_is_a_valid_setting(name: str) -> None:
    """The setting `columns` reads it as the same column."""
    from pathlib import Path

    from drift_checks.settings.pairs import column_pairs
    from drift_checks.stores.columns.detection import Proposal

    if name:
        theirs = Proposal("text", name, "").theirs
        assert column_pairs().parse(f"text={theirs},id=k", Path()) == (("text", name), ("id", "k"))


@pytest.mark.parametrize(
    ("name", "words"),
    [("predictedLabel", "predicted_label"), ("Customer Message", "customer_message"), ("HTTPStatus", "http_status")],
)
def test_names_are_compared_by_their_words(name: str, words: str) -> None:
    """Whatever separates them."""
    assert in_words(name) == words


def test_the_name_of_the_table_in_front_says_nothing() -> None:
    """`ticket_body` in `tickets` is `body`."""
    assert strength("text", "ticket_body", "tickets") == strength("text", "body")
