"""Small stores for tests of writing a run back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drift_checks.core.records import RecordId
from drift_checks.stores.write_back import WrittenBack

MOMENT = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
STAMP = "2026-01-15T02:00:00+00:00"
RECORDS = (
    "create table risk_classifications (id integer primary key autoincrement, text text not null,"
    " category text not null, last_reviewed_at text, review_count integer default 0)"
)
METRICS = (
    "create table drift_metrics (id integer primary key autoincrement, total_reviewed integer not null,"
    " agreements integer not null, disagreements integer not null, agreement_rate real not null,"
    " avg_confidence_change real not null, timestamp text not null,"
    " created_at text not null default current_timestamp)"
)
AROUND = (
    "create index by_review on risk_classifications (last_reviewed_at)",
    "create table archives (id integer primary key, of integer references risk_classifications (id), body blob)",
    "insert into archives values (1, 1, x'00ff')",
    "insert into drift_metrics values (7, 9, 9, 0, 1.0, 0.0, '2026-01-14T02:00:00+00:00', '2026-01-14')",
)
Tables = dict[str, list[tuple[Any, ...]]]


def execute(path: Path, *statements: str) -> None:
    """Change the file as the application would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def make(
    path: Path,
    rows: Iterable[tuple[object, ...]] = ((1, None), (2, 0), (3, 4)),
    journal: str = "delete",
    records: str = RECORDS,
    metrics: str = METRICS,
    text: str = "text",
) -> Path:
    """Create a store of these (id, review_count) and return its path."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"pragma journal_mode = {journal}")
        for statement in (records, metrics, *AROUND):
            connection.execute(statement)
        insert = "insert into risk_classifications values (?, ?, 'other', null, ?)"
        connection.executemany(insert, [(key, text, count) for key, count in rows])
    return path


def tables(path: Path) -> Tables:
    """Return all rows of all tables, including the schema."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("select name from sqlite_schema where type = 'table'")]
        return {
            name: connection.execute('select * from "{}" order by 1'.format(name.replace('"', '""'))).fetchall()
            for name in ["sqlite_schema", *names]
        }


def written(*ids: RecordId, moment: datetime = MOMENT, change: float | None = 0.02) -> WrittenBack:
    """Return a run on these records in which 47 of 50 agree."""
    return WrittenBack(ids, 50, 47, 0.94, change, moment)


def expected(before: Tables, *ids: RecordId, table: str = "risk_classifications") -> Tables:
    """Return the tables with the marks of one run on these records, without its row."""
    marked = [(*row[:3], STAMP, int(str(row[4] or 0)) + 1) if row[0] in ids else row for row in before[table]]
    return {**before, table: marked}


def without_row(after: Tables) -> Tables:
    """Return the tables without the newest row of the metrics and the counter of its ids."""
    return {**after, "drift_metrics": after["drift_metrics"][:-1], "sqlite_sequence": []}
