"""The demo store: created once and completely, the same everywhere, with the documented faults."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from drift_checks.core.errors import StoreError
from drift_checks.stores.demo import contents
from drift_checks.stores.demo import store as module
from drift_checks.stores.demo.store import DemoStore, demo_store
from drift_checks.stores.demo.texts import descriptions
from drift_checks.stores.vectors.base import Entry
from drift_checks.stores.vectors.chroma import DirectoryCollection

Rows = list[dict[str, Any]]
VOTERS = 11
SCRIPT = """
import pathlib, sys
from drift_checks.stores.demo.store import demo_store
print(demo_store(pathlib.Path(sys.argv[1])).db)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DemoStore:
    """The store, created in this process."""
    return demo_store(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def rows(store: DemoStore) -> Rows:
    """All rows of the table."""
    with closing(sqlite3.connect(store.db)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM risk_classifications ORDER BY id")]


@pytest.fixture(scope="module")
def entries(store: DemoStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Entry]]:
    """All entries of the collection, by id."""
    collection = DirectoryCollection(store.chroma, "risk_classifications", tmp_path_factory.mktemp("snapshots"))
    yield collection.entries(list(collection.ids()))
    collection.close()


@pytest.fixture
def without_chroma(monkeypatch: pytest.MonkeyPatch) -> None:
    """Create few records and an empty file for the collection, if the contents do not matter."""

    def touch(directory: Path, _: str, **__: object) -> None:
        (directory / "chroma.sqlite3").touch()

    monkeypatch.setattr(module, "create_collection", touch)
    monkeypatch.setattr(contents, "RECORDS", 100)


def dump(path: Path) -> str:
    """Return the statements that recreate the database."""
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump())


def instant(row: Mapping[str, Any]) -> datetime | None:
    """Return the timestamp of a record, or None if it is unreadable."""
    try:
        moment = datetime.fromisoformat(row["timestamp"])
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def is_unsure(row: Mapping[str, Any]) -> bool:
    """Return whether a record has low confidence."""
    return isinstance(row["confidence"], float) and row["confidence"] <= contents.LOW_CONFIDENCE


def is_old(row: Mapping[str, Any]) -> bool:
    """Return whether a record is older than 90 days."""
    made = instant(row)
    return made is not None and made < contents.AS_OF - timedelta(days=90)


def test_processes_that_start_at_once_get_the_same_store(tmp_path: Path, store: DemoStore) -> None:
    """One creates it, the others wait; hash salts change no byte, and nothing else remains."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, tmp_path],
            env={**os.environ, "PYTHONHASHSEED": salt},
            cwd=Path(module.__file__).parents[3],
            stdout=subprocess.PIPE,
            text=True,
        )
        for salt in ("1", "2", "3", "4")
    ]
    answers = [process.communicate(timeout=120)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert len(set(answers)) == 1
    made = Path(answers[0])
    assert dump(made) == dump(store.db)
    assert (made.parent / "taxonomy.yaml").read_bytes() == store.taxonomy.read_bytes()
    assert sorted(tmp_path.iterdir()) == [made.parent, Path(f"{made.parent}.lock")]


def test_an_existing_store_is_not_created_again(store: DemoStore) -> None:
    """The second call returns the same files; another version of the store or of chromadb gets another folder."""
    before = store.db.stat()
    assert demo_store(store.db.parents[1]) == store
    assert (store.db.stat(), store.chroma) == (before, store.db.parent)
    assert store.chroma.name == f"demo-{module.STORE_VERSION}-chromadb-{metadata.version('chromadb')}"


@pytest.mark.usefixtures("without_chroma")
@pytest.mark.parametrize("lost", ["complete", "risk_classifications.db", "chroma.sqlite3", "taxonomy.yaml"])
def test_an_incomplete_store_is_created_again(tmp_path: Path, lost: str) -> None:
    """If any of its files is missing; what a killed process left is removed."""
    folder = demo_store(tmp_path).chroma
    (folder / lost).unlink()
    (folder / "stray").touch()
    aside = tmp_path / f".{folder.name}-abandoned"
    aside.mkdir()
    made = demo_store(tmp_path)
    assert made.chroma == folder
    assert (folder / lost).is_file()
    assert not (folder / "stray").exists()
    assert not aside.exists()


def test_a_failed_creation_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the path, the reason and the remedy, and the next call starts again."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "create_collection", fail)
    monkeypatch.setattr(contents, "RECORDS", 100)
    with pytest.raises(StoreError, match=rf"{tmp_path} \(No space left.*must be writable"):
        demo_store(tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_the_taxonomy_describes_every_category(store: DemoStore, rows: Rows) -> None:
    """Except for the damaged one."""
    taxonomy = yaml.safe_load(store.taxonomy.read_text(encoding="utf-8"))
    assert taxonomy == descriptions()
    assert {row["category"] for row in rows} - set(taxonomy) == {"miscellaneous"}


def test_ages_and_confidences_are_distributed_as_documented(rows: Rows) -> None:
    """A fifth is unsure, three quarters are old, none is older than 400 days; most timestamps have no zone."""
    assert len(rows) == contents.RECORDS
    assert np.mean([is_unsure(row) for row in rows]) == pytest.approx(0.22, abs=0.01)
    assert np.mean([is_old(row) for row in rows]) == pytest.approx(0.76, abs=0.03)
    assert all(made > contents.AS_OF - timedelta(days=401) for row in rows if (made := instant(row)))
    forms = Counter(form_of(row["timestamp"]) for row in rows)
    assert set(forms) == {"naive", "zulu", "offset", "space"}
    assert forms["naive"] > 0.8 * len(rows)


def form_of(timestamp: str) -> str:
    """Return the form of a timestamp."""
    if timestamp.endswith("Z"):
        return "zulu"
    if "+" in timestamp:
        return "offset"
    return "space" if " " in timestamp.replace("last tuesday", "") else "naive"


def test_evidence_effort_and_versions_are_plausible(rows: Rows) -> None:
    """The evidence is in the text, only the model uses tokens, and model and prompt change on their days."""
    for row in rows:
        age = contents.AS_OF - datetime.fromisoformat(row["created_at"]).replace(tzinfo=UTC)
        assert row["model_version"] == ("sage-1" if age > timedelta(days=120) else "sage-2")
        assert row["prompt_version"] == ("1" if age > timedelta(days=90) else "2")
        assert row["evidence"] in row["text"] or not row["text"].strip()
        assert row["rationale"]
        assert (row["input_tokens"] is not None) == (row["source"] == "llm")
        assert (row["response_time_ms"] is None) == (row["source"] == "manual")


def test_each_kind_of_damage_occurs(rows: Rows) -> None:
    """One field per damaged record, and each kind at least twice."""
    damages = [damages for row in rows if (damages := damages_of(row))]
    assert len(damages) == round(contents.DAMAGED_SHARE * contents.RECORDS)
    counts = Counter(kind for kinds in damages for kind in kinds)
    assert set(counts) == {"text", "hash", "range", "number", "category", "unreadable", "future", "vector"}
    assert min(counts.values()) >= 2
    assert all(len(kinds) == 1 for kinds in damages)


def damages_of(row: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a row; the hash of a blank text cannot be checked."""
    made = instant(row)
    blank = not row["text"].strip()
    faults = {
        "text": blank,
        "hash": not blank and row["text_hash"] != hashlib.sha256(row["text"].encode()).hexdigest(),
        "range": row["confidence"] == 1.7,
        "number": row["confidence"] == "NaN",
        "category": row["category"] not in descriptions(),
        "unreadable": made is None,
        "future": made is not None and made > contents.AS_OF,
        "vector": not is_json(row["embedding_json"]),
    }
    return [kind for kind, found in faults.items() if found]


def is_json(text: str) -> bool:
    """Return whether the text can be parsed."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_chroma_differs_from_the_records_as_planted(rows: Rows, entries: Mapping[str, Entry]) -> None:
    """As many entries as documented are missing, orphaned, relabelled or stale; all others match."""
    held = [(row, entries[row["chroma_id"]]) for row in rows if row["chroma_id"] in entries]
    assert len(rows) - len(held) == round(contents.MISSING_SHARE * contents.RECORDS)
    assert len(entries) - len(held) == contents.ORPHAN_VECTORS
    relabelled = [row for row, entry in held if entry.metadata["category"] != row["category"]]
    assert len(relabelled) == round(contents.MISMATCHED_SHARE * contents.RECORDS)
    readable = [(row, entry) for row, entry in held if is_json(row["embedding_json"])]
    stale = [
        row for row, entry in readable if not np.allclose(json.loads(row["embedding_json"]), entry.vector, atol=1e-5)
    ]
    assert len(stale) == contents.STALE_VECTORS


def test_entries_have_the_metadata_of_their_records(rows: Rows, entries: Mapping[str, Entry]) -> None:
    """A damaged value is damaged in both; a blank text is still in Chroma."""
    copied = ("confidence", "source", "prompt_version", "timestamp")
    for row in rows:
        if entry := entries.get(row["chroma_id"]):
            assert entry.metadata["record_id"] == row["id"]
            assert {name: entry.metadata[name] for name in copied} == {name: row[name] for name in copied}
            assert entry.document == row["text"] or not row["text"].strip()
            assert entry.metadata["origin_text"] == (entry.document or "")[:500]


def test_only_planted_conflicts_repeat_a_text(rows: Rows) -> None:
    """Each repeated text occurs twice, with two categories."""
    labels = defaultdict(list)
    for row in rows:
        if row["text"].strip():
            labels[row["text"]].append(row["category"])
    repeated = [categories for categories in labels.values() if len(categories) > 1]
    assert len(repeated) == contents.LABEL_CONFLICTS
    assert all(len(set(categories)) == len(categories) == 2 for categories in repeated)


def test_neighbours_agree_with_four_fifths_of_the_labels(rows: Rows, entries: Mapping[str, Entry]) -> None:
    """In a sample of 30 unsure and 20 old records, mostly 39 to 42 agree: a WARNING."""
    agreed = agreements(rows, entries)
    unsure = np.mean([agrees for row, agrees in zip(rows, agreed, strict=True) if is_unsure(row)])
    old = np.mean([agrees for row, agrees in zip(rows, agreed, strict=True) if is_old(row) and not is_unsure(row)])
    assert 0.78 <= unsure <= 0.83
    assert 0.80 <= old <= 0.85
    assert 0.795 <= 0.6 * unsure + 0.4 * old <= 0.825


def agreements(rows: Rows, entries: Mapping[str, Entry]) -> list[bool]:
    """Return for each record whether a vote of its nearest neighbours in Chroma agrees with its category."""
    others = list(entries.values())
    vectors = np.stack([entry.vector for entry in others])
    agreed = []
    for row in rows:
        entry = entries.get(row["chroma_id"])
        own = json.loads(row["embedding_json"]) if is_json(row["embedding_json"]) else entry and entry.vector
        similarities = vectors @ np.asarray(own, dtype=np.float32)
        votes: defaultdict[str, float] = defaultdict(float)
        near = (place for place in np.argsort(-similarities) if others[place].id != row["chroma_id"])
        fresh = (place for place in near if others[place].document != row["text"])
        for place, _ in zip(fresh, range(VOTERS), strict=False):
            votes[str(others[place].metadata["category"])] += max(float(similarities[place]), 0.0)
        agreed.append(max(sorted(votes), key=votes.__getitem__) == row["category"])
    return agreed
