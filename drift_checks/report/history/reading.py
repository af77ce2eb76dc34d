"""Reading the history of runs without ever changing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drift_checks.core.errors import ReportsError
from drift_checks.report.history import schema
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.history.rows import Row, bound, read, run_of
from drift_checks.reviews.journal import first_of_future
from drift_checks.stores.identity import StoreIdentity

NAME = "history.sqlite3"
LOCK_WAIT_SECONDS = 30.0
_OF_STORE = "db = ? AND table_name = ? AND collection = ?"
_STORE = "db, table_name, collection"
# A writer was killed, or uses a mode in which readers must write too.
_NEEDS_WRITING = (sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY, sqlite3.SQLITE_READONLY_CANTINIT)


class HistoryView:
    """The runs in a history; a context manager that closes it. Without a connection, nothing is read.

    Raises:
        ReportsError: By each method: it cannot be read.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection | None) -> None:
        self.path = path
        self._connection = connection
        # By the digest of the document: to parse hundreds of them takes longer than all else at the end of a run.
        self._parsed: dict[bytes, RecordedRun] = {}

    def runs(self, store: StoreIdentity | None = None, last: int | None = None) -> list[RecordedRun]:
        """Return the runs of the store or of all stores, oldest first; only the `last` ones if that is given.

        Runs of the future come first, so that a clock that was ahead does not hide later runs.
        """
        where, values = ("TRUE", ()) if store is None else (_OF_STORE, store)
        newest_first = f"{where} ORDER BY run_id < ? DESC, run_id DESC LIMIT ?"
        return self._select(newest_first, *values, first_of_future(), -1 if last is None else last)[::-1]

    def newest_of_each_store(self) -> list[RecordedRun]:
        """Return the newest run of each store, oldest first."""
        # One of the future only if there is no other.
        newest = f"SELECT substr(max((run_id < ?) || run_id), 2) FROM runs GROUP BY {_STORE}"  # noqa: S608
        return self._select(f"run_id IN ({newest}) ORDER BY run_id", first_of_future())

    def stores(self) -> list[StoreIdentity]:
        """Return the stores that have runs, sorted."""
        with self.reading() as connection:
            rows = [] if connection is None else connection.execute(f"SELECT DISTINCT {_STORE} FROM runs").fetchall()  # noqa: S608
        return sorted(StoreIdentity(*read(row).values()) for row in rows)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._parsed.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _select(self, condition: str, *values: Any) -> list[RecordedRun]:
        query = f"SELECT document FROM runs WHERE {condition}"  # noqa: S608 - conditions of this file
        with self.reading() as connection:
            rows = [] if connection is None else connection.execute(query, [bound(value) for value in values])
            return [self._run_of(row) for row in rows]

    def _run_of(self, row: Row) -> RecordedRun:
        """Return the run in a row, which is parsed once; raise ValueError if it is damaged."""
        document = row["document"]
        key = sha256(document.encode() if isinstance(document, str) else document).digest()
        if key not in self._parsed:
            self._parsed[key] = run_of(row)
        return self._parsed[key]

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Yield a connection whose reads all see the same state; None if nothing is to be read.

        Raises:
            ReportsError: It cannot be read, or a row is damaged.
        """
        try:
            if self._connection is None:
                yield None
            else:
                with schema.transaction(self._connection, writing=False):
                    yield self._connection
        except (sqlite3.Error, KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
            raise not_readable(self.path, error) from None


def open_for_reading(folder: Path) -> HistoryView | None:
    """Return the history in the folder of reports; None if there is none, or it cannot be read."""
    try:
        return read_history(folder)
    except ReportsError:
        return None


def read_history(folder: Path) -> HistoryView | None:
    """Return the history in the folder of reports, None if there is none; nothing is created or changed.

    Raises:
        ReportsError: It cannot be read.
    """
    path = folder / NAME
    try:
        if not path.stat().st_size:
            return None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise not_readable(path, error) from None
    try:
        try:
            return HistoryView(path, _opened(path, "ro"))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in _NEEDS_WRITING:
                raise
            # SQLite rolls back what a killed writer left, and nothing else.
            return HistoryView(path, _opened(path, "rw"))
    except (sqlite3.Error, ValueError) as error:
        raise not_readable(path, error) from None


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    connection = connect(path, mode)
    with closing_on_error(connection):
        connection.execute("PRAGMA query_only = ON")
        number, newest = schema.version(connection), schema.newest_version()
        if number > newest:
            raise newer_version(path, number)
        if missing := schema.expected_columns(number or newest) - schema.columns(connection):
            raise ReportsError(
                path,
                f"is not a history that this version of drift_checks can read (it lacks {schema.named(missing)})",
                "the next run repairs it",
            )
        return connection if number == newest else _migrated_copy(connection)


def _migrated_copy(older: sqlite3.Connection) -> sqlite3.Connection:
    """Return the history in memory, as the next run will migrate it."""
    copy = _prepared(sqlite3.connect(":memory:", isolation_level=None))
    with closing_on_error(copy), closing(older):
        older.backup(copy)
        schema.migrate(copy)
    return copy


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Return a connection in autocommit mode; neither of the modes `ro` and `rw` creates the file.

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return _prepared(sqlite3.connect(uri, uri=True, timeout=LOCK_WAIT_SECONDS, isolation_level=None))


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def closing_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    """Close the connection if the block fails."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def newer_version(path: Path, number: int) -> ReportsError:
    """Return the error for a history of an unknown, newer version."""
    return ReportsError(
        path,
        f"it was made by a newer version of drift_checks (its schema is {number}, this one knows"
        f" {schema.newest_version()}) and is left alone",
        "update drift_checks, or name another folder with --drift-reports",
    )


def not_readable(path: Path, error: Exception) -> ReportsError:
    """Return the error for a history that cannot be read."""
    why = error.strerror if isinstance(error, OSError) else str(error)
    return ReportsError(
        path,
        f"the history cannot be read ({why})",
        "check its permissions; if it is damaged, the next run sets it aside and creates a new one",
    )
