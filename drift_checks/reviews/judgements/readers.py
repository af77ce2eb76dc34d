"""Judgements read from the files that `writers.py` writes and other programs return.

A record without an answer is no judgement.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from drift_checks.core.instants import read_instant
from drift_checks.core.plain import read_json
from drift_checks.core.records import forms_of
from drift_checks.core.tables import csv_rows
from drift_checks.core.text import printable, quoted
from drift_checks.reviews.judgements.file import judgement_of
from drift_checks.reviews.judgements.judgement import Answer, Judgement, Origin, answer_for
from drift_checks.reviews.judgements.writers import ANSWER, LABEL
from drift_checks.stores.identity import StoreIdentity

_NEEDED = ("record_id", "text_hash", "stored", "reviewed", "answer")
_GUARDED = ("'=", "'+", "'-", "'@", "'\t", "'\r")


@dataclass(frozen=True)
class Defaults:
    """What an imported file may leave out: the store, the judge and the time.

    Attributes:
        named: Who judges in Argilla, which names users by their numbers; empty to keep the numbers.
    """

    store: StoreIdentity
    judge: str
    now: datetime
    named: str = ""


@dataclass(frozen=True)
class Answers:
    """What a file holds: the judgements, and how many of its records have no answer."""

    judgements: Sequence[Judgement]
    unanswered: int


class UnreadableFile(ValueError):
    """The file is not in the format, or an answer in it cannot be used; the text says why."""


def read_answers(name: str, content: str, defaults: Defaults) -> Answers:
    """Return what a file in the format of this name holds; raise UnreadableFile if it is another, or is damaged."""
    try:
        found = list(READERS[name](content, defaults))
    except UnreadableFile:
        raise
    except KeyError as error:
        raise UnreadableFile(f"a record has no {quoted(error.args[0])}") from None
    except (ValueError, LookupError, TypeError, AttributeError, csv.Error):
        raise UnreadableFile("") from None
    judgements = [item for item in found if item is not None]
    return Answers(judgements, len(found) - len(judgements))


def fitting_formats(content: str, defaults: Defaults) -> list[str]:
    """Return the names of the formats in which the file holds records."""
    found = []
    for name in READERS:
        with suppress(UnreadableFile):
            answers = read_answers(name, content, defaults)
            if answers.judgements or answers.unanswered:
                found.append(name)
    return found


def _from_csv(content: str, defaults: Defaults) -> Iterator[Judgement | None]:
    rows = csv_rows(content)
    if missing := [name for name in _NEEDED if name not in (rows.fieldnames or ())]:
        raise UnreadableFile(f"it has no column {' or '.join(missing)}")
    for cells in rows:
        row = {name: _unguarded(value or "") for name, value in cells.items() if name}
        yield _from_row(_filled_in(row), defaults) if row["answer"] or row.get("category") else None


def _from_jsonl(content: str, defaults: Defaults) -> Iterator[Judgement | None]:
    for row in (read_json(line) for line in content.splitlines() if line.strip()):
        if not (row["answer"] or row.get("category")):
            yield None
        elif "store" in row and row["made"]:
            yield judgement_of(row)
        else:
            yield _from_row(_filled_in(row | row.get("store", {})), defaults)


def _from_argilla(content: str, defaults: Defaults) -> Iterator[Judgement | None]:
    records = read_json(content)
    unnamed = {user for record in records for user in _users(record) if user not in _judges_in(record)}
    if defaults.named and len(unnamed) > 1:
        raise UnreadableFile(f"{len(unnamed)} users answered, so --by cannot name them all")
    for record in records:
        carried = record["metadata"]
        responses = record["responses"]
        labels = {item["user_id"]: str(item["value"]) for item in responses.get(LABEL, ())}
        answers = {item["user_id"]: str(item["value"]) for item in responses.get(ANSWER, ())}
        if not _users(record):
            yield None
        for user in _users(record):
            judge = _judges_in(record).get(user, defaults.named or user)
            row, answer = {**carried, "judge": judge}, answers.get(user)
            yield _from_row(_answered(row, None if answer else labels.get(user), answer), defaults)


def _users(record: Mapping[str, Any]) -> list[str]:
    """Return the ids of the users of Argilla who answered."""
    responses = record["responses"]
    return list(dict.fromkeys(item["user_id"] for name in (ANSWER, LABEL) for item in responses.get(name, ())))


def _judges_in(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the judges whose answers were exported, by the ids that they got."""
    names: dict[str, str] = read_json(record["metadata"].get("judges", "{}"))
    return names


def _from_label_studio(content: str, defaults: Defaults) -> Iterator[Judgement | None]:
    for task in read_json(content):
        if not task["annotations"]:
            yield None
        for made in task["annotations"]:
            chosen = [
                choice
                for item in made["result"]
                if item.get("type") == "choices"
                for choice in item["value"]["choices"]
            ]
            row = {**task["data"], "made": made.get("created_at"), "judge": _annotator(made)}
            answer = "unknown" if made.get("was_cancelled") else None
            if len(chosen) > 1:
                both = set(chosen) == {row["stored"], row["reviewed"]}
                if not both:
                    names = ", ".join(map(quoted, chosen))
                    problem = f"record {printable(row['record_id'])} has the choices {names}"
                    raise UnreadableFile(f"{problem}; two choices must be the two categories of the record")
                answer = "both"
            elif not chosen:
                answer = (made.get("meta") or {}).get("answer") or "unknown"
            yield _from_row(_answered(row, chosen[0] if len(chosen) == 1 else None, answer), defaults)


READERS: Mapping[str, Callable[[str, Defaults], Iterator[Judgement | None]]] = {
    "csv": _from_csv,
    "jsonl": _from_jsonl,
    "argilla": _from_argilla,
    "label-studio": _from_label_studio,
}


def _filled_in(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a person who named the right category, and no answer."""
    return row if row["answer"] else _answered(row, str(row["category"]).strip(), None)


def _answered(row: dict[str, Any], label: str | None, answer: str | None) -> dict[str, Any]:
    """Return the row with its answer; a label that was chosen there decides, because it may have been changed."""
    if label is not None:
        chosen = answer_for(label, row["stored"], row["reviewed"])
        return row | {"answer": chosen, "category": label if chosen is Answer.OTHER else ""}
    return row | {"answer": answer, "category": ""}


def _from_row(row: Mapping[str, Any], defaults: Defaults) -> Judgement:
    """Return the judgement; raise ValueError or LookupError for a row that lacks something."""
    store = StoreIdentity(*(row.get(name) or own for name, own in defaults.store._asdict().items()))
    made = read_instant(row.get("made"), UTC) or defaults.now
    key, text_hash = row["record_id"], row["text_hash"]
    if not (isinstance(key, int | str) and str(key) and isinstance(text_hash, str) and text_hash):
        raise UnreadableFile("a record has no id, or no text_hash")
    if row["answer"] not in list(Answer):
        names = ", ".join(item for item in Answer if item is not Answer.WITHDRAWN)
        raise UnreadableFile(
            f"record {printable(key)} has the answer {quoted(row['answer'])}; it must be one of {names}"
        )
    versions = row.get("versions") or {}
    return Judgement(
        store=store,
        record_id=forms_of(key)[-1],
        text_hash=text_hash,
        stored=str(row["stored"]),
        reviewed=str(row["reviewed"]),
        answer=Answer(row["answer"]),
        judge=str(row.get("judge") or defaults.judge),
        made=made,
        category=str(row.get("category") or ""),
        run_id=str(row.get("run_id") or ""),
        origin=Origin(row.get("origin") or Origin.REVIEW),
        versions=read_json(versions) if isinstance(versions, str) else versions,
        blind=str(row.get("blind", True)).lower() != "false",
    )


def _annotator(made: Mapping[str, Any]) -> str:
    """Return who annotated: our own judge, or the user's e-mail address or number."""
    by = made.get("completed_by")
    if isinstance(by, Mapping):
        by = by.get("email") or by.get("id")
    return str((made.get("meta") or {}).get("judge") or by or "")


def _unguarded(value: str) -> str:
    """Return a cell without the mark that keeps spreadsheets from taking it for a formula."""
    return value[1:] if value.startswith(_GUARDED) else value
