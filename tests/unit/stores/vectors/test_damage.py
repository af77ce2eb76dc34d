"""Damage to a Chroma directory, told apart from other errors."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from drift_checks.core.errors import StoreError
from drift_checks.stores.vectors.chroma import DirectoryCollection, refuse_no_chroma
from tests.support.folders import contents
from tests.support.reading_chroma import READ_ALL, read_all
from tests.support.stores import NAME, BuiltStore


@pytest.fixture
def snapshots(tmp_path: Path) -> Path:
    """The folder of private copies."""
    return tmp_path / "snapshots"


@pytest.mark.parametrize("content", [b"", b"SQLite", b"<html>" * 100])
def test_a_file_that_is_not_a_database_is_reported_as_damage(store: BuiltStore, content: bytes) -> None:
    """Without importing chromadb."""
    (store.chroma / "chroma.sqlite3").write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        refuse_no_chroma(store.chroma)


@pytest.mark.parametrize("damage", ["garbage", "cut short", "header alone"])
def test_a_damaged_database_is_reported(store: BuiltStore, snapshots: Path, damage: str) -> None:
    """Even if Chroma panics; the directory is unchanged."""
    database = store.chroma / "chroma.sqlite3"
    sound = database.read_bytes()
    kept = {"garbage": 100, "cut short": len(sound) // 3, "header alone": 16}[damage]
    database.write_bytes(sound[:kept] + (b"\xa5" * len(sound) if damage == "garbage" else b""))
    before = contents(store.folder)
    with pytest.raises(StoreError, match=f"{store.chroma}: Chroma cannot read this directory"):
        DirectoryCollection(store.chroma, NAME, snapshots)
    assert contents(store.folder) == before


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        # Some versions of chromadb write room for ten times the elements.
        ("data_level0.bin", "twentieth"),
        ("data_level0.bin", "empty"),
        ("data_level0.bin", "gone"),
        ("header.bin", "empty"),
        ("header.bin", "gone"),
        ("index_metadata.pickle", "half"),
        ("index_metadata.pickle", "garbage"),
    ],
)
def test_a_damaged_index_is_reported(persisted: Path, snapshots: Path, name: str, damage: str) -> None:
    """However it is damaged; no copy remains."""
    [file] = persisted.glob(f"*/{name}")
    sound = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        kept = {"half": len(sound) // 2, "twentieth": len(sound) // 20}.get(damage, 0)
        noise = np.random.default_rng(0).bytes(len(sound)) if damage == "garbage" else b""
        file.write_bytes(sound[:kept] + noise)
    with pytest.raises(StoreError, match=f"{persisted}: Chroma cannot read this directory"):
        read_all(persisted, snapshots)
    assert list(snapshots.iterdir()) == []


def test_a_truncated_header_is_reported(persisted: Path, snapshots: Path) -> None:
    """In another process, because Chroma's core may crash when it reads past the end."""
    [file] = persisted.glob("*/header.bin")
    file.write_bytes(file.read_bytes()[:50])
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(persisted), str(snapshots)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode != -signal.SIGSEGV
    assert done.stdout.startswith(f"{persisted}: ")
