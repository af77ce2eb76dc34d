"""Small SQLite files as users have them: other names, other forms, and things that leave open what is what."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from pathlib import Path

_ROWS = 60
_VALUES: Mapping[str, Callable[[int], object]] = {
    "id": lambda number: number,
    "text": lambda number: f"The invoice number {number} of last month is wrong, please help",
    "body": lambda number: f"The invoice number {number} of last month is wrong, please help",
    "subject": lambda number: f"A question about invoice {number}",
    "label": lambda number: ("billing", "bug", "account")[number % 3],
    "category": lambda number: ("billing", "bug", "account")[number % 3],
    "prediction": lambda number: ("billing", "bug", "account")[number % 3],
    "probability": lambda number: 0.5 + number % 50 / 100,
    "score": lambda number: 0.4 + number % 50 / 100,
    "created_at": lambda number: f"2025-{number % 12 + 1:02}-03T10:00:00Z",
    "name": lambda number: f"user{number}",
}


def tickets(folder: Path, extra: Collection[str] = ("label",)) -> Path:
    """Create a file with a table `tickets`: id, body, probability, created_at, and these columns."""
    names = {"id": "integer primary key", "body": "text", **dict.fromkeys(extra, "text")}
    return write(folder / "tickets.db", "tickets", {**names, "probability": "real", "created_at": "text"})


def ours(folder: Path, table: str = "risk_classifications") -> Path:
    """Create a file with our indispensable columns and two that look like a confidence and a time."""
    names = {"id": "integer primary key", "text": "text", "category": "text", "score": "real", "created_at": "text"}
    return write(folder / "ours.db", table, names)


def write(path: Path, table: str, columns: Mapping[str, str], rows: int = _ROWS) -> Path:
    """Add a table with these columns, and values that fit their names, to a file; return its path."""
    with closing(sqlite3.connect(path)) as connection, connection:
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f'create table "{table}" ({declared})')
        values = [[_VALUES[name](number) for name in columns] for number in range(1, rows + 1)]
        connection.executemany(f'insert into "{table}" values ({", ".join("?" * len(columns))})', values)
    return path
