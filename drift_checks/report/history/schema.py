"""The tables of the history, and the migrations from older versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from drift_checks.report.history.older import documents

Migration = Sequence[str] | Callable[[sqlite3.Connection], None]


class DamagedHistory(Exception):
    """The file is not a history, or only a part of one."""


def _typed(kinds: str, declared: str = "") -> Callable[[str], str]:
    # Not STRICT: that needs SQLite 3.37, and Python 3.11 is built with older ones too.
    def column(name: str) -> str:
        return f"{name} {declared} CHECK (typeof({name}) IN ({kinds}))".replace("  ", " ")

    return column


# Text that is not Unicode, as in the names of files, is stored as bytes.
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
    # In UTC, to the microsecond, so that text sorts by time.
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
    # An integer of any size.
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
    # Not a reference: runs and alerts are kept for different times.
    *(_text(name) for name in ("run_id", "kind")),
    # The verdict of the run, and the one that the channel shows from then on.
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
    # Why it ended, and the run that reported it; when it was withdrawn.
    *(_text_or_null(name) for name in ("ended", "ended_told", "withdrawn")),
    "CHECK ((record_id IS NULL) != (criterion IS NULL))",
)


def _table(name: str, columns: Sequence[str]) -> str:
    return f"CREATE TABLE {name} ({', '.join(columns)})"


_DOCUMENTS = (
    "run_id TEXT NOT NULL PRIMARY KEY",
    _text("started"),
    f"verdict TEXT NOT NULL CHECK (verdict IN ({_VERDICTS}))",
    *_STORE,
    # The key `drift` of report.json.
    _text("document"),
)
# For whoever looks into the file: SQLite evaluates it only when it is queried.
_VIEWED = ("name", "verdict", "passed", "failed", "unmeasured", "rate", "value", "message")
_VIEW = "CREATE VIEW criteria AS SELECT run_id, item.key AS position, {} FROM runs, {} AS item".format(  # noqa: S608
    ", ".join(f"json_extract(item.value, '$.{name}') AS {name}" for name in _VIEWED),
    "json_each(document, '$.criteria')",
)


def _to_documents(connection: sqlite3.Connection) -> None:
    found = documents(connection)
    connection.execute(_table("documents", _DOCUMENTS))
    connection.execute(
        "INSERT INTO documents SELECT run_id, started, verdict, db, table_name, collection, '{}' FROM runs"
    )
    connection.executemany("UPDATE documents SET document = ? WHERE run_id = ?", [(text, key) for key, text in found])
    for table in ("criteria", "disagreements", "runs"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("ALTER TABLE documents RENAME TO runs")
    connection.execute("CREATE INDEX runs_of_store ON runs (db, table_name, collection, run_id)")
    connection.execute(_VIEW)


# Each leads to the next version of the schema. A released one never changes.
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
    _to_documents,
)
# The tables with rows that no report holds, each with a `number`.
UNREPORTED = ("acknowledgements", "alerts")


@contextmanager
def transaction(connection: sqlite3.Connection, *, writing: bool = True) -> Iterator[None]:
    """Make all changes or none; all reads see the same state."""
    connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            # If that fails too, as on a full disk, whoever opens the file next rolls back.
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def version(connection: sqlite3.Connection) -> int:
    """Return the version of the schema, 0 for a new file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def newest_version() -> int:
    """Return the version that this program writes."""
    return len(MIGRATIONS)


def migrate(
    connection: sqlite3.Connection, fill: Callable[[sqlite3.Connection], object] = lambda connection: None
) -> None:
    """Bring an older schema with its rows up to date, in one transaction; `fill` it if there was no schema yet.

    Raises:
        sqlite3.Error: It cannot be written and is unchanged.
    """
    if version(connection) >= newest_version():
        return
    with transaction(connection):
        # Another process may have come first.
        number = version(connection)
        _apply(connection, MIGRATIONS[number:])
        connection.execute(f"PRAGMA user_version = {max(number, newest_version())}")
        if number == 0:
            fill(connection)


def refuse_damaged(connection: sqlite3.Connection) -> None:
    """Check the file's pages and that it has the tables of its version.

    Raises:
        DamagedHistory: It is damaged; the reason.
        sqlite3.Error: It cannot be read, which may be due to damage.
    """
    if connection.execute("PRAGMA encoding").fetchone()[0] != "UTF-8":
        raise DamagedHistory("its text is not UTF-8")
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise DamagedHistory(" ".join(str(found).split()))
    with transaction(connection, writing=False):
        number, there = version(connection), columns(connection)
    if not 0 <= number <= newest_version():
        raise DamagedHistory(f"it has the version {number}")
    if number == 0 and there:
        raise DamagedHistory("its tables are not a history's")
    if missing := expected_columns(number) - there:
        raise DamagedHistory(f"it lacks {named(missing)}")


def columns(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return the columns as pairs of table and column."""
    query = (
        "SELECT tables.name, columns.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns"
        " WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return {(table, column) for table, column in connection.execute(query)}


def named(missing: set[tuple[str, str]]) -> str:
    """Return the first of the columns, as in `calls of runs`."""
    return " of ".join(reversed(min(missing)))


def expected_columns(number: int) -> set[tuple[str, str]]:
    """Return the columns of a history of this version, as pairs of table and column."""
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
