"""SQLite files in every state that a journal can leave them in."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, text

from drift_checks.stores.engines.sqlite import SqliteFile
from tests.support.processes import OtherProcess

SCHEMA = "create table risks (id integer primary key, note text)"
WAL_FILES = ("", "-wal", "-shm")


def ids(connection: Connection) -> list[int]:
    """Return the ids that a reader sees."""
    return list(connection.execute(text("select id from risks order by id")).scalars())


def read_ids(path: Path, snapshots: Path, lock_wait_seconds: float = 10.0) -> list[int]:
    """Return the ids in the file, closed again afterwards."""
    file = SqliteFile(path, snapshots, lock_wait_seconds)
    try:
        return file.read(ids)
    finally:
        file.close()


def make(path: Path, numbers: Sequence[int] = (1, 2, 3), journal: str = "delete") -> Path:
    """Make a file with these ids under this journal mode, closed by its writer; return its path."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"pragma journal_mode = {journal}")
        connection.execute(SCHEMA)
        connection.executemany("insert into risks values (?, 'note')", [(number,) for number in numbers])
    return path


def write(writer: OtherProcess, path: Path, *statements: str) -> None:
    """Have another process open the file, where it has not, run these statements and commit."""
    writer.run(
        f"""
import sqlite3
if "connection" not in globals():
    connection = sqlite3.connect({str(path)!r}, timeout=30, check_same_thread=False)
for statement in {statements!r}:
    connection.execute(statement)
connection.commit()
"""
    )


def copied(path: Path, folder: Path, suffixes: Sequence[str] = WAL_FILES) -> Path:
    """Copy the file, and those beside it with these suffixes, as they are this moment; return the copy's path."""
    folder.mkdir()
    for suffix in suffixes:
        source = path.with_name(path.name + suffix)
        if source.exists():
            shutil.copyfile(source, folder / source.name)
    return folder / path.name


def left_hot(path: Path) -> Path:
    """Leave a hot rollback journal behind: a writer is killed amid a transaction that had reached the file."""
    make(path, range(1, 500))
    with OtherProcess() as writer:
        writer.run(
            f"""
import sqlite3
connection = sqlite3.connect({str(path)!r})
connection.execute("pragma cache_size = 1")
connection.execute("begin")
connection.execute("update risks set note = hex(randomblob(400))")
connection.execute("delete from risks where id > 10")
"""
        )
    assert path.with_name(path.name + "-journal").stat().st_size
    return path
