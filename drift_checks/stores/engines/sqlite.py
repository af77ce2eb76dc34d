"""Reading a SQLite file without writing a byte to it or beside it.

How depends on the journal (https://sqlite.org/wal.html#read_only_databases, https://sqlite.org/uri.html):

* a rollback journal: `mode=ro`, under SQLite's own locks;
* a WAL whose `-shm` another process has open, as while the application runs: `mode=ro`, which leaves nothing behind;
* a WAL that no process has open, or a journal left by a crash: a private copy, because recovery writes;
* no WAL, or an empty one: `immutable=1`, and a check afterwards that the file did not change.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from drift_checks.core.errors import StoreChanged, StoreError, StoreLocked
from drift_checks.core.files import refuse_special
from drift_checks.core.records import decoded
from drift_checks.core.text import printable
from drift_checks.stores.engines.base import Functions
from drift_checks.stores.engines.patience import Patience, read_in_time
from drift_checks.stores.engines.snapshot import Snapshot, fingerprint
from drift_checks.stores.engines.sqlite_dialect import SqliteDialect

Result = TypeVar("Result")

_MAGIC = b"SQLite format 3\x00"
_WAL_VERSION = 2
_ATTEMPTS = 3
_MORE_TIME = (
    "a view may never end: name another table with --drift-table=NAME, or allow more time with"
    " --drift-query-timeout=SECONDS"
)
LOCK_WAIT_SECONDS = 10.0
# The bytes that readers lock in the file (https://sqlite.org/fileformat.html, the lock-byte page), the byte that each
# connection locks in the -shm (https://sqlite.org/walformat.html), and the layout of `struct flock`.
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510
_DEAD_MAN_SWITCH = 128
_FLOCK = "hhqqi4x"
_LONGEST_FINDING = 200
_UNKNOWN_SCHEMA = "malformed database schema"
_REMEDIES = {
    sqlite3.SQLITE_CANTOPEN: "check the permissions of the file and its folder",
    sqlite3.SQLITE_PERM: "check the permissions of the file and its folder",
    sqlite3.SQLITE_FULL: "make room in SQLite's temporary folder, or name another one with the variable SQLITE_TMPDIR",
    sqlite3.SQLITE_IOERR: "check the disk, and the network if the file is on another machine",
}


class Access(Enum):
    """How a file is read."""

    SHARED = "mode=ro"
    IMMUTABLE = "mode=ro&immutable=1"
    COPIED = "copied"


class SqliteFile:
    """A SQLite file that is only read, in place or from a private copy in `snapshot_dir`.

    With `query_seconds`, queries run in another thread. They end after that time, or if this one is interrupted.

    Raises:
        StoreError: The file does not exist, cannot be read, or is not a SQLite database.
    """

    only_table = None
    row_id = None

    def __init__(
        self,
        path: Path,
        snapshot_dir: Path,
        lock_wait_seconds: float = LOCK_WAIT_SECONDS,
        query_seconds: float | None = None,
    ) -> None:
        refuse_unreadable(path)
        self.path = path
        self.dialect = SqliteDialect()
        # SQLite keeps its journals beside the target of a link.
        self._real = path.resolve()
        self._snapshot_dir = snapshot_dir
        self._snapshot: Snapshot | None = None
        self._identity = self._identify()
        self._query_seconds = query_seconds
        # A lock must not be mistaken for a slow query.
        self._lock_wait_seconds = min(lock_wait_seconds, (query_seconds or LOCK_WAIT_SECONDS * 2) / 2)

    def read(
        self, query: Callable[[Connection], Result], functions: Functions | None = None, *, timed: bool = True
    ) -> Result:
        """Return what `query` returns, read as of one moment; it is called again if the file changed meanwhile.

        `functions` are available in its SQL. Without `timed`, a query may take any time.

        Raises:
            StoreError: The file is damaged, or a query failed or took too long.
            StoreLocked: Another program keeps it locked.
            StoreChanged: It keeps changing, or was replaced.
        """
        seconds = self._query_seconds if timed else None
        return read_in_time(self.path, seconds, partial(self._read, query, functions), _MORE_TIME)

    def _read(
        self, query: Callable[[Connection], Result], functions: Functions | None, patience: Patience | None
    ) -> Result:
        for _ in range(_ATTEMPTS):
            before = fingerprint(files_of(self._real))
            self._refuse_replaced()
            try:
                access = self.access()
            except FileNotFoundError:
                continue
            try:
                with self._held_open(access), self._connected(access, functions, patience) as connection:
                    result = query(connection)
            except _WriterLeft:
                continue
            except _NeedsRecovery:
                self._refuse_replaced()
                access = Access.COPIED
                with self._connected(access, functions, patience) as connection:
                    result = query(connection)
            except _SeemsDamaged as error:
                # A page that is written meanwhile looks like damage to a reader without a lock.
                if access is not Access.IMMUTABLE or fingerprint(files_of(self._real)) == before:
                    raise self._examined(str(error), access, patience) from None
                continue
            self._refuse_replaced()
            if access is not Access.IMMUTABLE or fingerprint(files_of(self._real)) == before:
                return result
        raise StoreChanged(
            self.path, f"was written to during each of {_ATTEMPTS} attempts to read it", "run the review again"
        )

    def is_wrong_sql(self, error: DBAPIError) -> bool:
        """Return whether the error is in the SQL: SQLite has one code for all such errors."""
        return error_code(error.orig) == sqlite3.SQLITE_ERROR

    def access(self) -> Access:
        """Return how the file can currently be read."""
        if self._snapshot is not None:
            return Access.COPIED
        with self._real.open("rb") as file:
            is_wal = file.read(20)[18:19] == bytes([_WAL_VERSION])
        if not is_wal or (self._beside("-wal").exists() and _is_held(self._beside("-shm"))):
            return Access.SHARED
        if self._beside("-wal").exists() and self._beside("-wal").stat().st_size:
            return Access.COPIED
        return Access.IMMUTABLE

    def _identify(self) -> tuple[int, int] | None:
        try:
            status = self._real.stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def _refuse_replaced(self) -> None:
        if self._snapshot is None and self._identify() != self._identity:
            raise StoreChanged(
                self.path, "was replaced by another file, or removed, since the run began", "run the review again"
            )

    def close(self) -> None:
        """Remove the private copy, if one was made."""
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None

    def _beside(self, suffix: str) -> Path:
        return self._real.with_name(self._real.name + suffix)

    @contextmanager
    def _held_open(self, access: Access) -> Iterator[None]:
        """Lock the file as a reader before SQLite does, so that the last writer to close leaves its WAL in place."""
        if access is not Access.SHARED or not self._beside("-wal").exists():
            yield
            return
        with self._real.open("rb") as file:
            with suppress(OSError):
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
            if not (self._beside("-wal").exists() and self._beside("-shm").exists()):
                raise _WriterLeft
            yield

    @contextmanager
    def _connected(
        self, access: Access, functions: Functions | None, patience: Patience | None
    ) -> Iterator[Connection]:
        path = self._copy() if access is Access.COPIED else self._real
        mode = "mode=rw" if access is Access.COPIED else access.value
        # A path after two slashes would be taken for a host.
        address = f"file:/{quote(os.fsencode(path).lstrip(b'/'))}?{mode}"

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(address, uri=True, timeout=self._lock_wait_seconds)
            connection.text_factory = decoded
            for name, function in (functions or {}).items():
                connection.create_function(name, 1, function, deterministic=True)
            if patience is not None:
                patience.watch(connection)
            return connection

        engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)
        if patience is not None:
            event.listen(engine, "before_cursor_execute", patience.begin)
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN")
                yield connection
        except DBAPIError as error:
            raise self._explained(error.orig, access) from None
        finally:
            engine.dispose()

    def _copy(self) -> Path:
        if self._snapshot is None:
            snapshot = Snapshot(self._snapshot_dir)
            try:
                snapshot.copy({file: file.name for file in files_of(self._real) if file.exists()})
            except StoreError:
                snapshot.close()
                raise
            self._snapshot = snapshot
        return self._snapshot.folder / self._real.name

    def _explained(self, error: BaseException | None, access: Access) -> Exception:
        code = error_code(error)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreLocked(
                self.path,
                f"was locked by another program for {self._lock_wait_seconds:g} s",
                "run the review again when that has finished writing",
            )
        if access is not Access.COPIED and code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            return _NeedsRecovery()
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return _SeemsDamaged(str(error))
        return StoreError(self.path, f"cannot be read ({error})", _REMEDIES.get(code, ""))

    def _examined(self, reason: str, access: Access, patience: Patience | None) -> StoreError:
        """Return the error for a file that seems damaged, after SQLite has checked the whole file."""
        try:
            with self._connected(access, None, patience) as connection:
                found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
        except (StoreError, _SeemsDamaged, _NeedsRecovery) as error:
            found = str(error)
        shown = printable(found, _LONGEST_FINDING)
        if found == "ok":
            problem = f"cannot be read ({reason}), although PRAGMA quick_check finds no damage"
            return StoreError(self.path, problem, "check that the application can read it")
        if found.startswith(_UNKNOWN_SCHEMA):
            problem = f"this Python's SQLite {sqlite3.sqlite_version} does not understand its schema ({shown})"
            return StoreError(self.path, problem, "use a newer Python, or name a copy without what it does not know")
        checked = "" if found == reason else f"; PRAGMA quick_check: {shown}"
        return StoreError(self.path, f"is damaged ({reason}{checked})", "restore it from a backup")


def _is_held(shared_memory: Path) -> bool:
    """Return whether another process has the `-shm` of a WAL open: each connection locks a byte of it."""
    try:
        with shared_memory.open("rb") as file:
            wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _DEAD_MAN_SWITCH, 1, 0)
            found: tuple[int, ...] = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, wanted))
    except OSError:
        return False
    return found[0] != fcntl.F_UNLCK


class _WriterLeft(Exception):
    """The last writer closed after the files were examined and before they were opened."""


class _SeemsDamaged(Exception):
    """SQLite takes the file for damaged; the text says why."""


class _NeedsRecovery(Exception):
    """The file cannot be read without writing to it."""


def error_code(error: BaseException | None) -> int:
    """Return the primary result code of an error (https://sqlite.org/rescode.html)."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def files_of(path: Path) -> list[Path]:
    """Return the file and the journals that may hold a part of its content, whether they exist or not."""
    return [path, *journals_of(path)[:2]]


def journals_of(path: Path) -> list[Path]:
    """Return the files that SQLite may keep beside the file."""
    return [path.with_name(path.name + suffix) for suffix in ("-wal", "-journal", "-shm")]


def refuse_unreadable(path: Path) -> None:
    """Raise StoreError unless the path is a readable SQLite database."""
    try:
        refuse_special(path)
        for journal in journals_of(path.resolve()):
            # SQLite opens these too, if they exist.
            with suppress(FileNotFoundError):
                refuse_special(journal)
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except IsADirectoryError:
        raise StoreError(path, "is a folder", "name the SQLite file in it with --drift-db") from None
    except FileNotFoundError:
        raise StoreError(path, "does not exist", "name the SQLite file with --drift-db") from None
    except OSError as error:
        raise StoreError(error.filename or path, f"cannot be read ({error.strerror})") from None
    if start != _MAGIC:
        problem = "is not a SQLite database" if start else "is empty"
        raise StoreError(path, problem, "name the SQLite file with --drift-db")
