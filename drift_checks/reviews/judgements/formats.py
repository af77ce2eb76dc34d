"""Judgements in the formats of other programs: CSV, JSON lines, Argilla's JSON and Label Studio's JSON.

A withdrawn judgement is written as a record without an answer, for people who annotate with those programs, and a
record without an answer is no judgement when it is read.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from drift_checks.core.instants import format_instant, read_instant
from drift_checks.core.plain import read_json, to_json
from drift_checks.core.records import RecordId, forms_of
from drift_checks.core.tables import csv_rows
from drift_checks.core.text import spreadsheet_cell
from drift_checks.reviews.judgements.file import judgement_of, plain_of
from drift_checks.reviews.judgements.judgement import Answer, Judgement, Origin, answer_for
from drift_checks.stores.identity import StoreIdentity

# The question in Argilla, and the name of the control in Label Studio.
LABEL, ANSWER = "label", "answer"
_COLUMNS = (
    *("record_id", "text_hash", "stored", "reviewed", "answer", "category", "judge", "made"),
    *("run_id", "origin", "blind", "db", "table", "collection", "versions", "text"),
)
_GUARDED = ("'=", "'+", "'-", "'@", "'\t", "'\r")
# What other programs must return unchanged.
_CARRIED = ("record_id", "text_hash", "stored", "reviewed", "run_id", "origin")
# What a person fills in.
_NO_ANSWER = {"answer": "", "category": "", "judge": "", "made": ""}


@dataclass(frozen=True)
class Context:
    """What the files hold besides judgements: the texts of records, and all categories to choose from."""

    texts: Mapping[RecordId, str]
    categories: Sequence[str] = ()


class Defaults:
    """What an imported file may leave out: the store, the judge and the time."""

    def __init__(self, store: StoreIdentity, judge: str, now: datetime) -> None:
        self.store, self.judge, self.now = store, judge, now


def to_csv(judgements: Iterable[Judgement], context: Context) -> str:
    """Return a line for each judgement."""
    written = StringIO()
    writer = csv.DictWriter(written, _COLUMNS)
    writer.writeheader()
    for item in judgements:
        row: dict[str, Any] = {**_plain(item), **item.store._asdict(), "text": context.texts.get(item.record_id, "")}
        row["versions"] = json.dumps(row["versions"])
        writer.writerow({name: spreadsheet_cell(row[name]) for name in _COLUMNS})
    return written.getvalue()


def to_jsonl(judgements: Iterable[Judgement], context: Context) -> str:
    """Return an object for each judgement, as in judgements.jsonl, with the text."""
    lines = (_plain(item) | {"text": context.texts.get(item.record_id)} for item in judgements)
    return "".join(f"{to_json(line)}\n" for line in lines)


def to_argilla(judgements: Iterable[Judgement], context: Context) -> str:
    """Return the records as `rg.Dataset.records.from_json` reads them; the names of judges are in the metadata.

    The question `answer` is answered where no single category is right, and counts before `label`.
    """
    records = []
    for made in _by_text(judgements):
        first = made[0]
        responses: dict[str, list[dict[str, str]]] = {LABEL: [], ANSWER: []}
        for item in filter(_is_answered, made):
            user, tells_all = _user_id(item.judge), len(item.right) == 1
            # Argilla wants one question to be answered always.
            label = next(iter(item.right)) if tells_all else item.stored
            responses[LABEL].append({"value": label, "user_id": user})
            if not tells_all:
                responses[ANSWER].append({"value": str(item.answer), "user_id": user})
        judges = {_user_id(item.judge): item.judge for item in made if _is_answered(item)}
        records.append(
            {
                "id": f"{first.record_id}-{first.text_hash[:12]}",
                "fields": {"text": context.texts.get(first.record_id, "")},
                "metadata": _carried(first) | {"judges": json.dumps(judges)},
                "suggestions": {},
                "responses": responses,
                "vectors": {},
            }
        )
    return to_json(records, 1)


def to_label_studio(judgements: Iterable[Judgement], context: Context) -> str:
    """Return the tasks as Label Studio imports them; both acceptable categories are two choices.

    Each has the categories as options, for `<Choices value="$categories">`.
    """
    options = [{"value": name} for name in context.categories]
    tasks = []
    for made in _by_text(judgements):
        annotations = [
            {
                "result": [
                    {
                        "from_name": LABEL,
                        "to_name": "text",
                        "type": "choices",
                        "value": {"choices": sorted(item.right)},
                    }
                ]
                if item.right
                else [],
                "was_cancelled": not item.decides,
                "created_at": format_instant(item.made),
                # Its own field `completed_by` must name a user of that server.
                "meta": {"judge": item.judge, "answer": str(item.answer)},
            }
            for item in made
            if _is_answered(item)
        ]
        data = {"categories": options, "text": context.texts.get(made[0].record_id, ""), **_carried(made[0])}
        tasks.append({"data": data, "annotations": annotations})
    return to_json(tasks, 1)


def from_csv(content: str, defaults: Defaults) -> list[Judgement]:
    """Return the judgements of a CSV file, which needs the columns record_id, text_hash, stored, reviewed, answer."""
    try:
        rows = [{name: _unguarded(value or "") for name, value in row.items() if name} for row in csv_rows(content)]
    except csv.Error as error:
        raise ValueError(str(error)) from None
    return [_from_row(_filled_in(row), defaults) for row in rows if row["answer"] or row.get("category")]


def from_jsonl(content: str, defaults: Defaults) -> list[Judgement]:
    """Return the judgements in JSON lines."""
    rows = [read_json(line) for line in content.splitlines() if line.strip()]
    return [
        judgement_of(row)
        if "store" in row and row["made"]
        else _from_row(_filled_in(row | row.get("store", {})), defaults)
        for row in rows
        if row["answer"] or row.get("category")
    ]


def from_argilla(content: str, defaults: Defaults) -> list[Judgement]:
    """Return the judgements in what `rg.Dataset.records.to_json` writes."""
    found = []
    for record in read_json(content):
        carried = record["metadata"]
        names = read_json(carried.get("judges", "{}"))
        responses = record["responses"]
        labels = {item["user_id"]: str(item["value"]) for item in responses.get(LABEL, ())}
        answers = {item["user_id"]: str(item["value"]) for item in responses.get(ANSWER, ())}
        for user in dict.fromkeys([*answers, *labels]):
            row, answer = {**carried, "judge": names.get(user, user)}, answers.get(user)
            found.append(_from_row(_answered(row, None if answer else labels.get(user), answer), defaults))
    return found


def from_label_studio(content: str, defaults: Defaults) -> list[Judgement]:
    """Return the judgements in Label Studio's JSON export."""
    found = []
    for task in read_json(content):
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
                    raise ValueError(
                        f"record {row['record_id']} has the choices {', '.join(chosen)}; choose one, or both shown"
                    )
                answer = "both"
            elif not chosen:
                answer = (made.get("meta") or {}).get("answer") or "unknown"
            found.append(_from_row(_answered(row, chosen[0] if len(chosen) == 1 else None, answer), defaults))
    return found


WRITERS: Mapping[str, Callable[[Iterable[Judgement], Context], str]] = {
    "csv": to_csv,
    "jsonl": to_jsonl,
    "argilla": to_argilla,
    "label-studio": to_label_studio,
}
READERS: Mapping[str, Callable[[str, Defaults], list[Judgement]]] = {
    "csv": from_csv,
    "jsonl": from_jsonl,
    "argilla": from_argilla,
    "label-studio": from_label_studio,
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
        raise ValueError("a record has no id, or no text_hash")
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


def _by_text(judgements: Iterable[Judgement]) -> Sequence[list[Judgement]]:
    found: dict[tuple[str, ...], list[Judgement]] = {}
    for item in judgements:
        found.setdefault((str(item.record_id), item.text_hash, item.stored, item.reviewed), []).append(item)
    return list(found.values())


def _carried(item: Judgement) -> dict[str, Any]:
    plain = plain_of(item)
    return {name: plain[name] for name in _CARRIED}


def _is_answered(item: Judgement) -> bool:
    return item.answer is not Answer.WITHDRAWN


def _plain(item: Judgement) -> dict[str, Any]:
    return plain_of(item) | ({} if _is_answered(item) else _NO_ANSWER)


def _user_id(judge: str) -> str:
    # Argilla knows users by UUIDs.
    return str(uuid5(NAMESPACE_URL, f"judge:{judge}"))


def _annotator(made: Mapping[str, Any]) -> str:
    """Return who annotated: our own judge, or the user's e-mail address or number."""
    by = made.get("completed_by")
    if isinstance(by, Mapping):
        by = by.get("email") or by.get("id")
    return str((made.get("meta") or {}).get("judge") or by or "")


def _unguarded(value: str) -> str:
    """Return a cell without the mark that keeps spreadsheets from taking it for a formula."""
    return value[1:] if value.startswith(_GUARDED) else value
