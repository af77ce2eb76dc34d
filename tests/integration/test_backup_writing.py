"""A backup of a store that its application keeps writing to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.caring import archives, back_up, restore
from tests.support.stores import BuiltStore
from tests.support.writing import TABLE, committed, refuse_other_entries, row, writing


@pytest.mark.slow
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_backup_is_the_store_at_one_moment(tmp_path: Path, journal: str) -> None:
    """Its rows and entries are the first that were committed; at most the row in progress lacks its entry."""
    store, backups = BuiltStore(tmp_path / "store"), tmp_path / "backups"
    with writing(store.folder, journal, least=100) as writer:
        before = committed(store.folder)
        for _ in range(2):
            assert back_up(store, backups) == 0
        assert writer.poll() is None
        after = committed(store.folder) + 1
    assert after > before + 1, "nothing was written meanwhile"
    for number, archive in enumerate(archives(backups)):
        place = tmp_path / f"restored-{number}"
        assert restore(archive, "--to-db", place / "risks.db", "--to-chroma", place / "chroma") == 0
        with closing(sqlite3.connect(place / "risks.db")) as connection:
            assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
            assert connection.execute("pragma journal_mode").fetchone() == (journal,)
            rows = connection.execute(f"select * from {TABLE} order by id").fetchall()
        assert before <= len(rows) <= after
        assert rows == [row(number) for number in range(1, len(rows) + 1)]
        refuse_other_entries(place / "chroma", tmp_path / "snapshots", least=len(rows) - 1, most=after)
