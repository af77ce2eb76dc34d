"""A second copy of what no report holds, the alerts and acknowledgements, in case the history is damaged.

`history.journal.jsonl` in the folder of reports has a line for each change of a row: an object with the table, the
row's number, the row as it is from then on (null once it is deleted), and a checksum of these. A line that does not
match its checksum, as one cut short by a crash, is ignored.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from drift_checks.core.files import read_lines, replace_file
from drift_checks.core.plain import read_json
from drift_checks.report.history.rows import bound, insert, read, refuse_unreadable
from drift_checks.report.history.schema import UNREPORTED

NAME = "history.journal.jsonl"
_MODE = 0o640
# Table and number.
Key = tuple[str, int]
Rows = Mapping[Key, Mapping[str, Any] | None]


@dataclass
class JournalContent:
    """The newest state of each row, None for a deleted one; and how many lines there are, and how many are damaged."""

    rows: dict[Key, dict[str, Any] | None] = field(default_factory=dict)
    lines: int = 0
    damaged: int = 0


class HistoryJournal:
    """The journal in a folder of reports.

    Raises:
        OSError: By each method: the file cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def read(self) -> JournalContent:
        """Return what the journal holds; nothing if it is missing."""
        found = JournalContent()
        try:
            for line in read_lines(self.path):
                found.lines += 1
                try:
                    key, row = _entry(line)
                    found.rows[key] = row
                except (ValueError, LookupError, TypeError):
                    found.damaged += 1
        except FileNotFoundError:
            pass
        return found

    def append(self, rows: Rows) -> None:
        """Add the new state of rows, on disk once it returns."""
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _MODE)
        try:
            size = os.fstat(handle).st_size
            # A line that was cut short must not swallow the next one.
            torn = size and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, b"\n" * bool(torn) + _lines(rows))
            os.fsync(handle)
        finally:
            os.close(handle)

    def replace(self, rows: Rows) -> None:
        """Write the journal anew with these rows."""
        replace_file(self.path, _lines(rows), _MODE)


def watch(connection: sqlite3.Connection) -> None:
    """Have the connection take note of the rows that it changes."""
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("CREATE TEMP TABLE changed (origin TEXT, number INTEGER)")
    for table in UNREPORTED:
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            note = f"INSERT INTO changed VALUES ('{table}', {row}.number)"  # noqa: S608 - names of this file
            trigger = f"{table}_{event} AFTER {event} ON main.{table}"
            connection.execute(f"CREATE TEMP TRIGGER {trigger} BEGIN {note}; END")


def changed_rows(connection: sqlite3.Connection) -> Rows:
    """Return the rows that were changed since this was last asked."""
    keys = [tuple(key) for key in connection.execute("SELECT DISTINCT origin, number FROM temp.changed").fetchall()]
    if keys:
        connection.execute("DELETE FROM temp.changed")
    found = {}
    for table, number in keys:
        row = connection.execute(f"SELECT * FROM {table} WHERE number = ?", (number,)).fetchone()  # noqa: S608
        found[table, number] = None if row is None else read(row)
    return found


def unreported_rows(connection: sqlite3.Connection) -> dict[Key, dict[str, Any]]:
    """Return all alerts and acknowledgements of a history."""
    return {
        (table, row["number"]): read(row)
        for table in UNREPORTED
        for row in connection.execute(f"SELECT * FROM {table} ORDER BY number").fetchall()  # noqa: S608
    }


def restore(connection: sqlite3.Connection, content: JournalContent) -> Iterator[Key]:
    """Put the journal's rows into an empty history; yield the keys of those that are in it then."""
    for (table, number), row in sorted(content.rows.items()):
        if row is None:
            continue
        known = {column["name"] for column in connection.execute(f"PRAGMA table_info({table})").fetchall()}
        values = {name: bound(value) for name, value in row.items() if name in known}
        try:
            refuse_unreadable(table, {**row, "number": number})
            insert(connection, table, {**values, "number": number})
        except (ValueError, LookupError, TypeError, OverflowError, sqlite3.Error):
            # A checksum proves who wrote it, not that this version takes it.
            continue
        yield table, number


def _entry(line: bytes) -> tuple[Key, dict[str, Any] | None]:
    """Return the row in a line; raise ValueError, LookupError or TypeError if there is none."""
    entry = read_json(line)
    key, row = (str(entry["table"]), int(entry["number"])), entry["row"]
    if not isinstance(row, dict | None) or key[0] not in UNREPORTED or entry["check"] != _checksum(key, row):
        raise ValueError
    return key, row


def _lines(rows: Rows) -> bytes:
    entries = [
        {"table": key[0], "number": key[1], "row": row, "check": _checksum(key, row)} for key, row in rows.items()
    ]
    return "".join(f"{json.dumps(entry)}\n" for entry in entries).encode()


def _checksum(key: Key, row: Mapping[str, Any] | None) -> str:
    return sha256(json.dumps([*key, row], sort_keys=True).encode()).hexdigest()[:16]
