"""The scripts change exactly the records of the plan, whatever their ids and categories are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.records import RecordId, record_id
from drift_checks.operations.repair.cautions import cautions
from drift_checks.operations.repair.choosing import Change, StoredRow
from drift_checks.operations.repair.sql import read_rows, scripts
from drift_checks.stores.engines.opening import open_records
from drift_checks.stores.records import RecordStore
from tests.support.judgements import NOW

TABLE, ID, CATEGORY = 'My "decisions": 100%', "the id", "Cat'egory\\"
COLUMNS = {"id": ID, "category": CATEGORY}
# Also what looks like a number, ends in a space, or differs only in its case.
CATEGORIES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)
IDS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), CATEGORIES, st.binary(max_size=9), st.sampled_from(["1", "01", "1.0", "a", "A"])
)


def planned(store: RecordStore, new: dict[RecordId, str]) -> tuple[str, str]:
    """Return the two scripts that give these records new categories."""

    def read(connection: sa.Connection) -> tuple[str, str]:
        rows = read_rows(connection, store, list(new))
        changes = [
            Change(key, "", str(row.category), new[key], ("anna",), NOW)
            for key, row in rows.items()
            if str(row.category) != new[key]
        ]
        return scripts(connection, store, changes, rows)

    return store.read(read)


def opened(path: Path) -> RecordStore:
    """Return the store in a file with the table."""
    return RecordStore(open_records(path, path.parent), TABLE, COLUMNS, None)


def quoted(name: str) -> str:
    """Return an identifier in quotes."""
    return '"{}"'.format(name.replace('"', '""'))


def sqlite_rows(path: Path) -> list[tuple[Any, ...]]:
    """Return all rows with the types of their values."""
    with closing(sqlite3.connect(path)) as connection:
        names = ", ".join(f"{name}, typeof({name})" for name in map(quoted, (ID, CATEGORY)))
        return connection.execute(f"select {names}, text from {quoted(TABLE)} order by rowid").fetchall()


def run_in_sqlite(path: Path, script: str) -> None:
    """Run a script, read line by line as a client does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for line in script.splitlines():
            connection.execute(line)


def sqlite_store(path: Path, rows: Sequence[tuple[object, object]], declared: str = "") -> Path:
    """Write a table whose columns have no types."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("pragma synchronous = off")
        connection.execute(f"create table {quoted(TABLE)} ({quoted(ID)}, text, {quoted(CATEGORY)} {declared})")
        insert = f"insert into {quoted(TABLE)} values (?, 'a text', ?)"
        connection.executemany(insert, rows)
    return path


@given(
    st.dictionaries(IDS, st.tuples(CATEGORIES, CATEGORIES, st.booleans()), min_size=1, max_size=4),
    st.sampled_from(["", "collate nocase"]),
)
def test_every_value_survives_the_round_trip(
    drawn: dict[int | str | bytes, tuple[str, str, bool]], declared: str
) -> None:
    """Each record gets its category, in the type of the old one; undo restores every value and its type."""
    # One id is known by one name only.
    kept = {record_id(key): (key, *found) for key, found in drawn.items()}
    with TemporaryDirectory() as folder:
        rows = [(key, old.encode() if is_bytes else old) for key, old, _, is_bytes in kept.values()]
        path = sqlite_store(Path(folder) / "records.db", rows, declared)
        before = sqlite_rows(path)
        apply, undo = planned(opened(path), {name: new for name, (_, _, new, _) in kept.items()})
        run_in_sqlite(path, apply)
        expected = [new.encode() if is_bytes else new for _, _, new, is_bytes in kept.values()]
        assert [row[2] for row in sqlite_rows(path)] == expected
        run_in_sqlite(path, undo)
        assert sqlite_rows(path) == before


def test_a_record_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """Also if only the case of its category did, in a column that ignores it."""
    path = sqlite_store(tmp_path / "records.db", [(1, "fraud"), (2, "fraud"), (3, "card")], "collate nocase")
    apply, undo = planned(opened(path), dict.fromkeys((1, 2), "loan"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"update {quoted(TABLE)} set {quoted(CATEGORY)} = 'Fraud' where {quoted(ID)} = 2")
    run_in_sqlite(path, apply)
    assert [row[2] for row in sqlite_rows(path)] == ["loan", "Fraud", "card"]
    run_in_sqlite(path, undo)
    assert [row[2] for row in sqlite_rows(path)] == ["fraud", "Fraud", "card"]


KINDS: dict[str, Callable[[int], object]] = {
    "BIGINT": lambda number: number,
    "UUID": lambda number: f"00000000-0000-0000-0000-00000000000{number}",
    "BLOB": lambda number: bytes([0, number, 255]),
    "VARCHAR": lambda number: f"it's \\{number}\r\n☃",
}


@pytest.mark.parametrize("kind", KINDS)
def test_duckdb_runs_the_scripts(tmp_path: Path, kind: str) -> None:
    """Ids of its types are compared as such."""
    path = tmp_path / "records.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create table {quoted(TABLE)} ({quoted(ID)} {kind}, text varchar, {quoted(CATEGORY)} text)")
        rows = [(KINDS[kind](number), "a text", "it's\n\\ %s") for number in (1, 2)]
        connection.executemany(f"insert into {quoted(TABLE)} values (?, ?, ?)", rows)

    def categories() -> list[str]:
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.execute(f"select {quoted(CATEGORY)} from {quoted(TABLE)} order by 1").fetchall()
            return [row[0] for row in found]

    before, store = categories(), opened(path)
    (first, _) = store.read(lambda connection: connection.execute(sa.select(store.column("id"))).scalars().all())
    apply, undo = planned(store, {record_id(first): "Überweisung'\t"})
    for script, expected in ((apply, ["it's\n\\ %s", "Überweisung'\t"]), (undo, before)):
        with duckdb.connect(str(path)) as connection:
            for line in script.splitlines():
                connection.execute(line)
        assert categories() == expected


def test_triggers_views_and_generated_columns_are_named(tmp_path: Path) -> None:
    """Because they change more than the plan says, or refuse it."""
    path = tmp_path / "records.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            "create table t (id integer primary key, text, own, category generated always as (own) virtual);"
            "create trigger stamp after update on t begin select 1; end; create view v as select * from t;"
            "create table numbered (text, category);"
        )

    def warned(table: str, columns: dict[str, str]) -> list[str]:
        store = RecordStore(open_records(path, tmp_path), table, columns, None)
        return store.read(lambda connection: list(cautions(connection, store)))

    trigger, generated = warned("t", {})
    assert (trigger[:18], generated[:33]) == ("the trigger stamp ", "the column category is generated ")
    assert warned("v", {})[0].startswith("v is a view")
    assert warned("numbered", {"id": "rowid"})[0].startswith("the ids are row numbers")


def test_the_row_keeps_what_the_database_holds(tmp_path: Path) -> None:
    """The category as it is read, and as it is stored."""
    store = opened(sqlite_store(tmp_path / "records.db", [(b"\x01", b"fraud")]))
    found = store.read(lambda connection: read_rows(connection, store, ["01"]))
    assert found == {"01": StoredRow(b"\x01", "a text", "fraud", b"fraud")}
