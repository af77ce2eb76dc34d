"""A directory that an older chromadb wrote is read and stays readable for it."""

from __future__ import annotations

from pathlib import Path

from drift_checks.stores.vectors.chroma import DirectoryCollection
from tests.support.folders import contents
from tests.support.old_chroma import COUNT, unpack_old_directory


def test_older_directory_is_read_and_not_migrated(tmp_path: Path) -> None:
    """Every byte stays as it was, so that its own client still reads it."""
    directory = tmp_path / "old"
    unpack_old_directory(directory)
    before = contents(directory)
    opened = DirectoryCollection(directory, "old", tmp_path / "snapshots")
    entry = opened.entries(["id-5"])["id-5"]
    [near] = opened.nearest([entry.vector], 3)
    opened.close()
    assert (opened.count, opened.dimension, opened.space) == (COUNT, 3, "cosine")
    assert (entry.document, entry.metadata["category"], len(near)) == ("text 5", "2", 3)
    assert contents(directory) == before
