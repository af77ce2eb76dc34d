"""Compacting a SQLite database: the space of deleted rows is given back to the disk."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from drift_checks.core.errors import DriftError, RunInProgress, StoreError
from drift_checks.core.text import printable
from drift_checks.operations.backup.disk import refuse_without_room
from drift_checks.operations.backup.verification import integrity
from drift_checks.stores.engines.snapshot import default_folder
from drift_checks.stores.engines.sqlite import SqliteFile, error_code

LOCK_WAIT_SECONDS = 10.0
# All tables, not only those that this connection queried (https://sqlite.org/pragma.html#pragma_optimize).
_OPTIMIZE = "PRAGMA optimize(0x10002)"
_BESIDE = ("", "-wal")

# Makes the error to raise from what is wrong with the database.
Refusal = Callable[[str], DriftError]


@dataclass(frozen=True)
class Sizes:
    """Sizes in bytes, with the write-ahead log; if nothing was vacuumed yet, `after` is an estimate."""

    before: int
    free: int
    after: int
    needed: int


def examine(path: Path, refusal: Refusal, snapshot_dir: Path | None = None) -> Sizes:
    """Return the sizes of a database without changing it; `refusal` makes the error to raise for a bad file.

    Raises:
        ArchiveError: There is no room to vacuum it.
        RunInProgress: Another program holds it locked.
    """
    with _explained(path, refusal):
        size, needed = _size(path), _refuse_without_room(path)
        try:
            file = SqliteFile(path, snapshot_dir or default_folder())
            with closing(file):
                free = file.read(lambda opened: _free(lambda pragma: opened.exec_driver_sql(pragma).scalar_one()))
        except StoreError as error:
            raise refusal(error.problem) from None
    return Sizes(size, free, size - free, needed)


def vacuum(path: Path, refusal: Refusal, lock_wait_seconds: float = LOCK_WAIT_SECONDS) -> Sizes:
    """Compact a database, checking it before and after; its journal mode stays. Errors are as for `examine`."""
    address = f"file:{quote(os.fsencode(path))}?mode=rw"
    with _explained(path, refusal):
        before, needed = _size(path), _refuse_without_room(path)
        connected = sqlite3.connect(address, uri=True, timeout=lock_wait_seconds, isolation_level=None)
        with closing(connected) as connection:
            if found := integrity(connection):
                raise refusal(f"is damaged ({printable(found, 200)}), and was left as it is")
            free = _free(lambda pragma: connection.execute(pragma).fetchone()[0])
            connection.execute(_OPTIMIZE)
            connection.execute("VACUUM")
            # Only this shrinks a file in WAL mode; it does nothing while somebody reads.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if found := integrity(connection):
                raise refusal(f"is damaged since it was vacuumed, perhaps by the disk ({printable(found, 200)})")
        return Sizes(before, free, _size(path), needed)


def _free(pragma: Callable[[str], int]) -> int:
    return pragma("PRAGMA freelist_count") * pragma("PRAGMA page_size")


def _size(path: Path) -> int:
    files = [path.with_name(path.name + suffix) for suffix in _BESIDE]
    return sum(file.stat().st_size for file in files if file.exists())


def _refuse_without_room(path: Path) -> int:
    """Return how much room SQLite takes: a compact copy among its temporary files, and a journal beside the file."""
    size = _size(path)
    journal, copy = f"the journal of {path.name}", "SQLite's compact copy of it"
    refuse_without_room([(path.parent, size, journal), (temporary_folder(), size, copy)])
    return 2 * size


def temporary_folder() -> Path:
    """Return SQLite's temporary folder (https://sqlite.org/tempfiles.html#temporary_file_storage_locations)."""
    named = [os.environ.get(name) for name in ("SQLITE_TMPDIR", "TMPDIR")]
    for folder in [*named, "/var/tmp", "/usr/tmp", "/tmp"]:  # noqa: S108 - only looked at
        if folder and Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return Path(folder)
    return Path.cwd()


@contextmanager
def _explained(path: Path, refusal: Refusal) -> Iterator[None]:
    """Turn an error of SQLite or the system into one of ours."""
    try:
        yield
    except sqlite3.Error as error:
        code = error_code(error)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise RunInProgress(
                path, "is locked by another program, and was left as it is", "try again when that has finished"
            ) from None
        problem = "is damaged" if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) else "cannot be vacuumed"
        raise refusal(f"{problem} ({error}), and was left as it is") from None
    except OSError as error:
        raise refusal(f"cannot be read ({error.strerror})") from None
