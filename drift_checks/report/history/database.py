"""The history of runs, `history.sqlite3` in the folder of reports: a row a run, a criterion and a disagreement.

The reports themselves are the source: what the history lacks, or lost with a damaged file, is taken up from them again.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from drift_checks.core.errors import ReportsError
from drift_checks.report.history import schema
from drift_checks.report.history.reading import (
    LOCK_WAIT_SECONDS,
    NAME,
    HistoryView,
    closing_on_error,
    connect,
    newer_version,
    not_readable,
)
from drift_checks.report.history.recorded import RecordedRun, recorded_run
from drift_checks.report.history.rows import bound, criterion_row, disagreement_row, instant, run_row
from drift_checks.report.verdict import EXIT_INTERRUPTED, Verdict

_FILE_MODE = 0o640
_BESIDE = ("-journal", "-wal", "-shm")
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
_ATTEMPTS = 3
# As runs write it; one in another form is parsed, which takes longer and comes to the same.
_PARTIAL = re.compile(rb'"demo": (?:true|false),\s*"partial": true')


class UnfitRun(ReportsError):
    """A run has values that the history has no place for."""


class History(HistoryView):
    """The history in a folder of reports, open for writing; made, mended and brought up to date where it has to be.

    Args:
        folder: The folder of reports, which is there.

    Attributes:
        warnings: What the user is to be told: that a damaged history was set aside, or that one of a newer version is
            left alone, in which case nothing is read or written.

    Raises:
        ReportsError: It cannot be made or opened; by each method: it cannot be read or written, and is as it was.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warnings: list[str] = []
        super().__init__(folder / NAME, None)
        with self._writing():
            self._connection = self._open()

    def add(self, run: RecordedRun) -> None:
        """Add the run with its criteria and disagreements, in place of what is there under its id.

        Raises:
            UnfitRun: A value of it is of no kind that can be kept.
        """
        with self.changing() as connection:
            if connection is None:
                return
            # Not deleted first: what else refers to the run stays.
            self._insert("runs", run_row(run), replacing="run_id")
            for table in ("criteria", "disagreements"):
                connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (bound(run.run_id),))  # noqa: S608
            for place in range(len(run.criteria)):
                self._insert("criteria", criterion_row(run, place))
            for place in range(len(run.disagreements)):
                self._insert("disagreements", disagreement_row(run, place))

    def take_up_missing(self) -> None:
        """Add the finished whole runs that are not there and whose reports are kept.

        What cannot be read is passed over; an INCONCLUSIVE run is looked at again, since it may have been resumed.
        """
        if self._connection is None:
            return
        known = self._verdicts()
        for name in self._folders():
            if known.get(name, Verdict.INCONCLUSIVE) != Verdict.INCONCLUSIVE:
                continue
            run = finished_run(self.folder / name / "report.json")
            # A copy of a run's folder is no further run.
            if run is not None and run.run_id == name and run.verdict != known.get(name):
                with suppress(UnfitRun):
                    self.add(run)

    def prune(self, before: datetime, keep: str) -> None:
        """Delete runs that started before the moment, but never the newest of a store.

        Args:
            before: The moment, with a zone.
            keep: The id of a run that stays in any case.
        """
        with self.changing() as connection:
            if connection is None:
                return
            connection.execute(
                "DELETE FROM runs WHERE started < ? AND run_id != ? AND run_id NOT IN"
                " (SELECT max(run_id) FROM runs GROUP BY db, table_name, collection)",
                (instant(before), bound(keep)),
            )

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection | None]:
        """Yield a connection that changes all or nothing; None where nothing is to be written.

        Raises:
            ReportsError: It cannot be written, and is as it was.
        """
        with self._writing():
            if self._connection is None:
                yield None
            else:
                with schema.transaction(self._connection):
                    yield self._connection

    def _open(self) -> sqlite3.Connection | None:
        for _ in range(_ATTEMPTS):
            _make(self.path)
            try:
                opened = self.path.stat()
                connection = connect(self.path, "rw")
                with closing_on_error(connection):
                    return self._prepared(connection)
            except FileNotFoundError:
                # Another process set a damaged one aside in between.
                continue
            except schema.DamagedHistory as damage:
                self._set_aside(opened, str(damage))
            except sqlite3.DatabaseError as error:
                if _code(error) not in _DAMAGED:
                    raise
                self._set_aside(opened, str(error))
        raise ReportsError(self.path, "is damaged each time it is made anew", "look to the disk")

    def _prepared(self, connection: sqlite3.Connection) -> sqlite3.Connection | None:
        number = schema.version(connection)
        if number > schema.newest_version():
            self.warnings.append(str(newer_version(self.path, number)))
            connection.close()
            return None
        for pragma in ("journal_mode = DELETE", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        schema.refuse_damaged(connection)
        schema.migrate(connection)
        return connection

    def _set_aside(self, opened: os.stat_result, reason: str) -> None:
        aside = self.path.with_name(f"{NAME}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Another process may have set the damaged one aside and begun a new one.
            if not os.path.samestat(opened, self.path.stat()):
                return
            # The journal first: one that stayed behind alone would be played into the new file.
            for suffix in _BESIDE:
                with suppress(FileNotFoundError):
                    Path(f"{self.path}{suffix}").rename(f"{aside}{suffix}")
            self.path.rename(aside)
            self.warnings.append(
                f"{self.path}: was damaged ({reason}) and is set aside as {aside.name}; a new history is made of the"
                " reports that are kept."
            )

    def _insert(self, table: str, row: dict[str, object], replacing: str = "") -> None:
        assert self._connection is not None
        update = ", ".join(f"{name} = excluded.{name}" for name in row)
        instead = f" ON CONFLICT ({replacing}) DO UPDATE SET {update}" if replacing else ""
        names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
        self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places}){instead}", row)  # noqa: S608

    def _verdicts(self) -> dict[str, str]:
        with self.reading() as connection:
            rows = [] if connection is None else connection.execute("SELECT run_id, verdict FROM runs").fetchall()
        return {row["run_id"]: row["verdict"] for row in rows}

    def _folders(self) -> list[str]:
        try:
            with os.scandir(self.folder) as entries:
                found = [item for item in entries if not item.name.startswith(".") and not item.is_symlink()]
                return sorted(item.name for item in found if item.is_dir())
        except OSError as error:
            raise not_readable(self.folder, error) from None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError) as error:
            raise UnfitRun(self.path, f"a run cannot be kept there ({error})") from None
        except (sqlite3.Error, OSError) as error:
            raise _not_written(self.path, error) from None


def finished_run(path: Path) -> RecordedRun | None:
    """Return the run that a report.json tells of; None for a part of a review, an interrupted one, or no report."""
    try:
        text = path.read_bytes()
        drift = None if _PARTIAL.search(text) else json.loads(text)["drift"]
        run = None if drift is None or drift["partial"] is not False else recorded_run(drift)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return None if run is None or run.exit_code == EXIT_INTERRUPTED else run


def _make(path: Path) -> None:
    with suppress(FileExistsError):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _FILE_MODE)
        os.fchmod(file, _FILE_MODE)
        os.close(file)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY


def _not_written(path: Path, error: sqlite3.Error | OSError) -> ReportsError:
    if isinstance(error, sqlite3.Error) and _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ReportsError(
            path,
            f"another process holds the history for longer than {LOCK_WAIT_SECONDS:g} seconds",
            "end it, and the next run takes up this one",
        )
    why = error.strerror if isinstance(error, OSError) else str(error)
    return ReportsError(
        path,
        f"the history cannot be written ({why})",
        "make room and give the right to write there, or name another folder with --drift-reports",
    )
