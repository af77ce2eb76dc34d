"""Small stores for tests: SQLite and Chroma in one folder, without damage."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from drift_checks.stores.vectors.chroma import create_collection

AS_OF = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
CATEGORIES = ("financial", "regulatory", "operational")
DIMENSION = 8
NAME = "risk_classifications"
SCHEMA = """
create table risk_classifications (
    id integer primary key autoincrement, text text not null, text_hash text not null, chroma_id text not null,
    embedding_json text not null, category text not null, confidence real not null, evidence text not null,
    rationale text not null, model_version text not null, prompt_version text not null,
    embedding_model text not null, source text not null, timestamp text not null, response_time_ms real,
    input_tokens integer, output_tokens integer, last_reviewed_at text, review_count integer default 0,
    archive_version integer default 0, created_at text not null default current_timestamp
);
create index by_confidence on risk_classifications (confidence);
create index by_timestamp on risk_classifications (timestamp);
"""


@dataclass(frozen=True)
class BuiltStore:
    """A store for a test, and the options of a review of it at a fixed time."""

    folder: Path

    @property
    def db(self) -> Path:
        """The SQLite file."""
        return self.folder / "risk_classifications.db"

    @property
    def chroma(self) -> Path:
        """The Chroma directory."""
        return self.folder

    @property
    def options(self) -> list[str]:
        """Options that make a review of this store reproducible."""
        return [
            f"--drift-db={self.db}",
            f"--drift-chroma={self.chroma}",
            "--drift-as-of=2026-01-15T02:00:00Z",
            "--drift-naive-timezone=UTC",
            "--drift-seed=1",
        ]

    def execute(self, statement: str, *parameters: object) -> None:
        """Change the SQLite file."""
        with closing(sqlite3.connect(self.db)) as connection, connection:
            connection.execute(statement, parameters)


def build_store(folder: Path, count: int = 120, disagreeing: Collection[int] = ()) -> BuiltStore:
    """Create a store of `count` records with ids from 1.

    Every fourth record has the confidence 0.6, the others 0.9; every second is 200 days old, the others 30. The vectors
    of a category are close together. Records in `disagreeing` have another category than their neighbours.
    """
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(7)
    rows, vectors = [], []
    for number in range(1, count + 1):
        kind = number % len(CATEGORIES)
        vector = np.eye(DIMENSION, dtype=np.float32)[kind] + noise.normal(scale=0.06, size=DIMENSION).astype(np.float32)
        vectors.append(vector / np.linalg.norm(vector))
        category = CATEGORIES[(kind + (number in disagreeing)) % len(CATEGORIES)]
        rows.append(_row(number, category, vectors[-1]))
    store = BuiltStore(folder)
    with closing(sqlite3.connect(store.db)) as connection, connection:
        connection.executescript(SCHEMA)
        names = list(rows[0])
        connection.executemany(
            f"insert into {NAME} ({', '.join(names)}) values ({', '.join('?' * len(names))})",
            [tuple(row.values()) for row in rows],
        )
    create_collection(
        folder,
        NAME,
        ids=[str(row["chroma_id"]) for row in rows],
        embeddings=np.stack(vectors),
        documents=[str(row["text"]) for row in rows],
        metadatas=[
            {
                "record_id": int(str(row["id"])),
                "category": str(row["category"]),
                "confidence": float(str(row["confidence"])),
            }
            for row in rows
        ],
    )
    return store


def records_alone(store: BuiltStore) -> list[str]:
    """Return the options of a review without the vectors beside the records."""
    return [*(option for option in store.options if not option.startswith("--drift-chroma")), "--drift-chroma=none"]


def _row(number: int, category: str, vector: np.ndarray) -> dict[str, object]:
    text = f"Risk number {number} concerns {category} matters."
    moment = AS_OF - timedelta(days=200 if number % 2 else 30, minutes=number)
    return {
        "id": number,
        "text": text,
        "text_hash": hashlib.sha256(text.encode()).hexdigest(),
        "chroma_id": f"chroma-{number}",
        "embedding_json": json.dumps([round(float(x), 6) for x in vector]),
        "category": category,
        "confidence": 0.6 if number % 4 == 0 else 0.9,
        "evidence": text[:20],
        "rationale": "stored decision",
        "model_version": "model-1",
        "prompt_version": "1",
        "embedding_model": "toy",
        "source": "llm",
        "timestamp": moment.replace(tzinfo=None).isoformat(),
    }
