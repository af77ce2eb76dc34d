"""The history of runs, `history.sqlite3` in the folder of reports: a row a run, its alerts and acknowledgements.

The runs come from their reports: runs that are missing, or lost in a damaged file, are read from them again. Alerts and
acknowledgements, which no report holds, are kept a second time in a journal.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from drift_checks.core.errors import ReportsError
from drift_checks.core.files import lock, read_plain
from drift_checks.core.plain import read_json
from drift_checks.core.text import count
from drift_checks.report.history import journal, schema
from drift_checks.report.history.reading import (
    LOCK_WAIT_SECONDS,
    NAME,
    HistoryView,
    closing_on_error,
    connect,
    newer_version,
    not_readable,
)
from drift_checks.report.history.recorded import LARGEST_REPORT, RecordedRun, recorded_run
from drift_checks.report.history.rows import bound, insert, instant, read, refuse_unreadable, run_row
from drift_checks.report.verdict import EXIT_INTERRUPTED, Verdict
from drift_checks.reviews.journal import RUN_ID

_FILE_MODE = 0o640
_BESIDE = ("-journal", "-wal", "-shm")
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
_ATTEMPTS = 3
# A larger one is damage.
_LARGEST_VERSION = 1000
# As runs write it; a report in another layout is parsed, which takes longer.
_PARTIAL = re.compile(rb'"demo": (?:true|false),\s*"partial": true')


class History(HistoryView):
    """The history in a folder of reports, open for writing; created, repaired and migrated as needed.

    Args:
        folder: An existing folder of reports.

    Attributes:
        warnings: What the user should know, a sentence each: that a damaged history was replaced, and what of it was
            restored; or that one of a newer version is left alone, in which case nothing is read or written.

    Raises:
        ReportsError: It cannot be created or opened; by each method: it cannot be read or written, and is unchanged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warnings: list[str] = []
        self._journal = journal.HistoryJournal(folder)
        self._journal_is_behind = False
        self._damage = self._restored = ""
        super().__init__(folder / NAME, None)
        with self._writing():
            self._connection = self._open()

    def add(self, run: RecordedRun) -> None:
        """Add the run, or replace the one with its id."""
        with self.changing() as connection:
            if connection is not None:
                insert(connection, "runs", run_row(run), "INSERT OR REPLACE")

    def take_up_missing(self) -> None:
        """Add the finished whole runs that are missing and whose reports are kept.

        Unreadable reports are skipped, with one warning. An INCONCLUSIVE run is read again: it may have been resumed.
        """
        if self._connection is None:
            return
        known, unreadable = self._verdicts(), []
        for name in self._folders():
            if known.get(name, Verdict.INCONCLUSIVE) != Verdict.INCONCLUSIVE:
                continue
            report = self.folder / name / "report.json"
            try:
                run = _finished(report)
            except (OSError, ValueError, LookupError, TypeError):
                run = None
                if RUN_ID.fullmatch(name) and os.path.lexists(report):
                    unreadable.append(report)
            # The copy of a run's folder is not another run.
            if run is not None and run.run_id == name and run.verdict != known.get(name):
                self.add(run)
        if unreadable:
            others = f" and {count(len(unreadable) - 1, 'other')} like it" if len(unreadable) > 1 else ""
            self.warnings.append(
                f"{unreadable[-1]}: cannot be read, so the history lacks this run{others}; remove the folder."
            )

    def prune(self, before: datetime, keep: str, most: int | None = None) -> None:
        """Delete runs that started before the instant, which has a zone, but never `keep` or the newest of a store.

        At most the `most` oldest, if that is given.
        """
        newest = "SELECT max(run_id) FROM runs GROUP BY db, table_name, collection"
        old = f"SELECT run_id FROM runs WHERE started < ? AND run_id != ? AND run_id NOT IN ({newest})"  # noqa: S608
        query = f"DELETE FROM runs WHERE run_id IN ({old} ORDER BY run_id LIMIT ?)"  # noqa: S608
        with self.changing() as connection:
            if connection is not None:
                connection.execute(query, (instant(before), bound(keep), -1 if most is None else most))

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None and self._journal_is_behind:
            # Whoever opens the history next does it otherwise.
            with suppress(sqlite3.Error):
                self._tidy_journal(self._connection)
        super().close()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection | None]:
        """Yield a connection whose changes are made together or not at all; None if nothing is to be written.

        Raises:
            ReportsError: It cannot be written, and is unchanged.
        """
        with self._writing():
            if self._connection is None:
                yield None
                return
            with schema.transaction(self._connection):
                yield self._connection
                # Before the commit, while other processes cannot write: lines stand in the order of the commits.
                if rows := journal.changed_rows(self._connection):
                    self._journal_is_behind = True
                    with self._warning_of_journal():
                        self._journal.append(rows)

    def _open(self) -> sqlite3.Connection | None:
        for _ in range(_ATTEMPTS):
            _make(self.path)
            try:
                opened = self.path.stat()
                connection = connect(self.path, "rw")
                with closing_on_error(connection):
                    return self._prepared(connection)
            except FileNotFoundError:
                # Another process has just set a damaged one aside.
                continue
            except schema.DamagedHistory as damage:
                self._set_aside(opened, str(damage))
            except UnicodeDecodeError:
                self._set_aside(opened, "its schema is not text")
            except sqlite3.DatabaseError as error:
                if _code(error) not in _DAMAGED:
                    raise
                self._set_aside(opened, str(error))
        raise ReportsError(self.path, "is damaged again each time it is created", "check the disk")

    def _prepared(self, connection: sqlite3.Connection) -> sqlite3.Connection | None:
        try:
            number = schema.version(connection)
            if schema.newest_version() < number <= _LARGEST_VERSION:
                self.warnings.append(str(newer_version(self.path, number)))
                connection.close()
                return None
            # With FULL, a power cut may undo the last commit: the removal of SQLite's journal is not yet on the disk.
            for pragma in ("journal_mode = DELETE", "synchronous = EXTRA"):
                connection.execute(f"PRAGMA {pragma}")
            schema.refuse_damaged(connection)
        except sqlite3.OperationalError as error:
            # Such an error is about the file, for the statements are sound.
            if _code(error) == sqlite3.SQLITE_ERROR:
                raise schema.DamagedHistory(str(error)) from error
            raise
        schema.migrate(connection, self._restore)
        if self._damage or self._restored:
            restored = self._restored or "another process restores alerts and acknowledgements"
            self.warnings.append(f"{self.path}: {self._damage or 'was missing'}; {restored}.")
        self._refuse_unreadable(connection)
        journal.watch(connection)
        self._tidy_journal(connection)
        return connection

    def _refuse_unreadable(self, connection: sqlite3.Connection) -> None:
        """Check the content of all rows, which SQLite does not.

        Raises:
            DamagedHistory: One cannot be read.
        """
        for table in ("runs", *schema.UNREPORTED):
            try:
                for row in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 - a name of this file
                    values = read(row)
                    refuse_unreadable(table, values)
                    if table == "runs":
                        self._run_of(values)
            except (ValueError, TypeError, LookupError) as error:
                raise schema.DamagedHistory(f"a row of {table} cannot be read") from error
            except sqlite3.OperationalError as error:
                # Python's own, about text that is not UTF-8.
                if hasattr(error, "sqlite_errorcode"):
                    raise
                raise schema.DamagedHistory(f"a row of {table} is not text") from error

    def _set_aside(self, opened: os.stat_result, reason: str) -> None:
        aside = self.path.with_name(f"{NAME}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            lock(file)
            # Another process may have set the damaged one aside and created a new one.
            if not os.path.samestat(opened, self.path.stat()):
                return
            # SQLite's journal first: one that stayed behind would be applied to the new file.
            for suffix in _BESIDE:
                with suppress(FileNotFoundError):
                    Path(f"{self.path}{suffix}").rename(f"{aside}{suffix}")
            self.path.rename(aside)
            self._damage = (
                f"was damaged ({reason}) and is set aside as {aside.name}; the new one gets its runs from the reports"
                " that are kept"
            )

    def _restore(self, connection: sqlite3.Connection) -> None:
        """Fill a new history from the journal."""
        try:
            content, problem = self._journal.read(), "holds none"
        except OSError as error:
            content, problem = journal.JournalContent(), f"cannot be read ({error.strerror})"
        restored = Counter(table for table, _ in journal.restore(connection, content))
        damaged = f"has {count(content.damaged, 'damaged line')}" if content.damaged else ""
        if restored:
            found = count(restored["alerts"], "alert"), count(restored["acknowledgements"], "acknowledgement")
            self._restored = f"{' and '.join(found)} are restored from {journal.NAME}{damaged and f', which {damaged}'}"
        elif self._damage or damaged:
            self._restored = f"no alerts and acknowledgements are restored: {journal.NAME} {damaged or problem}"

    def _tidy_journal(self, connection: sqlite3.Connection) -> None:
        """Write the journal anew unless it holds the rows of the history and nothing else."""
        with self._warning_of_journal():
            with schema.transaction(connection, writing=False):
                if self._is_tidy(connection):
                    return
            with schema.transaction(connection):
                # Another process may have appended in between.
                if not self._is_tidy(connection):
                    self._journal.replace(journal.unreported_rows(connection))
            self._journal_is_behind = False

    def _is_tidy(self, connection: sqlite3.Connection) -> bool:
        rows, content = journal.unreported_rows(connection), self._journal.read()
        return content.rows == rows and content.lines == len(rows)

    @contextmanager
    def _warning_of_journal(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            warning = (
                f"{self._journal.path}: cannot be written ({error.strerror}); until it can, alerts and acknowledgements"
                " are lost if the history is damaged."
            )
            if warning not in self.warnings:
                self.warnings.append(warning)

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
        except (sqlite3.Error, OSError, OverflowError) as error:
            raise _not_written(self.path, error) from None


def finished_run(path: Path) -> RecordedRun | None:
    """Return the run in a report.json; None if it is partial, interrupted or unreadable."""
    try:
        return _finished(path)
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _finished(path: Path) -> RecordedRun | None:
    text = read_plain(path, LARGEST_REPORT)
    run = None if _PARTIAL.search(text) else recorded_run(read_json(text)["drift"])
    return None if run is None or run.partial or run.exit_code == EXIT_INTERRUPTED else run


def _make(path: Path) -> None:
    with suppress(FileExistsError):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _FILE_MODE)
        os.fchmod(file, _FILE_MODE)
        os.close(file)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY


def _not_written(path: Path, error: Exception) -> ReportsError:
    if isinstance(error, sqlite3.Error) and _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ReportsError(
            path,
            f"another process has held the history for more than {LOCK_WAIT_SECONDS:g} seconds",
            "end it, and the next run adds this one",
        )
    why = error.strerror if isinstance(error, OSError) else str(error)
    return ReportsError(
        path,
        f"the history cannot be written ({why})",
        "make room and allow writing there, or name another folder with --drift-reports",
    )
