"""The built-in demo store, created in a cache folder on first use."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path

import numpy as np
import yaml

from drift_checks.core.errors import StoreError
from drift_checks.core.files import lock
from drift_checks.stores.demo.contents import AS_OF, Row, contents
from drift_checks.stores.demo.texts import descriptions
from drift_checks.stores.vectors.chroma import create_collection

# Increment this with every change of the contents, so that cached stores are created again.
STORE_VERSION = 1
# The seed of the sample, not of the contents, so that either can change alone.
SEED = 33
NAIVE_TIMEZONE = "UTC"

TABLE = "risk_classifications"
_DATABASE = "risk_classifications.db"
_TAXONOMY = "taxonomy.yaml"
_MARKER = "complete"


_SCHEMA = """
CREATE TABLE risk_classifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, text_hash TEXT NOT NULL, chroma_id TEXT,
    embedding_json TEXT, category TEXT NOT NULL, confidence REAL NOT NULL, evidence TEXT, rationale TEXT,
    model_version TEXT, prompt_version TEXT, embedding_model TEXT,
    source TEXT NOT NULL CHECK (source IN ('llm', 'vector_search', 'manual')), timestamp TEXT NOT NULL,
    response_time_ms REAL, input_tokens INTEGER, output_tokens INTEGER, last_reviewed_at TEXT,
    review_count INTEGER DEFAULT 0, archive_version INTEGER DEFAULT 0,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_classifications_text_hash ON risk_classifications (text_hash);
CREATE INDEX idx_classifications_chroma_id ON risk_classifications (chroma_id);
CREATE INDEX idx_classifications_confidence ON risk_classifications (confidence);
CREATE INDEX idx_classifications_timestamp ON risk_classifications (timestamp);
CREATE INDEX idx_classifications_source ON risk_classifications (source);
CREATE INDEX idx_classifications_last_reviewed_at ON risk_classifications (last_reviewed_at);
CREATE TABLE embedding_archives (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    classification_id INTEGER NOT NULL REFERENCES risk_classifications (id),
    embedding_json TEXT NOT NULL, embedding_model TEXT, archived_at TEXT
);
CREATE TABLE drift_metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT, total_reviewed INTEGER, agreements INTEGER, disagreements INTEGER,
    agreement_rate REAL, avg_confidence_change REAL, timestamp TEXT, created_at TEXT DEFAULT CURRENT_TIMESTAMP
);
"""


@dataclass(frozen=True)
class DemoStore:
    """The files of the demo store, and the settings that make its review reproducible."""

    db: Path
    chroma: Path
    seed: int
    as_of: datetime
    naive_timezone: str
    taxonomy: Path


def demo_store(cache: Path) -> DemoStore:
    """Return the demo store in the folder `cache`, creating it on first use.

    One process creates it in another folder, which it renames at the end; the others wait.

    Raises:
        StoreError: The folder cannot be written to, or is full.
    """
    folder = cache / f"demo-{STORE_VERSION}-chromadb-{metadata.version('chromadb')}"
    if not _is_complete(folder):
        try:
            _create_once(folder)
        except OSError as error:
            raise StoreError(
                "demo",
                f"the demo store cannot be created in {cache} ({error.strerror})",
                "the folder must be writable and have 20 MB of free space",
            ) from None
    return DemoStore(folder / _DATABASE, folder, SEED, AS_OF, NAIVE_TIMEZONE, folder / _TAXONOMY)


def _is_complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (_MARKER, _DATABASE, _TAXONOMY, "chroma.sqlite3"))


def _create_once(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        lock(file)
        if not _is_complete(folder):
            _create(folder)


def _create(folder: Path) -> None:
    prefix = f".{folder.name}-"
    # This process holds the lock, so anything left over is from one that was killed.
    for leftover in (folder, *folder.parent.glob(f"{prefix}*")):
        shutil.rmtree(leftover, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        _fill(aside)
        aside.rename(folder)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _fill(folder: Path) -> None:
    rows, entries = contents()
    _write_database(folder / _DATABASE, rows)
    create_collection(
        folder,
        TABLE,
        ids=[entry.id for entry in entries],
        embeddings=np.stack([entry.vector for entry in entries]),
        documents=[entry.document for entry in entries],
        metadatas=[entry.metadata for entry in entries],
    )
    taxonomy = yaml.safe_dump(descriptions(), sort_keys=False, allow_unicode=True, width=110)
    (folder / _TAXONOMY).write_text(taxonomy, encoding="utf-8")
    (folder / _MARKER).touch()


def _write_database(path: Path, rows: Sequence[Row]) -> None:
    names = ", ".join(rows[0])
    places = ", ".join(f":{column}" for column in rows[0])
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_SCHEMA)
        connection.executemany(f"INSERT INTO {TABLE} ({names}) VALUES ({places})", rows)  # noqa: S608 - our names
