"""A store with unmistakable texts, and a search for leaks of them."""

from __future__ import annotations

import hashlib
import html
import json
import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np

from drift_checks.stores.vectors.chroma import create_collection
from tests.support.stores import NAME, BuiltStore

PIECE = 12
_SYLLABLES = ("zor", "quim", "vexa", "yul", "drop", "gnaw", "khi", "wub", "jeth", "plax")


def secret_text(number: int) -> str:
    """Return the text of a record: at least 70 characters of nonsense."""
    chance = random.Random(number)
    words = ["".join(chance.choices(_SYLLABLES, k=3)) for _ in range(7)]
    return f"{' '.join(words[:3])}, {' '.join(words[3:])}."


def make_secret(store: BuiltStore) -> BuiltStore:
    """Give each record of a store its own text in both stores, which its evidence and rationale quote.

    Records 1 and 5 have the same text with two categories, and the document of record 8 belongs to another.
    """
    with closing(sqlite3.connect(store.db)) as connection, connection:
        rows = connection.execute(f"select id, chroma_id, category, confidence, embedding_json from {NAME}").fetchall()
        texts = {key: secret_text(1 if key == 5 else key) for key, *_ in rows}
        for key, text in texts.items():
            digest = hashlib.sha256(text.encode()).hexdigest()
            values = (text, digest, f"it says {text[:40]}", f"since {text[12:].strip()} means so", key)
            connection.execute(
                f"update {NAME} set text = ?, text_hash = ?, evidence = ?, rationale = ? where id = ?", values
            )
        connection.execute(f"update {NAME} set category = 'regulatory' where id = 5")
    (store.folder / "secret").mkdir()
    create_collection(
        store.folder / "secret",
        NAME,
        ids=[row[1] for row in rows],
        embeddings=np.array([json.loads(row[4]) for row in rows], dtype=np.float32),
        documents=[secret_text(1000) if row[0] == 8 else texts[row[0]] for row in rows],
        metadatas=[
            {"record_id": row[0], "category": row[2], "confidence": row[3], "origin_text": texts[row[0]]}
            for row in rows
        ],
    )
    return store


def secret_options(store: BuiltStore) -> list[str]:
    """Return the options of a review of such a store."""
    kept = [option for option in store.options if not option.startswith("--drift-chroma")]
    return [*kept, f"--drift-chroma={store.folder / 'secret'}"]


def pieces(texts: Iterable[str]) -> set[str]:
    """Return every part of the texts that is long enough to be recognised."""
    return {text[start : start + PIECE] for text in texts for start in range(len(text) - PIECE + 1)}


SECRETS = pieces([*map(secret_text, range(1, 121)), secret_text(1000)])


def leaked(said: str) -> list[str]:
    """Return the first parts of the output that reveal a text."""
    plain = html.unescape(said)
    found = [start for start in range(len(plain) - PIECE + 1) if plain[start : start + PIECE] in SECRETS]
    apart = [start for before, start in zip([-99, *found], found, strict=False) if start > before + PIECE]
    return [plain[max(0, start - 60) : start + 40] for start in apart[:5]]


def leaking_files(folder: Path, ours: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return the files below a folder that reveal a text, with the first parts, except for files of these names."""
    told: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in set(ours) and "__pycache__" not in path.parts:
            places = leaked(path.read_bytes().decode("utf-8", "replace"))
            told |= {str(path.relative_to(folder)): places} if places else {}
    return told
