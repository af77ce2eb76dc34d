"""Reading a SQLite file in any state, without writing a byte to it or beside it."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from drift_checks.core.errors import StoreChanged, StoreError, StoreLocked
from drift_checks.stores.engines.sqlite import Access, SqliteFile
from tests.support.folders import contents
from tests.support.journals import copied, ids, left_hot, make, read_ids, write
from tests.support.processes import OtherProcess
from tests.support.waiting import PATIENCE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the store."""
    path = tmp_path / "store"
    path.mkdir()
    return path


@pytest.fixture
def snapshots(tmp_path: Path) -> Path:
    """The folder of private copies."""
    return tmp_path / "snapshots"


@pytest.mark.parametrize(
    ("journal", "beside"), [("delete", ""), ("truncate", ""), ("persist", ""), ("wal", ""), ("wal", "-wal")]
)
def test_a_closed_file_is_read_unchanged(folder: Path, snapshots: Path, journal: str, beside: str) -> None:
    """In each journal mode, leaving nothing beside it; a checkpoint may leave an empty WAL."""
    path = make(folder / "a.db", journal=journal)
    (folder / f"a.db{beside}").touch()
    before = contents(folder)
    assert read_ids(path, snapshots) == [1, 2, 3]
    assert contents(folder) == before
    assert not snapshots.exists()


def test_rows_in_a_live_wal_are_seen(folder: Path, snapshots: Path) -> None:
    """They are committed, but not yet in the file itself; SQLite keeps the WAL beside the target of a link."""
    path = make(folder / "a.db", journal="wal")
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "link.db").symlink_to(path)
    with OtherProcess() as writer:
        write(writer, path, "insert into risks values (4, 'late')")
        before = contents(folder, without="-shm")
        assert read_ids(path, snapshots) == [1, 2, 3, 4]
        assert contents(folder, without="-shm") == before
        write(writer, path, "insert into risks values (5, 'later')")
        assert read_ids(path, snapshots) == [1, 2, 3, 4, 5]
        assert read_ids(folder / "elsewhere" / "link.db", snapshots) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_store_can_be_read_while_it_is_written(folder: Path, snapshots: Path, journal: str) -> None:
    """Each read is of one moment: rows of one transaction are seen together."""
    path = make(folder / "a.db", [], journal)
    with OtherProcess() as writer:
        write(writer, path)
        writer.run(
            """
import threading, time
stop = threading.Event()
def work():
    number = 0
    while not stop.is_set():
        connection.executemany("insert into risks values (?, 'n')", [(number + part,) for part in range(1, 11)])
        connection.commit()
        number += 10
        time.sleep(0.002)
thread = threading.Thread(target=work)
thread.start()
"""
        )
        lengths: list[int] = []
        end = time.monotonic() + PATIENCE
        while len(lengths) < 40 or (not lengths[-1] and time.monotonic() < end):
            lengths.append(len(read_ids(path, snapshots)))
        writer.run("stop.set(); thread.join()")
    assert {length % 10 for length in lengths} == {0}
    assert lengths == sorted(lengths)
    assert lengths[-1] > 0


@pytest.mark.parametrize("shm", ["gone", "as it was", "junk", "empty"])
def test_a_wal_that_a_crash_left_is_read_from_a_copy(folder: Path, snapshots: Path, shm: str) -> None:
    """Reading in place would recover it, which writes, or rebuild its `-shm`."""
    path = make(folder / "a.db", journal="wal")
    with OtherProcess() as writer:
        write(writer, path, "insert into risks values (4, 'late')")
        crashed = copied(path, folder / "crashed", ("", "-wal") if shm == "gone" else ("", "-wal", "-shm"))
    if shm in ("junk", "empty"):
        (crashed.parent / "a.db-shm").write_bytes(b"" if shm == "empty" else b"junk" * 8192)
    before = contents(crashed.parent)
    assert read_ids(crashed, snapshots) == [1, 2, 3, 4]
    assert contents(crashed.parent) == before
    assert list(snapshots.iterdir()) == []


def test_a_transaction_that_was_killed_is_not_seen(folder: Path, snapshots: Path) -> None:
    """The hot journal is rolled back in a copy; the originals are unchanged."""
    path = left_hot(folder / "a.db")
    before = contents(folder)
    assert read_ids(path, snapshots) == list(range(1, 500))
    assert contents(folder) == before
    assert list(snapshots.iterdir()) == []


def test_one_copy_serves_all_reads(folder: Path, snapshots: Path) -> None:
    """It is removed when the file is closed."""
    file = SqliteFile(left_hot(folder / "a.db"), snapshots)
    file.read(ids)
    made = list(snapshots.iterdir())
    assert len(file.read(ids)) == 499
    assert list(snapshots.iterdir()) == made
    file.close()
    assert list(snapshots.iterdir()) == []


def test_a_locked_file_is_waited_for(folder: Path, snapshots: Path) -> None:
    """The writer finishes soon."""
    path = make(folder / "a.db")
    with OtherProcess() as writer:
        write(writer, path, "begin exclusive", "insert into risks values (4, 'late')")
        writer.run("connection.execute('begin exclusive')")
        writer.run("import threading; threading.Timer(0.5, connection.rollback).start()")
        assert read_ids(path, snapshots) == [1, 2, 3, 4]


def test_a_file_that_stays_locked_is_reported(folder: Path, snapshots: Path) -> None:
    """With the time waited, and the remedy."""
    path = make(folder / "a.db")
    with OtherProcess() as writer:
        write(writer, path)
        writer.run("connection.execute('begin exclusive')")
        with pytest.raises(StoreLocked) as refused:
            read_ids(path, snapshots, lock_wait_seconds=0.2)
    assert str(refused.value) == (
        f"{path}: was locked by another program for 0.2 s; run the review again when that has finished writing."
    )


def test_nothing_is_left_if_the_writer_closes_meanwhile(
    folder: Path, snapshots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the files were examined, before they are opened."""
    path = make(folder / "a.db", journal="wal")
    writer = sqlite3.connect(path)
    writer.execute("insert into risks values (4, 'late')")
    writer.commit()
    look = SqliteFile.access

    def closed_after(file: SqliteFile) -> Access:
        found = look(file)
        writer.close()
        return found

    monkeypatch.setattr(SqliteFile, "access", closed_after)
    assert read_ids(path, snapshots) == [1, 2, 3, 4]
    assert list(contents(folder)) == ["a.db"]


def test_a_read_is_repeated_if_the_file_changed(folder: Path, snapshots: Path) -> None:
    """A closed file is read without a lock."""
    path = make(folder / "a.db", journal="wal")
    readings: list[int] = []

    def disturbed(connection: Connection) -> list[int]:
        found = ids(connection)
        readings.append(len(found))
        if len(readings) == 1:
            with closing(sqlite3.connect(path)) as writer, writer:
                writer.execute("insert into risks values (4, 'late')")
        return found

    assert SqliteFile(path, snapshots).read(disturbed) == [1, 2, 3, 4]
    assert readings == [3, 4]


def test_a_file_that_keeps_changing_is_reported(folder: Path, snapshots: Path) -> None:
    """After a few attempts."""
    path = make(folder / "a.db", journal="wal")

    def disturbed(connection: Connection) -> None:
        ids(connection)
        with closing(sqlite3.connect(path)) as writer, writer:
            writer.execute("update risks set note = hex(randomblob(9))")

    with pytest.raises(StoreChanged, match="was written to during each of 3 attempts to read it"):
        SqliteFile(path, snapshots).read(disturbed)


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("name", ["a b%?#&mode=rw;.db", "Überblick%20.db"])
def test_a_path_may_have_any_character(folder: Path, snapshots: Path, name: str, journal: str) -> None:
    """So may the path of its folder."""
    inner = folder / f"in {name}"
    inner.mkdir()
    path = make(inner / name, journal=journal)
    before = contents(folder)
    assert read_ids(path, snapshots) == [1, 2, 3]
    assert contents(folder) == before
    assert len(read_ids(left_hot(inner / f"hot {name}"), snapshots.with_name(name))) == 499


def test_a_path_may_have_any_form(folder: Path, snapshots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are not UTF-8, relative, or with two slashes as in `$ROOT/data` where ROOT is `/`."""
    path = make(Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.db")), journal="wal")
    monkeypatch.chdir(folder)
    for form in (path, Path(path.name), Path(f"/{path}")):
        assert read_ids(form, snapshots) == [1, 2, 3]


REFUSED = {
    "missing": "does not exist; name the SQLite file with --drift-db.",
    "folder": "is a folder; name the SQLite file in it with --drift-db.",
    "empty": "is empty; name the SQLite file with --drift-db.",
    "text": "is not a SQLite database; name the SQLite file with --drift-db.",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_a_database_is_refused(folder: Path, snapshots: Path, what: str) -> None:
    """With path and remedy."""
    path = folder / what
    if what == "folder":
        path.mkdir()
    elif what != "missing":
        path.write_text({"empty": "", "text": "id,text\n1,words\n" * 100}[what])
    with pytest.raises(StoreError) as refused:
        SqliteFile(path, snapshots)
    assert str(refused.value) == f"{path}: {REFUSED[what]}"


@pytest.mark.parametrize(("kept", "garbage"), [(20, 0), (100, 0), (4096, 0), (100, 40_000)])
def test_a_truncated_file_is_reported_as_damaged(folder: Path, snapshots: Path, kept: int, garbage: int) -> None:
    """As a copy to a full disk leaves it."""
    path = make(folder / "a.db", range(1, 2000))
    path.write_bytes(path.read_bytes()[:kept] + b"\xa5" * garbage)
    before = contents(folder)
    with pytest.raises(StoreError, match=r"is damaged \(.*\); restore it from a backup\."):
        read_ids(path, snapshots)
    assert contents(folder) == before


def test_a_lock_is_not_taken_for_a_slow_query(folder: Path, snapshots: Path) -> None:
    """However short the limit of a query is."""
    path = make(folder / "a.db")
    with OtherProcess() as writer:
        write(writer, path)
        writer.run("connection.execute('begin exclusive')")
        with pytest.raises(StoreLocked, match=r"for 0\.15 s"):
            SqliteFile(path, snapshots, query_seconds=0.3).read(ids)


def test_a_view_that_never_ends_is_given_up(folder: Path, snapshots: Path) -> None:
    """With the setting that allows more time; a query without a limit is not affected."""
    path = make(folder / "a.db")
    with closing(sqlite3.connect(path)) as writer:
        writer.execute(
            "create view endless as with recursive r(n) as (select 1 union all select n + 1 from r) select n from r"
        )
    file = SqliteFile(path, snapshots, query_seconds=0.2)
    with pytest.raises(StoreError, match=r"took longer than 0\.2 s and was stopped; .*--drift-query-timeout=SECONDS"):
        file.read(lambda connection: connection.execute(text("select count(*) from endless")).scalar_one())
    assert file.read(ids) == [1, 2, 3]
    assert file.read(ids, timed=False) == [1, 2, 3]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_file_that_was_replaced_is_reported(folder: Path, snapshots: Path, journal: str) -> None:
    """Two reads would see different stores; the new file is left for the next run."""
    path = make(folder / "a.db", journal=journal)
    file = SqliteFile(path, snapshots)
    assert file.read(ids) == [1, 2, 3]
    make(folder / "new.db", (7, 8)).replace(path)
    with pytest.raises(StoreChanged, match="was replaced by another file, or removed, since the run began"):
        file.read(ids)
    assert read_ids(path, snapshots) == [7, 8]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_file_that_is_replaced_during_a_read_is_reported(folder: Path, snapshots: Path, journal: str) -> None:
    """Or removed."""
    path = make(folder / "a.db", journal=journal)

    def disturbed(connection: Connection) -> list[int]:
        path.unlink()
        return ids(connection)

    with pytest.raises(StoreChanged, match="was replaced"):
        SqliteFile(path, snapshots).read(disturbed)


@pytest.mark.parametrize("suffix", ["", "-wal", "-journal", "-shm"])
def test_a_named_pipe_is_refused_unopened(folder: Path, snapshots: Path, suffix: str) -> None:
    """SQLite would wait for its writer, also where it expects a journal."""
    path = folder / "a.db"
    if suffix:
        make(path)
    os.mkfifo(folder / f"a.db{suffix}")
    with pytest.raises(StoreError, match=rf"a\.db{suffix}: cannot be read \(it is a named pipe, not a file\)"):
        read_ids(path, snapshots)


def test_a_schema_that_this_sqlite_does_not_know_is_no_damage(folder: Path, snapshots: Path) -> None:
    """A newer SQLite may have written it."""
    path = make(folder / "a.db")
    with closing(sqlite3.connect(path)) as writer, writer:
        writer.execute("pragma writable_schema = on")
        writer.execute("insert into sqlite_schema values ('table', 'x', 'x', 0, 'create table x (a) from the future')")
    with pytest.raises(StoreError, match=r"does not understand its schema \(.*\); use a newer Python") as refused:
        read_ids(path, snapshots)
    assert "damaged" not in str(refused.value)


def test_a_page_that_is_written_meanwhile_is_no_damage(folder: Path, snapshots: Path) -> None:
    """A closed file is read without a lock, and read again if a writer changed it."""
    path = make(folder / "a.db", range(1, 2000), journal="wal")
    sound = path.read_bytes()
    readings: list[int] = []

    def disturbed(connection: Connection) -> list[int]:
        readings.append(1)
        torn = len(readings) == 1
        path.write_bytes(sound[:4096] + b"\xa5" * (len(sound) - 4096) if torn else sound)
        return ids(connection)

    with pytest.raises(StoreChanged, match="was written to during each"):
        SqliteFile(path, snapshots).read(disturbed)
    assert len(readings) == 3
