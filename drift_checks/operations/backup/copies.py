"""Copies of a store that somebody may be writing to: each is its state at one moment, and nothing is written to it.

A SQLite file is copied by SQLite itself (https://sqlite.org/backup.html), under its locks. Chroma's directory is such a
file and the files of its indexes, which Chroma writes anew from time to time and which the entries in the SQLite file
carry on from; so those files must have been as they were copied from before the SQLite file is copied until after it.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from drift_checks.core.errors import ArchiveError, StoreChanged, StoreError
from drift_checks.operations.backup.manifest import CHROMA, CHROMA_DATABASE, is_allowed
from drift_checks.stores.chroma import DATABASE, index_files
from drift_checks.stores.snapshot import Fingerprint, fingerprint
from drift_checks.stores.sqlite import SqliteFile, error_code

# While a step is copied, a file with a rollback journal cannot be written; between two of them it can.
_PAGES_AT_ONCE = 2000
_BETWEEN_STEPS_SECONDS = 0.01
# Whoever writes between two steps makes SQLite begin anew; after so many times it is copied in one.
_BEGINNINGS = 3
_WHOLE = -1
# So long the files of the indexes must have rested: Chroma writes them one after the other, with less than that in
# between. Where it writes them more often than that, they are small, and shorter does.
_SETTLED_SECONDS = (*[0.25] * 6, *[0.1] * 8, *[0.03] * 16)
# A copy that takes longer is not made at every attempt.
_QUICK_SECONDS = 1.0

_States = dict[Path, tuple[int, int, int]]


class _BegunTooOften(Exception):
    """Somebody writes all the time."""


def copy_sqlite(source: Path, target: Path, snapshot_dir: Path) -> None:
    """Copy a SQLite file as of one moment, whatever its journal, and whoever writes to it.

    Args:
        source: The file.
        target: The copy, in the same journal mode and without a file beside it.
        snapshot_dir: Where a private copy is made of a file that cannot be read in place without writing.

    Raises:
        StoreError: It cannot be read.
        ArchiveError: The copy cannot be written.
    """
    file = SqliteFile(source, snapshot_dir)
    try:
        file.read(partial(_copy_pages, source, target))
    finally:
        file.close()


def copy_chroma(
    directory: Path, target: Path, snapshot_dir: Path, shortly_before: Callable[[], None]
) -> dict[str, Path]:
    """Copy a Chroma directory as of one moment.

    Args:
        directory: The directory.
        target: A folder, in which `chroma` is made.
        snapshot_dir: As for `copy_sqlite`.
        shortly_before: Copies what belongs to it; called shortly before that moment, again where that was none.

    Returns:
        The copies by their names in an archive.

    Raises:
        StoreError: It cannot be read.
        StoreChanged: The files of its indexes were written anew during every attempt.
        ArchiveError: The copy cannot be written.
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
        f"its indexes were written anew while each of {len(_SETTLED_SECONDS)} copies was made",
        "make the backup when the application is quieter",
    )


def _copy_changed(directory: Path, target: Path, copied: _States) -> None:
    """Copy the files of the indexes that are not yet copied as they are; remove copies of those that are gone."""
    there = _indexes(directory)
    for file in copied.keys() - there.keys():
        (target / file.relative_to(directory)).unlink(missing_ok=True)
        del copied[file]
    for file, state in there.items():
        if copied.get(file) == state:
            continue
        place = target / file.relative_to(directory)
        try:
            place.parent.mkdir(exist_ok=True)
            # Its rights come along.
            shutil.copy(file, place)
        except FileNotFoundError:
            # The next look finds it gone.
            continue
        except PermissionError as error:
            raise StoreError(file, f"cannot be read ({error.strerror})") from None
        except OSError as error:
            raise not_copied(place, str(error.strerror)) from None
        copied[file] = state


def _indexes(directory: Path) -> Fingerprint:
    files = [file for file in index_files(directory) if is_allowed(f"{CHROMA}/{file.relative_to(directory)}")]
    return fingerprint(files)


def _copy_pages(source: Path, target: Path, connection: Connection) -> None:
    # What the store's opening has to mend shows at the first reading; the copying then takes locks of its own.
    connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
    is_wal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    connection.exec_driver_sql("COMMIT")
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    target.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(target)) as copy:
            # Thrown away where the machine fails.
            copy.execute("PRAGMA synchronous = OFF")
            # Readers of a WAL keep nobody from writing.
            if is_wal or not _copied_in_steps(driver, copy):
                driver.backup(copy, pages=_WHOLE, progress=_watching(source))
        target.chmod(source.stat().st_mode & 0o777)
    except sqlite3.Error as error:
        code = error_code(error)
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise not_copied(target, str(error)) from None
        raise StoreError(source, f"cannot be copied ({error})") from None
    except OSError as error:
        raise not_copied(target, str(error.strerror)) from None


def _copied_in_steps(source: sqlite3.Connection, copy: sqlite3.Connection) -> bool:
    """Copy so that others can write meanwhile; whether that came to an end."""
    try:
        source.backup(copy, pages=_PAGES_AT_ONCE, progress=_counting(), sleep=_BETWEEN_STEPS_SECONDS)
    except _BegunTooOften:
        return False
    return True


def _counting() -> Callable[[int, int, int], None]:
    left: list[int] = []
    begun = 1

    def progress(_status: int, remaining: int, _total: int) -> None:
        nonlocal begun
        begun += bool(left) and remaining >= left[-1]
        left[:] = [remaining]
        if begun > _BEGINNINGS:
            raise _BegunTooOften
        # Python pauses only where the file is locked.
        time.sleep(_BETWEEN_STEPS_SECONDS if remaining else 0)

    return progress


def _watching(source: Path) -> Callable[[int, int, int], None]:
    def progress(status: int, _remaining: int, _total: int) -> None:
        # By then SQLite has waited as long as the store's opening allows; Python would try again for ever.
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreError(
                source,
                "is locked by another program, which did not let go",
                "make the backup when it has finished writing",
            )

    return progress


def not_copied(path: Path, reason: str) -> ArchiveError:
    """Return the error to raise where a file of a backup cannot be written."""
    return ArchiveError(
        path.parent,
        f"the backup cannot be written there ({reason})",
        "name a folder with room for it and the right to write there, with --to",
    )
