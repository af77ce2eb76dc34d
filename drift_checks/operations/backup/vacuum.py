"""Making a SQLite database compact: what was deleted in it is given back to the disk."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from drift_checks.core.errors import DriftError, RunInProgress, StoreError
from drift_checks.core.text import printable
from drift_checks.operations.backup.disk import refuse_without_room
from drift_checks.operations.backup.verification import integrity
from drift_checks.stores.snapshot import default_folder
from drift_checks.stores.sqlite import SqliteFile, error_code

LOCK_WAIT_SECONDS = 10.0
# Looks at all tables, not only at those that this connection asked (https://sqlite.org/pragma.html#pragma_optimize).
_OPTIMIZE = "PRAGMA optimize(0x10002)"
_BESIDE = ("", "-wal")


@dataclass(frozen=True)
class Sizes:
    """Bytes of the database with its write-ahead log, before and after.

    Attributes:
        before: All of them.
        free: How many of those hold nothing.
        after: All of them; before it is vacuumed, how many that would be.
        needed: How many it takes up meanwhile, at the most.
    """

    before: int
    free: int
    after: int
    needed: int


def examine(path: Path, wrong: Callable[[str], DriftError], snapshot_dir: Path | None = None) -> Sizes:
    """Return the size of a database and how much of it holds nothing, without changing it, if there is room to vacuum.

    Args:
        path: The SQLite file.
        wrong: Makes the error to raise, of what is wrong with it.
        snapshot_dir: Where a private copy is made if reading would otherwise write; None for the system's cache.

    Raises:
        ArchiveError: There is no room for it.
        RunInProgress: Another program holds it locked.
        DriftError: As `wrong` makes it: it cannot be read.
    """
    return _guarded(path, wrong, lambda: _examined(path, wrong, snapshot_dir))


def vacuum(path: Path, wrong: Callable[[str], DriftError], lock_wait_seconds: float = LOCK_WAIT_SECONDS) -> Sizes:
    """Make a database compact; its journal mode stays, and it is checked before and after.

    Args:
        path: The SQLite file, which is there.
        wrong: Makes the error to raise, of what is wrong with it.
        lock_wait_seconds: How long to wait for others that use it.

    Raises:
        ArchiveError: There is no room for it.
        RunInProgress: Another program holds it locked.
        DriftError: As `wrong` makes it: it is damaged, or cannot be written.
    """
    return _guarded(path, wrong, lambda: _vacuumed(path, wrong, lock_wait_seconds))


def _vacuumed(path: Path, wrong: Callable[[str], DriftError], lock_wait_seconds: float) -> Sizes:
    before, needed = _size(path), _refuse_without_room(path)
    address = f"file:{quote(os.fsencode(path))}?mode=rw"
    connected = sqlite3.connect(address, uri=True, timeout=lock_wait_seconds, isolation_level=None)
    with closing(connected) as connection:
        if found := integrity(connection):
            raise wrong(f"is damaged ({printable(found, 200)}), and was left as it is")
        free = _free_bytes(lambda pragma: connection.execute(pragma).fetchone()[0])
        connection.execute(_OPTIMIZE)
        connection.execute("VACUUM")
        # In WAL mode the file itself shrinks only then; a reader who is in the way does no harm.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if found := integrity(connection):
            raise wrong(f"is damaged since it was vacuumed ({printable(found, 200)}); look to the disk")
    return Sizes(before, free, _size(path), needed)


def _examined(path: Path, wrong: Callable[[str], DriftError], snapshot_dir: Path | None) -> Sizes:
    size, needed = _size(path), _refuse_without_room(path)
    try:
        file = SqliteFile(path, snapshot_dir or default_folder())
        try:
            free = file.read(
                lambda connection: _free_bytes(lambda pragma: connection.exec_driver_sql(pragma).scalar_one())
            )
        finally:
            file.close()
    except StoreError as error:
        raise wrong(f"cannot be read ({error})") from None
    return Sizes(size, free, size - free, needed)


def _free_bytes(pragma: Callable[[str], int]) -> int:
    return pragma("PRAGMA freelist_count") * pragma("PRAGMA page_size")


def _size(path: Path) -> int:
    files = [path.with_name(path.name + suffix) for suffix in _BESIDE]
    return sum(file.stat().st_size for file in files if file.exists())


def _refuse_without_room(path: Path) -> int:
    """Return how much SQLite takes up: a compact copy among its temporary files, and a journal beside the database."""
    size = _size(path)
    journal, copy = f"the journal of {path.name}", "SQLite's compact copy of it"
    refuse_without_room([(path.parent, size, journal), (temporary_folder(), size, copy)])
    return 2 * size


def temporary_folder() -> Path:
    """Return where SQLite puts temporary files (https://sqlite.org/tempfiles.html#temporary_file_storage_locations)."""
    named = [os.environ.get(name) for name in ("SQLITE_TMPDIR", "TMPDIR")]
    for folder in [*named, "/var/tmp", "/usr/tmp", "/tmp"]:  # noqa: S108 - only looked at
        if folder and Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return Path(folder)
    return Path.cwd()


def _guarded(path: Path, wrong: Callable[[str], DriftError], call: Callable[[], Sizes]) -> Sizes:
    try:
        return call()
    except sqlite3.Error as error:
        code = error_code(error)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise RunInProgress(
                path,
                "is locked by another program, which did not let go, and was left as it is",
                "give the command again when that has finished",
            ) from None
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise wrong(f"is damaged ({error}), and was left as it is") from None
        raise wrong(f"cannot be vacuumed ({error}), and was left as it is") from None
    except OSError as error:
        raise wrong(f"cannot be read ({error.strerror})") from None
