"""Copies of a store that may be written to meanwhile: each is its state at one moment, and the store stays untouched.

SQLite copies its files itself (https://sqlite.org/backup.html), under its locks. A Chroma directory consists of such a
file and the files of its indexes. Chroma rewrites those from time to time, and the entries in the SQLite file continue
from there; so they must not change from before they are copied until after the SQLite file is copied.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO

from sqlalchemy import Connection

from drift_checks.core.errors import ArchiveError, StoreChanged, StoreError
from drift_checks.core.files import MEBIBYTE, open_plain
from drift_checks.operations.backup.manifest import CHROMA, CHROMA_DATABASE, is_allowed
from drift_checks.stores.engines.snapshot import Fingerprint, fingerprint
from drift_checks.stores.engines.sqlite import SqliteFile, error_code
from drift_checks.stores.vectors.catalogue import DATABASE
from drift_checks.stores.vectors.damage import index_files

# A file with a rollback journal cannot be written while a step is copied, only between two steps.
_PAGES_AT_ONCE = 2000
_BETWEEN_STEPS_SECONDS = 0.01
# A write between two steps makes SQLite start again; after so many starts it copies in one step.
_STARTS = 3
_WHOLE = -1
_CHUNK = MEBIBYTE
# How long the indexes must stay unchanged: Chroma writes their files one after the other, in less than that. If it
# writes them more often, they are small, and a shorter time is enough.
_SETTLED_SECONDS = (*[0.25] * 6, *[0.1] * 8, *[0.03] * 16)
# A copy of the records that takes longer is not repeated at every attempt.
_QUICK_SECONDS = 1.0

_States = dict[Path, tuple[int, int, int]]


class _StartedTooOften(Exception):
    """Another program writes all the time."""


def copy_sqlite(source: Path, target: Path, snapshot_dir: Path) -> None:
    """Copy a SQLite file as of one moment, whatever its journal, and whoever writes to it.

    The copy has the same journal mode and no file beside it. If the file cannot be read in place without writing, a
    private copy is made in `snapshot_dir`.

    Raises:
        StoreError: It cannot be read.
        ArchiveError: The copy cannot be written.
    """
    with closing(SqliteFile(source, snapshot_dir)) as file:
        file.read(partial(_copy_pages, source, target))


def copy_journal(source: Path, target: Path) -> None:
    """Copy a file to which lines are appended, up to the last whole line; errors as for `copy_sqlite`."""
    try:
        with open_plain(source) as file:
            _copy_lines(file, target, source.stat().st_mode & 0o777)
    except OSError as error:
        raise StoreError(source, f"cannot be read ({error.strerror})") from None


def _copy_lines(file: IO[bytes], target: Path, mode: int) -> None:
    end = 0
    try:
        with target.open("wb") as copy:
            while chunk := file.read(_CHUNK):
                if (last := chunk.rfind(b"\n")) >= 0:
                    end = copy.tell() + last + 1
                copy.write(chunk)
            copy.truncate(end)
        target.chmod(mode)
    except OSError as error:
        raise not_written(target, str(error.strerror)) from None


def copy_chroma(
    directory: Path, target: Path, snapshot_dir: Path, shortly_before: Callable[[], None]
) -> dict[str, Path]:
    """Copy a Chroma directory as of one moment, to a folder `chroma`; return the copies by their names in an archive.

    Shortly before each attempt, `shortly_before` copies what belongs to it. Errors are as for `copy_sqlite`.

    Raises:
        StoreChanged: Its indexes changed during every attempt.
    """
    (target / CHROMA).mkdir()
    copied: _States = {}
    took = 0.0
    for seconds in _SETTLED_SECONDS:
        _copy_changed(directory, target / CHROMA, copied)
        if took < _QUICK_SECONDS:
            begun = time.monotonic()
            shortly_before()
            took = time.monotonic() - begun
        time.sleep(seconds)
        copy_sqlite(directory / DATABASE, target / CHROMA_DATABASE, snapshot_dir)
        if _indexes(directory) == copied:
            names = [CHROMA_DATABASE, *(f"{CHROMA}/{file.relative_to(directory)}" for file in sorted(copied))]
            return {name: target / name for name in names}
    raise StoreChanged(
        directory,
        f"its indexes changed while each of {len(_SETTLED_SECONDS)} copies was made",
        "make the backup when the application is less busy",
    )


def _copy_changed(directory: Path, target: Path, copied: _States) -> None:
    """Copy the files of the indexes that changed since they were copied; remove copies of those that are gone."""
    current = _indexes(directory)
    for file in copied.keys() - current.keys():
        (target / file.relative_to(directory)).unlink(missing_ok=True)
        del copied[file]
    for file, state in current.items():
        if copied.get(file) == state:
            continue
        place = target / file.relative_to(directory)
        try:
            place.parent.mkdir(exist_ok=True)
            # With its permissions.
            shutil.copy(file, place)
        except FileNotFoundError:
            # The next attempt finds it gone.
            continue
        except PermissionError as error:
            raise StoreError(file, f"cannot be read ({error.strerror})") from None
        except OSError as error:
            raise not_written(place, str(error.strerror)) from None
        copied[file] = state


def _indexes(directory: Path) -> Fingerprint:
    files = [file for file in index_files(directory) if is_allowed(f"{CHROMA}/{file.relative_to(directory)}")]
    return fingerprint(files)


def _copy_pages(source: Path, target: Path, connection: Connection) -> None:
    # The first read shows whether the file needs recovery; the copy then takes locks of its own.
    connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
    is_wal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    connection.exec_driver_sql("COMMIT")
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    target.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(target)) as copy:
            # A crash makes the copy worthless anyway.
            copy.execute("PRAGMA synchronous = OFF")
            # Readers of a WAL keep nobody from writing.
            if is_wal or not _copy_in_steps(driver, copy):
                driver.backup(copy, pages=_WHOLE, progress=_refuse_locked(source))
        target.chmod(source.stat().st_mode & 0o777)
    except sqlite3.Error as error:
        code = error_code(error)
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise not_written(target, str(error)) from None
        raise StoreError(source, f"cannot be copied ({error})") from None
    except OSError as error:
        raise not_written(target, str(error.strerror)) from None


def _copy_in_steps(source: sqlite3.Connection, copy: sqlite3.Connection) -> bool:
    """Copy so that others can write meanwhile; return False if they did too often."""
    try:
        source.backup(copy, pages=_PAGES_AT_ONCE, progress=_count_starts(), sleep=_BETWEEN_STEPS_SECONDS)
    except _StartedTooOften:
        return False
    return True


def _count_starts() -> Callable[[int, int, int], None]:
    left: list[int] = []
    starts = 1

    def progress(_status: int, remaining: int, _total: int) -> None:
        nonlocal starts
        starts += bool(left) and remaining >= left[-1]
        left[:] = [remaining]
        if starts > _STARTS:
            raise _StartedTooOften
        # Python itself pauses only while the file is locked.
        time.sleep(_BETWEEN_STEPS_SECONDS if remaining else 0)

    return progress


def _refuse_locked(source: Path) -> Callable[[int, int, int], None]:
    def progress(status: int, _remaining: int, _total: int) -> None:
        # SQLite has waited for the lock by now; Python would retry forever.
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreError(source, "is locked by another program", "make the backup when that has finished writing")

    return progress


def not_written(path: Path, reason: str) -> ArchiveError:
    """Return the error for a file of a backup that cannot be written."""
    return ArchiveError(
        path.parent,
        f"the backup cannot be written there ({reason})",
        "name a folder with enough room that this user may write to, with --to",
    )
