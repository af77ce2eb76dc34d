"""Judgements written in the formats of other programs: CSV, JSON lines, Argilla's JSON and Label Studio's JSON.

A withdrawn judgement is written as a record without an answer, for people who annotate with those programs.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from drift_checks.core.instants import format_instant
from drift_checks.core.plain import to_json
from drift_checks.core.records import RecordId
from drift_checks.core.text import spreadsheet_cell
from drift_checks.reviews.judgements.file import plain_of
from drift_checks.reviews.judgements.judgement import Answer, Judgement

# The question in Argilla, and the name of the control in Label Studio.
LABEL, ANSWER = "label", "answer"
_COLUMNS = (
    *("record_id", "text_hash", "stored", "reviewed", "answer", "category", "judge", "made"),
    *("run_id", "origin", "blind", "db", "table", "collection", "versions", "text"),
)
# What other programs must return unchanged.
_CARRIED = ("record_id", "text_hash", "stored", "reviewed", "run_id", "origin")
# What a person fills in.
_NO_ANSWER = {"answer": "", "category": "", "judge": "", "made": ""}


@dataclass(frozen=True)
class Context:
    """What the files hold besides judgements: the texts of records, and all categories to choose from."""

    texts: Mapping[RecordId, str]
    categories: Sequence[str] = ()


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


WRITERS: Mapping[str, Callable[[Iterable[Judgement], Context], str]] = {
    "csv": to_csv,
    "jsonl": to_jsonl,
    "argilla": to_argilla,
    "label-studio": to_label_studio,
}


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
