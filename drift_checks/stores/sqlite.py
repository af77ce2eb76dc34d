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
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import DBAPIError, SAWarning
from sqlalchemy.pool import NullPool

from drift_checks.core.errors import StoreChanged, StoreError
from drift_checks.core.records import decoded
from drift_checks.stores.snapshot import Snapshot, fingerprint

Result = TypeVar("Result")
Functions = Callable[[sqlite3.Connection], None]

_MAGIC = b"SQLite format 3\x00"
_WAL_VERSION = 2
_ATTEMPTS = 3
LOCK_WAIT_SECONDS = 10.0
# The bytes that readers lock in the file (https://sqlite.org/fileformat.html, the lock-byte page), the byte that each
# connection locks in the -shm (https://sqlite.org/walformat.html), and the layout of `struct flock`.
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510
_DEAD_MAN_SWITCH = 128
_FLOCK = "hhqqi4x"


class Access(Enum):
    """How a file is read."""

    SHARED = "mode=ro"
    IMMUTABLE = "mode=ro&immutable=1"
    COPIED = "copied"


class SqliteFile:
    """A SQLite file that is only read, in place or from a private copy in `snapshot_dir`.

    Raises:
        StoreError: The file does not exist, cannot be read, or is not a SQLite database.
    """

    def __init__(self, path: Path, snapshot_dir: Path, lock_wait_seconds: float = LOCK_WAIT_SECONDS) -> None:
        refuse_unreadable(path)
        self.path = path
        # SQLite keeps its journals beside the target of a link.
        self._real = path.resolve()
        self._snapshot_dir = snapshot_dir
        self._snapshot: Snapshot | None = None
        self._lock_wait_seconds = lock_wait_seconds

    def read(self, query: Callable[[Connection], Result], functions: Functions | None = None) -> Result:
        """Return what `query` returns, read as of one moment; it is called again if the file changed meanwhile.

        `functions` is called first, to register SQL functions on the driver's connection.

        Raises:
            StoreError: The file is locked, damaged or keeps changing.
        """
        for _ in range(_ATTEMPTS):
            before = fingerprint(files_of(self._real))
            access = self.access()
            try:
                with self._held_open(access), self._connected(access, functions) as connection:
                    result = query(connection)
            except _WriterLeft:
                continue
            except _NeedsRecovery:
                access = Access.COPIED
                with self._connected(access, functions) as connection:
                    result = query(connection)
            if access is not Access.IMMUTABLE or fingerprint(files_of(self._real)) == before:
                return result
        raise StoreChanged(
            self.path, f"was written to during each of {_ATTEMPTS} attempts to read it", "run the review again"
        )

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
    def _connected(self, access: Access, functions: Functions | None) -> Iterator[Connection]:
        path = self._copy() if access is Access.COPIED else self._real
        mode = "mode=rw" if access is Access.COPIED else access.value
        # A path after two slashes would be taken for a host.
        address = f"file:/{quote(os.fsencode(path).lstrip(b'/'))}?{mode}"

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(address, uri=True, timeout=self._lock_wait_seconds)
            connection.text_factory = decoded
            if functions is not None:
                functions(connection)
            return connection

        engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)
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
            return StoreError(
                self.path,
                f"was locked by another program for {self._lock_wait_seconds:g} s",
                "run the review again when that has finished writing",
            )
        if access is not Access.COPIED and code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            return _NeedsRecovery()
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StoreError(self.path, f"is damaged ({error})", "restore it from a backup")
        return StoreError(self.path, f"cannot be read ({error})")


def columns_of(connection: Connection, table: str) -> list[ReflectedColumn]:
    """Return the properties of each column of a table."""
    with warnings.catch_warnings():
        # SQLAlchemy does not know the types of extensions, such as F32_BLOB(16).
        warnings.simplefilter("ignore", SAWarning)
        return inspect(connection).get_columns(table)


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


class _NeedsRecovery(Exception):
    """The file cannot be read without writing to it."""


def error_code(error: BaseException | None) -> int:
    """Return the primary result code of an error (https://sqlite.org/rescode.html)."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def files_of(path: Path) -> list[Path]:
    """Return the file and the journals that may hold a part of its content, whether they exist or not."""
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-journal")]


def refuse_unreadable(path: Path) -> None:
    """Raise StoreError unless the path is a readable SQLite database."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except IsADirectoryError:
        raise StoreError(path, "is a folder", "name the SQLite file in it with --drift-db") from None
    except FileNotFoundError:
        raise StoreError(path, "does not exist", "name the SQLite file with --drift-db") from None
    except OSError as error:
        raise StoreError(path, f"cannot be read ({error.strerror})") from None
    if start != _MAGIC:
        problem = "is not a SQLite database" if start else "is empty"
        raise StoreError(path, problem, "name the SQLite file with --drift-db")
