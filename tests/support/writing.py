"""An application that writes a row and an entry of Chroma every few milliseconds."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from drift_checks.stores.vectors.chroma import DirectoryCollection

_REPOSITORY = Path(__file__).parents[2]
DIMENSION = 8
COLLECTION = TABLE = "risk_classifications"
# Chroma writes its index to files after this many entries.
_PERSISTED_EACH = 40
Row = tuple[int, str, str, str]


def row(number: int) -> Row:
    """Return the row with that number, from 1."""
    return number, f"Risk {number} " + "x" * (number % 400), f"chroma-{number}", "financial"


def vector(number: int) -> list[float]:
    """Return the vector with that number."""
    made = np.random.default_rng(number).normal(size=DIMENSION).astype(np.float32)
    return [float(value) for value in made]


def write(folder: Path, journal: str) -> None:
    """Write for ever; each number is added to a file when its row and entry are committed."""
    import sqlite3

    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    client = chromadb.PersistentClient(str(folder), settings)
    collection = client.create_collection(
        COLLECTION,
        metadata={"hnsw:space": "cosine", "hnsw:sync_threshold": _PERSISTED_EACH, "hnsw:batch_size": _PERSISTED_EACH},
        embedding_function=None,
    )
    connection = sqlite3.connect(folder / "risk_classifications.db", timeout=30)
    connection.execute(f"pragma journal_mode = {journal}")
    connection.execute(f"create table {TABLE} (id integer primary key, text, chroma_id, category)")
    connection.commit()
    with (folder / "committed").open("w") as committed:
        number = 0
        while True:
            number += 1
            connection.execute(f"insert into {TABLE} values (?, ?, ?, ?)", row(number))
            connection.commit()
            _, text, key, category = row(number)
            collection.add(
                ids=[key],
                embeddings=np.array([vector(number)], dtype=np.float32),
                documents=[text],
                metadatas=[{"category": category}],
            )
            committed.write(f"{number}\n")
            committed.flush()
            time.sleep(0.002)


def committed(folder: Path) -> int:
    """Return how many rows and entries are certainly committed."""
    try:
        lines = (folder / "committed").read_text().split("\n")[:-1]
    except FileNotFoundError:
        return 0
    return int(lines[-1]) if lines else 0


@contextmanager
def writing(folder: Path, journal: str, least: int) -> Iterator[subprocess.Popen[str]]:
    """Let another process write, from when it has written this many rows until the end."""
    folder.mkdir()
    code = (
        f"from pathlib import Path; from tests.support.writing import write; write(Path({str(folder)!r}), {journal!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=_REPOSITORY, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while committed(folder) < least:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.communicate()


def refuse_other_entries(directory: Path, snapshots: Path, least: int, most: int) -> None:
    """Check that a Chroma directory holds the entries 1, 2, 3 … as written, and finds each of them."""
    opened = DirectoryCollection(directory, COLLECTION, snapshots)
    try:
        assert least <= opened.count <= most
        numbers = range(1, opened.count + 1)
        entries = opened.entries([f"chroma-{number}" for number in numbers])
        assert len(entries) == opened.count
        for number in numbers:
            entry = entries[f"chroma-{number}"]
            assert entry.document == row(number)[1]
            # With the cosine distance, Chroma stores vectors as given or normalised.
            expected = np.array(vector(number), dtype=np.float32)
            given = entry.vector / np.linalg.norm(entry.vector)
            assert np.allclose(given, expected / np.linalg.norm(expected), atol=1e-6), number
        found = opened.nearest([entries["chroma-1"].vector, entries[f"chroma-{opened.count}"].vector], 1)
        assert [near[0].id for near in found] == ["chroma-1", f"chroma-{opened.count}"]
    finally:
        opened.close()
