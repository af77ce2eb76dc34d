"""The tables of the history, and how an older history becomes one of today."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

# Statements, or a function where statements alone do not do.
Migration = Sequence[str] | Callable[[sqlite3.Connection], None]


class DamagedHistory(Exception):
    """The file is no history, or not the whole of one."""


def _typed(kinds: str, declared: str = "") -> Callable[[str], str]:
    # Not STRICT: that needs SQLite 3.37, and Python 3.11 is built with older ones too.
    def column(name: str) -> str:
        return f"{name} {declared} CHECK (typeof({name}) IN ({kinds}))".replace("  ", " ")

    return column


# Text that is no Unicode, as a file's name may be, is kept as bytes.
_text = _typed("'text', 'blob'", "TEXT NOT NULL")
_text_or_null = _typed("'text', 'blob', 'null'", "TEXT")
_whole = _typed("'integer'", "INTEGER NOT NULL")
_whole_or_null = _typed("'integer', 'null'", "INTEGER")
_number = _typed("'real'", "REAL NOT NULL")
_number_or_null = _typed("'real', 'null'", "REAL")
# Without a declared type, numbers stay numbers and text stays text.
_number_or_text = _typed("'integer', 'text', 'blob'")
_VERDICTS = "'OK', 'WARNING', 'CRITICAL', 'INCONCLUSIVE'"
_OF_RUN = "run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE"

_RUNS = (
    "run_id TEXT NOT NULL PRIMARY KEY",
    # In UTC, to the microsecond, so that text sorts as time does.
    *(_text(name) for name in ("started", "finished")),
    _number("duration_seconds"),
    f"verdict TEXT NOT NULL CHECK (verdict IN ({_VERDICTS}))",
    _whole("exit_code"),
    "demo INTEGER NOT NULL CHECK (demo IN (0, 1))",
    *(_text(name) for name in ("db", "table_name", "collection")),
    _whole("records"),
    _whole_or_null("vectors"),
    # A JSON object.
    _text("versions"),
    _whole("sample_size"),
    # A whole number of any size.
    _text("seed"),
    *(_text(name) for name in ("as_of", "reviewer")),
    *(_text_or_null(name) for name in ("model", "prompt")),
    *(_text(name) for name in ("decision", "judge")),
    *(_whole(name) for name in ("agreed", "reviewed")),
    *(_number_or_null(name) for name in ("rate", "interval_lower", "interval_upper")),
    *(_number_or_null(name) for name in ("population_rate", "population_lower", "population_upper")),
    _number_or_null("confidence_change"),
    _whole("calls"),
    *(_whole_or_null(name) for name in ("input_tokens", "output_tokens")),
    _number_or_null("cost"),
)
_CRITERIA = (
    _OF_RUN,
    _whole("position"),
    _text("name"),
    f"verdict TEXT CHECK (verdict IN ({_VERDICTS}))",
    *(_whole(name) for name in ("passed", "failed", "unmeasured", "not_needed")),
    *(_number_or_null(name) for name in ("rate", "interval_lower", "interval_upper", "value", "warn", "critical")),
    _text("message"),
    "PRIMARY KEY (run_id, name)",
)
_DISAGREEMENTS = (
    _OF_RUN,
    _whole("position"),
    _number_or_text("record_id"),
    *(_text_or_null(name) for name in ("stratum", "stored", "reviewed")),
    *(_number_or_null(name) for name in ("stored_confidence", "reviewed_confidence")),
    "PRIMARY KEY (run_id, position)",
)


_STORE = tuple(_text(name) for name in ("db", "table_name", "collection"))
_ALERTS = (
    "number INTEGER PRIMARY KEY AUTOINCREMENT",
    *(_text(name) for name in ("channel", "incident")),
    *_STORE,
    # Not a reference: runs are kept for longer or shorter than what was told of them.
    *(_text(name) for name in ("run_id", "kind")),
    # Of the run, and what the channel believes once it was told.
    *(f"{name} TEXT NOT NULL CHECK ({name} IN ({_VERDICTS}))" for name in ("verdict", "state")),
    _text("created"),
    # A JSON object.
    _text("message"),
    "status TEXT NOT NULL CHECK (status IN ('waiting', 'delivered', 'superseded', 'dropped'))",
    _whole("attempts"),
    *(_text_or_null(name) for name in ("error", "settled")),
)
_ACKNOWLEDGEMENTS = (
    "number INTEGER PRIMARY KEY AUTOINCREMENT",
    *_STORE,
    "record_id CHECK (typeof(record_id) IN ('integer', 'text', 'blob', 'null'))",
    *(_text_or_null(name) for name in ("stored", "reviewed", "criterion")),
    f"verdict TEXT CHECK (verdict IN ({_VERDICTS}))",
    *(_text(name) for name in ("until", "reason", "made")),
    # A JSON object.
    _text("versions"),
    # Why it ended, and the run that told of it; when it was withdrawn.
    *(_text_or_null(name) for name in ("ended", "ended_told", "withdrawn")),
    "CHECK ((record_id IS NULL) != (criterion IS NULL))",
)


def _table(name: str, columns: Sequence[str]) -> str:
    return f"CREATE TABLE {name} ({', '.join(columns)})"


# Each leads from one version of the schema to the next. One that was released never changes; another table is one more.
MIGRATIONS: tuple[Migration, ...] = (
    (
        _table("runs", _RUNS),
        "CREATE INDEX runs_of_store ON runs (db, table_name, collection, run_id)",
        _table("criteria", _CRITERIA),
        _table("disagreements", _DISAGREEMENTS),
    ),
    (
        _table("alerts", _ALERTS),
        "CREATE INDEX alerts_of_store ON alerts (db, table_name, collection, channel, incident, number)",
        "CREATE INDEX alerts_by_status ON alerts (status, number)",
        _table("acknowledgements", _ACKNOWLEDGEMENTS),
        "CREATE INDEX acknowledgements_of_store ON acknowledgements (db, table_name, collection)",
    ),
)
# The version since which a history holds alerts and acknowledgements: an older one that is only read has none.
TOLD_SINCE = 2


@contextmanager
def transaction(connection: sqlite3.Connection, *, writing: bool = True) -> Iterator[None]:
    """Do all of it or nothing; what is read in it is of one moment."""
    connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            # Where that fails too, as on a full disk, whoever opens the file next rolls back.
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def version(connection: sqlite3.Connection) -> int:
    """Return the version of the schema, 0 where there is none yet."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def newest_version() -> int:
    """Return the version that this program writes."""
    return len(MIGRATIONS)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring an older schema up to date, with all of its rows, in one transaction.

    Raises:
        sqlite3.Error: It cannot be written; it is as it was.
    """
    if version(connection) >= newest_version():
        return
    with transaction(connection):
        # Another process may have come first.
        _apply(connection, MIGRATIONS[version(connection) :])
        connection.execute(f"PRAGMA user_version = {max(version(connection), newest_version())}")


def refuse_damaged(connection: sqlite3.Connection) -> None:
    """Check the pages of the file, and that its tables are those of its version.

    Raises:
        DamagedHistory: With the reason.
        sqlite3.Error: It cannot be read, which may be for damage too.
    """
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise DamagedHistory(" ".join(str(found).split()))
    with transaction(connection, writing=False):
        number, there = version(connection), columns(connection)
    if number < 0 or (number == 0 and there):
        raise DamagedHistory("its tables are not those of a history")
    if missing := expected_columns(number) - there:
        raise DamagedHistory(f"it lacks {' of '.join(reversed(min(missing)))}")


def columns(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return the columns, each with its table first."""
    query = (
        "SELECT tables.name, columns.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns"
        " WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return {(table, column) for table, column in connection.execute(query)}


def expected_columns(number: int) -> set[tuple[str, str]]:
    """Return the columns that a history of this version has, each with its table first."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        _apply(connection, MIGRATIONS[:number])
        return columns(connection)
    finally:
        connection.close()


def _apply(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    for migration in migrations:
        if callable(migration):
            migration(connection)
        else:
            for statement in migration:
                connection.execute(statement)
