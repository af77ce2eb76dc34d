"""The contents of the demo store: 400 days of decisions of an invented classifier, with planted faults.

Model `sage-2` replaced `sage-1` 120 days before `AS_OF`, and prompt `2` replaced prompt `1` 90 days before it. The old
prompt confused a share of the texts with a neighbouring category, as the classifier still does with texts that it is
unsure of. About a fifth of the records have low confidence; most of these are borderline texts. Neighbours agree with
about four fifths of the unsure and of the old records.

* `OLD_CONFUSED_SHARE` of the sure records older than 90 days, and `UNSURE_CONFUSED_SHARE` of the unsure records, have a
  neighbouring category, in SQLite and in Chroma.
* `DAMAGED_SHARE` of the records have one damaged field. Category, confidence and timestamp are damaged in Chroma, too.
* `MISMATCHED_SHARE` of the records have another category in Chroma, and `MISSING_SHARE` have no vector there.
* `STALE_VECTORS` records have the vector of an earlier text, and `ORPHAN_VECTORS` vectors belong to no record.
* `LABEL_CONFLICTS` records repeat the text of another record with a neighbouring category.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from drift_checks.stores.demo.embedding import DIMENSION, embed
from drift_checks.stores.demo.texts import DemoText, descriptions, generate, grammar

AS_OF = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)

CONTENT_SEED = 2026
RECORDS = 1200
SPAN_DAYS = 400
OLD_DAYS = 90
MODEL_CHANGE_DAYS = 120
LOW_CONFIDENCE = 0.75

BORDERLINE_UNSURE_SHARE = 0.80
CLEAR_UNSURE_SHARE = 0.065
UNSURE_CONFUSED_SHARE = 0.09
OLD_CONFUSED_SHARE = 0.16
DAMAGED_SHARE = 0.015
MISMATCHED_SHARE = 0.010
MISSING_SHARE = 0.006
STALE_VECTORS = 5
ORPHAN_VECTORS = 5
LABEL_CONFLICTS = 6
REVIEWED_SHARE = 0.08

Row = dict[str, Any]
_Member = TypeVar("_Member")
_Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Draft:
    """A record before its columns are filled in."""

    text: DemoText
    category: str
    age: timedelta
    unsure: bool
    repeated: bool

    @property
    def old(self) -> bool:
        return self.age > timedelta(days=OLD_DAYS)


@dataclass(frozen=True)
class Entry:
    """An entry of Chroma."""

    id: str
    vector: _Vector
    document: str
    metadata: Mapping[str, str | int | float]


def contents() -> tuple[list[Row], list[Entry]]:
    """Return the rows of SQLite and the entries of Chroma, which never change."""
    rng = random.Random(CONTENT_SEED)  # noqa: S311 - reproducible on purpose
    distinct = RECORDS - LABEL_CONFLICTS
    texts = generate(distinct + STALE_VECTORS + ORPHAN_VECTORS, CONTENT_SEED)
    spare = iter(texts[distinct:])
    drafts = _confuse(_drafts(texts[:distinct], rng), rng)
    vectors = embed([draft.text.text for draft in drafts])
    numbered = enumerate(zip(drafts, vectors, strict=True), 1)
    rows = [_row(number, draft, vector, rng) for number, (draft, vector) in numbered]
    faulty = _choose_faulty(drafts, rng)
    for turn, index in enumerate(faulty["damaged"]):
        damages = _damages(rows[index])
        rows[index].update(damages[turn % len(damages)])
    entries = [_entry(row, draft.text, vector) for row, draft, vector in zip(rows, drafts, vectors, strict=True)]
    for index in faulty["mismatched"]:
        entries[index] = _relabelled(entries[index], drafts[index])
    for index in faulty["stale"]:
        entries[index] = replace(entries[index], vector=embed([next(spare).text])[0])
    kept = [entry for index, entry in enumerate(entries) if index not in faulty["missing"]]
    return rows, kept + [_orphan(RECORDS + number, text, rng) for number, text in enumerate(spare, 1)]


def _drafts(texts: Sequence[DemoText], rng: random.Random) -> list[_Draft]:
    clear = [text for text in texts if not text.is_borderline]
    borderline = [text for text in texts if text.is_borderline]
    unsure = {*_share(borderline, BORDERLINE_UNSURE_SHARE, rng), *_share(clear, CLEAR_UNSURE_SHARE, rng)}
    conflicting = [replace(text, category=_neighbour(text)) for text in rng.sample(clear, LABEL_CONFLICTS)]
    repeated = {text.text for text in conflicting}
    chosen = rng.sample([*texts, *conflicting], RECORDS)
    ages = sorted((timedelta(seconds=rng.randrange(3600, SPAN_DAYS * 86400)) for _ in chosen), reverse=True)
    return [
        _Draft(text, text.category, age, text in unsure, text.text in repeated)
        for text, age in zip(chosen, ages, strict=True)
    ]


def _neighbour(text: DemoText) -> str:
    return text.second_category or grammar().categories[text.category].neighbours[0]


def _share(members: Sequence[_Member], share: float, rng: random.Random) -> list[_Member]:
    return rng.sample(members, round(share * len(members)))


def _confuse(drafts: Sequence[_Draft], rng: random.Random) -> list[_Draft]:
    candidates = [index for index, draft in enumerate(drafts) if not draft.repeated]
    unsure = [index for index in candidates if drafts[index].unsure]
    old = [index for index in candidates if drafts[index].old and not drafts[index].unsure]
    confused = {*_share(unsure, UNSURE_CONFUSED_SHARE, rng), *_share(old, OLD_CONFUSED_SHARE, rng)}
    return [
        replace(draft, category=_neighbour(draft.text)) if index in confused else draft
        for index, draft in enumerate(drafts)
    ]


def _choose_faulty(drafts: Sequence[_Draft], rng: random.Random) -> dict[str, list[int]]:
    shares = {"damaged": DAMAGED_SHARE, "mismatched": MISMATCHED_SHARE, "missing": MISSING_SHARE}
    counts = {**{fault: round(share * RECORDS) for fault, share in shares.items()}, "stale": STALE_VECTORS}
    candidates = [index for index, draft in enumerate(drafts) if not draft.repeated]
    chosen = iter(rng.sample(candidates, sum(counts.values())))
    return {fault: list(itertools.islice(chosen, count)) for fault, count in counts.items()}


def _row(number: int, draft: _Draft, vector: _Vector, rng: random.Random) -> Row:
    text = draft.text.text
    made = AS_OF - draft.age
    reviewed = draft.old and rng.random() < REVIEWED_SHARE
    return {
        "id": number,
        "text": text,
        "text_hash": _hash(text),
        "chroma_id": _new_id(rng),
        "embedding_json": _as_json(vector),
        "category": draft.category,
        "confidence": _confidence(draft.unsure, rng),
        "evidence": _evidence(text, rng),
        "rationale": f"The passage concerns {descriptions()[draft.category]}.",
        "model_version": "sage-1" if draft.age > timedelta(days=MODEL_CHANGE_DAYS) else "sage-2",
        "prompt_version": "1" if draft.old else "2",
        "embedding_model": f"demo-hash-{DIMENSION}",
        **_effort(draft, rng),
        "timestamp": _written(made, rng),
        "last_reviewed_at": _naive(AS_OF - draft.age * rng.uniform(0.1, 0.6)) if reviewed else None,
        "review_count": int(reviewed),
        "archive_version": 0,
        "created_at": made.strftime("%Y-%m-%d %H:%M:%S"),
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _new_id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _as_json(vector: _Vector) -> str:
    return json.dumps([round(float(number), 6) for number in vector])


def _confidence(unsure: bool, rng: random.Random) -> float:
    if unsure:
        return round(rng.triangular(0.38, LOW_CONFIDENCE, 0.68), 3)
    return round(rng.triangular(LOW_CONFIDENCE + 0.01, 0.99, 0.93), 3)


def _evidence(text: str, rng: random.Random) -> str:
    """Return the first words of a sentence of the text."""
    words = rng.choice(text.removesuffix(".").split(". ")).split(" ")
    return " ".join(words[: rng.randint(8, 16)]).rstrip(",")


def _effort(draft: _Draft, rng: random.Random) -> Row:
    """Return the source of the decision, its duration and its tokens; manual decisions are always right."""
    by_hand = 0 if draft.unsure or draft.repeated or draft.category != draft.text.category else 4
    [source] = rng.choices(["llm", "vector_search", "manual"], [80, 16, by_hand])
    milliseconds = rng.lognormvariate(math.log({"llm": 850, "vector_search": 35, "manual": 1}[source]), 0.45)
    tokens_in = 380 + round(1.35 * len(draft.text.text.split()))
    tokens_out = rng.randint(55, 140)
    return {
        "source": source,
        "response_time_ms": None if source == "manual" else round(milliseconds, 1),
        "input_tokens": tokens_in if source == "llm" else None,
        "output_tokens": tokens_out if source == "llm" else None,
    }


def _written(moment: datetime, rng: random.Random) -> str:
    """Return the timestamp in one of the forms that an old store accumulates."""
    east = timezone(timedelta(hours=rng.choice([1, 2])))
    forms = [_naive(moment), moment.astimezone(east).isoformat(), f"{_naive(moment)}Z", _naive(moment, " ")]
    return rng.choices(forms, [88, 5, 4, 3])[0]


def _naive(moment: datetime, separator: str = "T") -> str:
    return moment.replace(tzinfo=None).isoformat(separator, "seconds")


def _damages(row: Row) -> list[Row]:
    """Return the ways to damage one field of the row."""
    return [
        {"text": " "},
        {"text_hash": _hash(f"{row['text']} ")},
        {"confidence": 1.7},
        {"confidence": "NaN"},
        {"category": "miscellaneous"},
        {"timestamp": "last tuesday"},
        {"timestamp": _naive(AS_OF + timedelta(days=400))},
        {"embedding_json": row["embedding_json"][: len(row["embedding_json"]) // 3]},
    ]


def _entry(row: Row, text: DemoText, vector: _Vector) -> Entry:
    copied = {name: row[name] for name in ("category", "confidence", "source", "prompt_version", "timestamp")}
    return Entry(
        row["chroma_id"], vector, text.text, {"record_id": row["id"], **copied, "origin_text": text.text[:500]}
    )


def _relabelled(entry: Entry, draft: _Draft) -> Entry:
    other = grammar().categories[draft.category].neighbours[-1]
    return replace(entry, metadata={**entry.metadata, "category": other})


def _orphan(number: int, text: DemoText, rng: random.Random) -> Entry:
    draft = _Draft(text, text.category, timedelta(days=SPAN_DAYS), unsure=False, repeated=False)
    [vector] = embed([text.text])
    return _entry(_row(number, draft, vector, rng), text, vector)
