"""Stores whose records drift as a test wants, and a reviewer that answers as each text says."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.session_runs import Review, Run
from tests.support.stores import AS_OF, CATEGORIES, DIMENSION, NAME, SCHEMA, BuiltStore

Row = dict[str, object]
Change = Callable[[int, Row], Row]
RECENT, REFERENCE = 150, 250
# All of the records below, the baseline included.
ALL = "--drift-sample-size=5000"
ANSWERING = '''
"""Answers as the text says it will."""
import re

class Unavailable(Exception):
    pass

def answer(text):
    if text.startswith("no answer"):
        raise Unavailable("the line is dead")
    category, sure = re.search(r"answered as (\\w+), sure (\\d[.]\\d+)", text).groups()
    return category, float(sure)
'''


class DriftingStore(BuiltStore):
    """Records with vectors of their own, and no Chroma directory."""

    @property
    def options(self) -> list[str]:
        """What makes a review of this store the same on any day."""
        return [option for option in super().options if not option.startswith("--drift-chroma")]

    def without(self, column: str) -> None:
        """Drop a column."""
        self.execute(f"drop index if exists by_{column}")
        self.execute(f"alter table {NAME} drop column {column}")


def records(count: int, *, days: tuple[int, int], first: int = 1) -> list[Row]:
    """Return sound records with ids from `first`, that many days old, spread evenly.

    Categories, confidences, times, tokens and places do not depend on the age; the reviewer agrees, as sure as the
    store.
    """
    youngest, oldest = days
    return [_row(first + place, youngest + (oldest - youngest) * place / max(1, count - 1)) for place in range(count)]


def two_windows(change: Change | None = None, recent: int = RECENT, reference: int = REFERENCE) -> list[Row]:
    """Return sound records of the reference and the recent window; `change` is made to each recent one."""
    before = records(reference, days=(40, 380))
    now = records(recent, days=(1, 28), first=reference + 1)
    return before + ([change(place, row) for place, row in enumerate(now)] if change else now)


def answered(row: Row, category: str | None = None, sure: float | None = None) -> Row:
    """Return the record with a text on which the reviewer says this; what is None is what is stored."""
    sure = float(str(row["confidence"])) if sure is None else sure
    # Short, medium and long texts of each category.
    filler = "very " * (int(str(row["id"])) * 5 % 7)
    text = f"Risk number {row['id']:0>5} is {filler}odd: answered as {category or row['category']}, sure {sure:.3f}."
    return {**row, "text": text, "text_hash": hashlib.sha256(text.encode()).hexdigest()}


def disagreeing(row: Row, sure: float | None = None) -> Row:
    """Return the record with a text on which the reviewer says another category."""
    return answered(row, other_category(row), sure)


def other_category(row: Row) -> str:
    """Return another category than the record's, each of them as often."""
    others = [name for name in CATEGORIES if name != row["category"]]
    return others[int(str(row["id"])) // len(CATEGORIES) % len(others)]


def moved(row: Row, by: float) -> Row:
    """Return the record with its vector moved along an axis on which no category lies."""
    vector = json.loads(str(row["embedding_json"]))
    return {**row, "embedding_json": json.dumps([*vector[:-1], vector[-1] + by])}


def write_store(folder: Path, rows: Iterable[Row]) -> DriftingStore:
    """Write the records into a SQLite file in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    store = DriftingStore(folder)
    written = list(rows)
    with closing(sqlite3.connect(store.db)) as connection, connection:
        connection.execute("pragma synchronous = off")
        connection.executescript(SCHEMA)
        names = list(written[0])
        connection.executemany(
            f"insert into {NAME} ({', '.join(names)}) values ({', '.join('?' * len(names))})",
            [tuple(row[name] for name in names) for row in written],
        )
    return store


def check_only(review: Review, store: BuiltStore, criterion: str, *options: str, beside: str = "") -> Run:
    """Review all records with the reviewer that answers as the text says, by a criterion and one `beside` it."""
    return check_all(review, store, filter(None, (criterion, beside)), *options)


def check_all(review: Review, store: BuiltStore, criteria: Iterable[str], *options: str) -> Run:
    """Review all records with the reviewer that answers as the text says, by several criteria."""
    modules = map(module_of, criteria)
    return review.pytest("--pyargs", *modules, *store.options, *answering(review.folder), ALL, *options)


def module_of(criterion: str) -> str:
    """Return the name of a criterion's module, for `--pyargs`: a path would bring the ini file of its folder."""
    return f"drift_checks.criteria.test_{criterion}"


def answering(folder: Path) -> list[str]:
    """Return the option that names that reviewer, whose module is written into the folder."""
    (folder / "answering.py").write_text(ANSWERING, encoding="utf-8")
    return ["--drift-reviewer=answering:answer"]


def _row(number: int, days_old: float) -> Row:
    noise = np.random.default_rng(number)
    kind = number % len(CATEGORIES)
    vector = np.eye(DIMENSION)[kind] + noise.normal(scale=0.1, size=DIMENSION)
    row: Row = {
        "id": number,
        "chroma_id": f"chroma-{number}",
        "embedding_json": json.dumps([round(float(x), 6) for x in vector]),
        "category": CATEGORIES[kind],
        "confidence": round(float(noise.uniform(0.6, 1.0)), 4),
        "evidence": "odd",
        "rationale": "stored decision",
        "model_version": "model-1",
        "prompt_version": "1",
        "embedding_model": "toy",
        "source": "llm",
        "timestamp": (AS_OF - timedelta(days=days_old)).replace(tzinfo=None).isoformat(),
        "response_time_ms": float(noise.normal(800, 100)),
        "input_tokens": int(noise.normal(400, 60)),
        "output_tokens": int(noise.normal(80, 10)),
    }
    return answered(row)


def statistic(criterion: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what report.json says of one statistic of a criterion."""
    (found,) = [item for item in criterion["statistics"] if item["name"] == name]
    return dict(found)


def accused(criterion: Mapping[str, Any]) -> list[str]:
    """Return the names of the statistics that are worse than OK."""
    return [item["name"] for item in criterion["statistics"] if item["verdict"] not in (None, "OK")]


def keep_runs(
    reports: Path, document: Mapping[str, Any], agreed: Iterable[int], year: int = 2025, **changed: Any
) -> None:
    """Write past runs of 200 reviewed records each, oldest first, like a real run's document.

    Args:
        reports: The folder of reports.
        document: A real run's report.json.
        agreed: The number of the 200 on which each agreed.
        year: The year of the runs.
        changed: Other values of the key `drift`; mappings are merged.
    """
    for place, number in enumerate(agreed):
        drift = json.loads(json.dumps(document["drift"]))
        for key, value in changed.items():
            drift[key] = {**drift[key], **value} if isinstance(value, dict) else value
        drift["run_id"] = f"{year}0101T0000{place:0>2}Z-abc123"
        drift["sample"]["seed"] = 1000 + place
        drift["agreement"] |= {"agreed": number, "reviewed": 200, "rate": number / 200}
        folder = reports / drift["run_id"]
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(json.dumps({**document, "drift": drift}), encoding="utf-8")
