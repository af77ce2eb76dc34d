"""Reading the history of runs, without ever changing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drift_checks.core.errors import ReportsError
from drift_checks.report.history import schema
from drift_checks.report.history.recorded import RecordedRun, StoreIdentity
from drift_checks.report.history.rows import bound, run_of

NAME = "history.sqlite3"
LOCK_WAIT_SECONDS = 30.0
_OF_STORE = "db = ? AND table_name = ? AND collection = ?"
_STORE = "db, table_name, collection"
# A writer was killed, or has the file in a mode that readers must join in writing.
_NEEDS_WRITING = (sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY, sqlite3.SQLITE_READONLY_CANTINIT)


class HistoryView:
    """The runs in a history; a context manager, which closes it.

    Args:
        path: The file, for messages.
        connection: To it; None where nothing is to be read.

    Raises:
        ReportsError: By each method: it cannot be read.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection | None) -> None:
        self.path = path
        self._connection = connection

    def runs(
        self,
        store: StoreIdentity | None = None,
        last: int | None = None,
        *,
        criteria: bool = True,
        disagreements: bool = False,
    ) -> list[RecordedRun]:
        """Return the runs, oldest first.

        Args:
            store: Of this one; None for those of all.
            last: So many of the newest at the most; None for all.
            criteria: Whether they come with what each criterion came to.
            disagreements: Whether they come with the records on which reviewer and store disagree.
        """
        where, values = ("TRUE", ()) if store is None else (_OF_STORE, store)
        limit = (-1 if last is None else last,)
        found = self._select(f"{where} ORDER BY run_id DESC LIMIT ?", (*values, *limit), criteria, disagreements)
        return found[::-1]

    def newest_of_each_store(self) -> list[RecordedRun]:
        """Return the newest run of each store, with its criteria, oldest first."""
        newest = f"run_id IN (SELECT max(run_id) FROM runs GROUP BY {_STORE})"  # noqa: S608 - names of this file
        return self._select(f"{newest} ORDER BY run_id", (), criteria=True, disagreements=False)

    def previous(self, store: StoreIdentity, before: str) -> RecordedRun | None:
        """Return the newest run of the store before that run id, with criteria and disagreements; None without one."""
        condition = f"{_OF_STORE} AND run_id < ? ORDER BY run_id DESC LIMIT 1"
        found = self._select(condition, (*store, before), criteria=True, disagreements=True)
        return found[0] if found else None

    def stores(self) -> list[StoreIdentity]:
        """Return the stores of which there are runs, sorted."""
        with self.reading() as connection:
            rows = [] if connection is None else connection.execute(f"SELECT DISTINCT {_STORE} FROM runs").fetchall()  # noqa: S608
        texts = [
            [part.decode("utf-8", "surrogatepass") if isinstance(part, bytes) else part for part in row] for row in rows
        ]
        return sorted(StoreIdentity(*row) for row in texts)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _select(self, condition: str, values: Sequence[Any], criteria: bool, disagreements: bool) -> list[RecordedRun]:
        with self.reading() as connection:
            if connection is None:
                return []
            found = []
            for row in connection.execute(
                f"SELECT * FROM runs WHERE {condition}",  # noqa: S608 - conditions of this file
                [bound(value) for value in values],
            ).fetchall():
                parts = [
                    _of_run(connection, table, row["run_id"]) if wanted else []
                    for table, wanted in (("criteria", criteria), ("disagreements", disagreements))
                ]
                found.append(run_of(row, *parts))
            return found

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Yield a connection that reads one moment; None where nothing is to be read.

        Raises:
            ReportsError: It cannot be read, or what is there is not as it was written.
        """
        try:
            if self._connection is None:
                yield None
            else:
                with schema.transaction(self._connection, writing=False):
                    yield self._connection
        except (sqlite3.Error, KeyError, IndexError, TypeError, ValueError) as error:
            raise not_readable(self.path, error) from None


def _of_run(connection: sqlite3.Connection, table: str, run_id: str) -> list[Any]:
    query = f"SELECT * FROM {table} WHERE run_id = ? ORDER BY position"  # noqa: S608 - names of this file
    return connection.execute(query, (run_id,)).fetchall()


def open_for_reading(folder: Path) -> HistoryView | None:
    """Return the history in the folder of reports; None where there is none, or it cannot be read."""
    try:
        return read_history(folder)
    except ReportsError:
        return None


def read_history(folder: Path) -> HistoryView | None:
    """Return the history in the folder of reports, None where there is none; nothing is made or changed.

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
    except sqlite3.Error as error:
        raise not_readable(path, error) from None


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    connection = connect(path, mode)
    with closing_on_error(connection):
        connection.execute("PRAGMA query_only = ON")
        number = schema.version(connection)
        if number > schema.newest_version():
            raise newer_version(path, number)
        if missing := schema.expected_columns(schema.newest_version()) - schema.columns(connection):
            needed = {item for item in missing if item[0] in ("runs", "criteria", "disagreements")}
            if needed:
                raise ReportsError(
                    path,
                    "is no history as this version of drift_checks reads it (it lacks "
                    f"{' of '.join(reversed(min(needed)))})",
                    "the next run mends it",
                )
    return connection


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Return a connection in which each statement stands alone, but for those between BEGIN and COMMIT.

    Args:
        path: The file.
        mode: `ro` or `rw`; neither makes it.

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=LOCK_WAIT_SECONDS, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def closing_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    """Keep the connection open unless what is done with it fails."""
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
        "look to its rights, or let the next run begin a new one, which sets a damaged one aside",
    )
