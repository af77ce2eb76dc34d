"""The statements that change categories in a database, and those that undo it, as scripts for its own client."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from drift_checks.core.records import RecordId, StoredId, record_id
from drift_checks.core.text import count, printable
from drift_checks.operations.repair.choosing import Change, StoredRow
from drift_checks.stores.records import RecordStore

Expression = sa.ColumnElement[Any]
# What comes before and after the changes. Backslashes mean nothing in texts.
_AROUND: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "sqlite": (["BEGIN IMMEDIATE"], ["COMMIT"]),
    "duckdb": (["BEGIN TRANSACTION"], ["COMMIT"]),
    "postgresql": (
        ["BEGIN", "SET LOCAL standard_conforming_strings = on", "SET LOCAL client_encoding = 'UTF8'"],
        ["COMMIT"],
    ),
    "mysql": (
        [
            "SET NAMES utf8mb4",
            "SET @drift_sql_mode = @@SESSION.sql_mode",
            "SET SESSION sql_mode = CONCAT_WS(',', NULLIF(@@SESSION.sql_mode, ''), 'NO_BACKSLASH_ESCAPES')",
            "START TRANSACTION",
        ],
        ["COMMIT", "SET SESSION sql_mode = @drift_sql_mode"],
    ),
}
_AROUND = {**_AROUND, "mariadb": _AROUND["mysql"]}
_BYTES: Mapping[str, str] = {"duckdb": "from_hex('{}')", "postgresql": "decode('{}', 'hex')"}
_CHARACTER: Mapping[str, str] = {"duckdb": "chr({})", "postgresql": "chr({})", "sqlite": "char({})"}
# Clients of databases cut off or convert some of the characters of these categories.
_UNSAFE = ("Cc", "Zl", "Zp")


def can_script(connection: sa.Connection) -> bool:
    """Return whether scripts can be written for this database."""
    return connection.dialect.name in _AROUND


def read_rows(connection: sa.Connection, store: RecordStore, ids: Sequence[RecordId]) -> dict[RecordId, StoredRow]:
    """Return the decisions with these ids."""
    rows = store.rows(connection, ids, ("id", "text", "category"))
    key, category = store.column("id"), store.column("category")
    stored: dict[RecordId, StoredId] = {}
    for start in range(0, len(ids), store.file.dialect.ids_at_once):
        there = store.file.dialect.with_ids(key, ids[start : start + store.file.dialect.ids_at_once])
        stored |= {
            record_id(found): value for found, value in connection.execute(sa.select(key, category).where(there))
        }
    return {found: StoredRow(row["id"], row["text"], row["category"], stored[found]) for found, row in rows.items()}


def scripts(
    connection: sa.Connection, store: RecordStore, changes: Sequence[Change], rows: Mapping[RecordId, StoredRow]
) -> tuple[str, str]:
    """Return the script that makes the changes, and the one that undoes them."""
    statements = _Statements(connection, store)
    made = [(rows[item.record_id], _like(rows[item.record_id].stored, item.new)) for item in changes]
    applied = [statements.update(row.id, row.stored, new) for row, new in made]
    undone = [statements.update(row.id, new, row.stored) for row, new in made]
    what = f"the category of {count(len(changes), 'record')} in {printable(store.name)}"
    return (
        statements.script(f"Sets {what} to what people judged to be right; undo.sql reverses it.", applied),
        statements.script(f"Restores {what} as it was before apply.sql.", undone),
    )


class _Statements:
    """The statements in the dialect of a database, with all values as literals."""

    def __init__(self, connection: sa.Connection, store: RecordStore) -> None:
        self._store = store
        self._name = connection.dialect.name
        # Another style of parameters would double each percent sign.
        kind: Any = type(connection.dialect)
        dialect = kind(paramstyle="named")
        dialect._backslash_escapes = False
        self._dialect: sa.Dialect = dialect
        columns = {ours: store.base.c[store.columns[ours]] for ours in ("id", "category")}
        self._columns = columns
        self._read = {ours: store.file.dialect.projected(connection, ours, column) for ours, column in columns.items()}

    def update(self, key: object, old: StoredId, new: StoredId) -> str:
        """Return the statement that changes the category of a record that still has the old one."""
        which = sa.and_(self._is("id", key), self._is("category", old))
        statement = sa.update(self._store.base).where(which).values({self._columns["category"]: self._literal(new)})
        return str(statement.compile(dialect=self._dialect, compile_kwargs={"literal_binds": True}))

    def script(self, title: str, statements: Iterable[str]) -> str:
        """Return a script of one transaction."""
        before, after = _AROUND[self._name]
        comments = (title, "A record that changed meanwhile is left alone.")
        lines = [*(f"-- {comment}" for comment in comments), *(f"{line};" for line in (*before, *statements, *after))]
        return "\n".join([*lines, ""])

    def _is(self, ours: str, value: object) -> Expression:
        """Return whether a column has exactly this value, whatever its collation."""
        dialect, read, literal = self._store.file.dialect, self._read[ours], self._literal(value)
        if dialect.in_process:
            return (dialect.identity(read) if isinstance(value, str) else read) == literal
        if ours == "category":
            # It is read so that it is compared byte by byte.
            return read == literal
        found = self._columns[ours] == literal
        # The first uses an index, and the second tells texts apart that a collation takes for the same.
        return sa.and_(found, dialect.text(read) == literal) if isinstance(read.type, sa.String) else found

    def _literal(self, value: object) -> Expression:
        if isinstance(value, bytes):
            return sa.literal_column(_BYTES.get(self._name, "X'{}'").format(value.hex()))
        if not isinstance(value, str):
            return sa.literal_column(repr(value))
        parts = list(self._parts(value))
        whole = parts[0] if parts else sa.literal("", sa.String)
        for part in parts[1:]:
            whole = whole.concat(part)
        return whole

    def _parts(self, text: str) -> Iterator[Expression]:
        """Yield the parts of a text: as they are, or as the codes of characters that a client might change."""
        for unsafe, letters in groupby(text, lambda letter: unicodedata.category(letter) in _UNSAFE):
            if unsafe:
                form = _CHARACTER.get(self._name, "char({} using utf8mb4)")
                yield from (sa.literal_column(form.format(ord(letter)), sa.String) for letter in letters)
            else:
                yield sa.literal("".join(letters), sa.String)


def _like(stored: StoredId, new: str) -> StoredId:
    """Return the new category as the database holds the old one."""
    if isinstance(stored, bytes):
        return new.encode()
    return int(new) if isinstance(stored, int) and new.isascii() and new.isdecimal() else new
