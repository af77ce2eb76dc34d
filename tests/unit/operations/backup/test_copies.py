"""Copies of files that may be written to meanwhile."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from drift_checks.core.errors import ArchiveError, StoreChanged, StoreError
from drift_checks.operations.backup import copies
from drift_checks.operations.backup.copies import copy_chroma, copy_journal, copy_sqlite
from tests.support.ended_runs import fill
from tests.support.folders import contents
from tests.support.journals import left_hot, make, write
from tests.support.processes import OtherProcess
from tests.support.stores import BuiltStore


def copied_ids(path: Path, folder: Path) -> list[int]:
    """Copy the file; return the ids in the copy, after checking that nothing is beside it."""
    folder.mkdir()
    copy_sqlite(path, folder / "copy", folder.with_name("snapshots"))
    assert [found.name for found in folder.iterdir()] == ["copy"]
    with closing(sqlite3.connect(f"file:{folder / 'copy'}?immutable=1", uri=True)) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        return [number for (number,) in connection.execute("select id from risks order by id")]


@pytest.mark.parametrize(
    ("build", "rows"),
    [
        pytest.param(make, 3, id="rollback journal"),
        pytest.param(lambda path: make(path, journal="wal"), 3, id="closed WAL"),
        pytest.param(left_hot, 499, id="hot journal"),
    ],
)
def test_a_file_is_copied_and_stays_unchanged(tmp_path: Path, build: Callable[[Path], Path], rows: int) -> None:
    """To the byte, with nothing new beside it."""
    (tmp_path / "store").mkdir()
    path = build(tmp_path / "store" / "a.db")
    before = contents(path.parent)
    assert len(copied_ids(path, tmp_path / "copies")) == rows
    assert contents(path.parent) == before


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_copy_keeps_journal_mode_and_permissions(tmp_path: Path, journal: str) -> None:
    """The application can use it as before; rows in a live WAL are copied, although they are not in the file itself."""
    path = make(tmp_path / "a.db", journal=journal)
    path.chmod(0o640)
    with OtherProcess() as writer:
        write(writer, path, "insert into risks values (4, 'late')")
        assert copied_ids(path, tmp_path / "copies") == [1, 2, 3, 4]
    copy = tmp_path / "copies/copy"
    assert copy.stat().st_mode & 0o777 == 0o640
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == (journal,)


def test_a_large_file_is_copied_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application can write between them."""
    monkeypatch.setattr(copies, "_PAGES_AT_ONCE", 2)
    slept: list[float] = []
    monkeypatch.setattr("drift_checks.operations.backup.copies.time.sleep", slept.append)
    path = make(tmp_path / "a.db", range(1, 3000))
    assert len(copied_ids(path, tmp_path / "copies")) == 2999
    assert len(slept) > 5


def test_a_file_written_all_the_time_is_copied_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise SQLite would start again forever."""
    monkeypatch.setattr(copies, "_PAGES_AT_ONCE", 2)
    path = make(tmp_path / "a.db", range(1, 3000))
    number = iter(range(3000, 9000))

    def sleep(_seconds: float) -> None:
        # Threads that other tests left sleep, too.
        if threading.current_thread() is threading.main_thread():
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute("insert into risks values (?, 'note')", (next(number),))

    monkeypatch.setattr("drift_checks.operations.backup.copies.time.sleep", sleep)
    found = copied_ids(path, tmp_path / "copies")
    assert found == list(range(1, len(found) + 1))
    assert len(found) > 2999


def test_a_locked_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After waiting for its writer."""
    monkeypatch.setattr("drift_checks.stores.engines.sqlite.SqliteFile.__init__.__defaults__", (0.1, None))
    path = make(tmp_path / "a.db")
    with OtherProcess() as writer:
        writer.run(f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('begin exclusive')")
        with pytest.raises(StoreError, match="was locked by another program"):
            copy_sqlite(path, tmp_path / "copy", tmp_path / "snapshots")


def test_a_full_disk_is_reported(tmp_path: Path, disk: Callable[[int], Path]) -> None:
    """With a remedy."""
    path = make(tmp_path / "a.db", range(1, 5000))
    folder = disk(2_000_000)
    fill(folder, 20_000)
    with pytest.raises(ArchiveError, match=r"disk: the backup cannot be written there \(.*full\); name a folder"):
        copy_sqlite(path, folder / "copy", tmp_path / "snapshots")


def test_a_journal_is_copied_up_to_its_last_whole_line(tmp_path: Path) -> None:
    """Another process may be appending to it; permissions stay."""
    for content, copied in ((b"one\ntwo\nthr", b"one\ntwo\n"), (b"one\n", b"one\n"), (b"on", b""), (b"", b"")):
        (tmp_path / "a.jsonl").write_bytes(content)
        (tmp_path / "a.jsonl").chmod(0o640)
        copy_journal(tmp_path / "a.jsonl", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == copied
        assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o640
    with pytest.raises(StoreError, match="cannot be read"):
        copy_journal(tmp_path / "none", tmp_path / "copy")


def index(store: BuiltStore) -> Path:
    """Return a file of an index, as Chroma would write it."""
    folder = store.folder / "ef538636-cc49-4595-9b1c-d52938814d64"
    folder.mkdir(exist_ok=True)
    (folder / "length.bin").write_bytes(b"first")
    return folder / "length.bin"


def test_an_index_that_changes_meanwhile_is_copied_again(store: BuiltStore, tmp_path: Path) -> None:
    """With the records and the database; one that is deleted meanwhile is not in the copy."""
    file, called = index(store), []

    def shortly_before() -> None:
        called.append(1)
        if len(called) == 1:
            file.write_bytes(b"second")

    files = copy_chroma(store.chroma, tmp_path, tmp_path / "snapshots", shortly_before)
    assert len(called) == 2
    name = f"chroma/{file.parent.name}/length.bin"
    assert files[name].read_bytes() == b"second"
    (tmp_path / "again").mkdir()
    files = copy_chroma(store.chroma, tmp_path / "again", tmp_path / "snapshots", lambda: file.unlink(missing_ok=True))
    assert name not in files
    assert not (tmp_path / "again" / name).exists()


def test_an_index_that_changes_all_the_time_is_refused(
    store: BuiltStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After several attempts."""
    monkeypatch.setattr(copies, "_SETTLED_SECONDS", (0.0, 0.0, 0.0))
    file = index(store)
    with pytest.raises(StoreChanged, match="while each of 3 copies was made"):
        copy_chroma(store.chroma, tmp_path, tmp_path / "snapshots", lambda: os.utime(file))


def test_large_records_are_copied_only_once(store: BuiltStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the vectors, however many attempts these take."""
    monkeypatch.setattr(copies, "_QUICK_SECONDS", 1e-9)
    file, called = index(store), []

    def shortly_before() -> None:
        called.append(1)
        threading.Timer(0.02, lambda: file.write_bytes(b"second")).start()
        time.sleep(0.001)

    copy_chroma(store.chroma, tmp_path, tmp_path / "snapshots", shortly_before)
    assert len(called) == 1
