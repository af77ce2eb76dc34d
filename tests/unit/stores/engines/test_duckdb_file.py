"""Parquet and DuckDB's own files, and which files a name stands for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from drift_checks.core.errors import SettingError, StoreChanged, StoreError, StoreLocked
from drift_checks.stores.engines import duckdb_file
from drift_checks.stores.engines.opening import open_records
from drift_checks.stores.engines.snapshot import fingerprint
from drift_checks.stores.engines.sources import find_source, folder_of, require_sqlite
from drift_checks.stores.engines.sqlite import SqliteFile
from drift_checks.stores.records import RecordStore
from tests.support.tables import TABLE, write_table

TYPED = (
    "select 7::hugeint as id, 'a' as text, 3 as category, 0.5::decimal(4, 3) as confidence,"
    " timestamptz '2026-01-15 02:00:00+01' as timestamp, [0.5::float, 2] as embedding_json, {'why': 'so'} as rationale,"
    " true as source, '\\xAB'::blob as chroma_id, date '2026-01-02' as last_reviewed_at,"
    " 5::utinyint as input_tokens, uuid '00000000-0000-0000-0000-000000000001' as model_version"
)


def parquet(path: Path, query: str) -> Path:
    """Write the rows of a query to a Parquet file."""
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query}) to '{path}' (format parquet)")
    return path


def one_of(path: Path) -> dict[str, object]:
    """Return the only record."""
    with closing(open_records(path, path.parent / "snapshots", 10)) as file:
        store = RecordStore(file, TABLE, {})
        (row,) = store.read(lambda connection: store.rows(connection, [7])).values()
    return row


@pytest.mark.parametrize("kind", ["parquet", "duckdb"])
def test_values_have_the_types_of_sqlite(tmp_path: Path, kind: str) -> None:
    """Whole numbers, numbers, bytes, and texts: ISO 8601 for times, JSON for arrays and structures."""
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        parquet(path, TYPED)
    else:
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"create table {TABLE} as {TYPED}")
    before = fingerprint([path])
    assert one_of(path) == {
        "id": 7,
        "text": "a",
        "category": "3",
        "confidence": 0.5,
        "timestamp": "2026-01-15 01:00:00Z",
        "embedding_json": "[0.5,2.0]",
        "rationale": '{"why":"so"}',
        "source": "true",
        "chroma_id": "ab",
        "last_reviewed_at": "2026-01-02",
        "input_tokens": 5,
        "model_version": "00000000-0000-0000-0000-000000000001",
    }
    assert fingerprint([path]) == before
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, "snapshots"]


ROW = "select 1 as id, 'a' as text, 'x' as category"


def refusal(action: Callable[[], object]) -> str:
    """Return the sentence that refuses an action."""
    with pytest.raises(StoreError) as refused:
        action()
    return str(refused.value)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 but nothing else of a Parquet file PAR1"])
def test_a_damaged_parquet_file_is_named(tmp_path: Path, content: bytes) -> None:
    """As if it were cut off while it was written."""
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    assert refusal(lambda: one_of(path)).startswith(f"{path}: ")


def test_a_column_must_have_one_kind_of_values_in_all_files(tmp_path: Path) -> None:
    """Wider numbers and additional columns are united; texts and numbers are not."""
    parquet(tmp_path / "1.parquet", ROW)
    parquet(tmp_path / "2.parquet", "select 'x' as category, 2::bigint as id, 'b' as text, 0.5 as confidence")
    with closing(open_records(tmp_path, tmp_path / "snapshots")) as file:
        assert RecordStore(file, TABLE, {}).count() == 2
    parquet(tmp_path / "3.parquet", "select 'three' as id, 'c' as text, 'x' as category")
    assert refusal(lambda: open_records(tmp_path, tmp_path / "snapshots")) == (
        f"{tmp_path / '3.parquet'}: column 'id' is VARCHAR, but INTEGER in 1.parquet; write both with the same type, or"
        " name only one of them."
    )


def test_a_duckdb_file_that_is_being_written_is_tried_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another process, whose lock DuckDB respects; then the run ends with 75."""
    monkeypatch.setattr(duckdb_file, "LOCK_WAIT_SECONDS", 0.3)
    path = tmp_path / "a.duckdb"
    writing = (
        "import sys, duckdb; c = duckdb.connect(sys.argv[1]); c.execute('create table t as select 1'); print('open',"
        " flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writing, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with closing(open_records(path, tmp_path / "snapshots")) as file, pytest.raises(StoreLocked) as refused:
            file.read(lambda connection: None)
        assert refused.value.exit_code == 75
        assert writer.stdin is not None
        writer.stdin.close()


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    """And given up if it always does."""
    path = parquet(tmp_path / "a.parquet", ROW)
    reads = 0

    def query(connection: sa.Connection) -> int:
        nonlocal reads
        reads += 1
        if reads == 1 or reads > 2:
            os.utime(path, ns=(time.time_ns(), time.time_ns()))
        return reads

    with closing(open_records(path, tmp_path / "snapshots")) as file:
        assert file.read(query) == 2
        with pytest.raises(StoreChanged):
            file.read(query)


def test_a_slow_query_is_stopped(tmp_path: Path) -> None:
    """After the time that is set."""
    path = parquet(tmp_path / "a.parquet", ROW)
    endless = "select count(*) from range(1000000000) as a, range(1000) as b where a.range % 7 = b.range"
    with closing(open_records(path, tmp_path / "snapshots", 0.1)) as file:
        sentence = refusal(lambda: file.read(lambda connection: connection.exec_driver_sql(endless).all()))
    assert "took longer than 0.1 s" in sentence


def test_a_condition_cannot_read_other_files(tmp_path: Path) -> None:
    """Nor name unknown columns; the sentence has one line."""
    path, other = parquet(tmp_path / "a.parquet", ROW), parquet(tmp_path / "b.parquet", ROW)
    with closing(open_records(path, tmp_path / "snapshots")) as file:
        for condition in (f"id in (select id from '{other}')", "nothing = 1", "id = 'one'"):
            with pytest.raises(SettingError) as refused:
                RecordStore(file, TABLE, {}, condition)
            assert "\n" not in str(refused.value)


def test_without_the_extra_a_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends with 4."""
    path = parquet(tmp_path / "a.parquet", ROW)
    monkeypatch.setattr(duckdb_file, "find_spec", lambda name: None)
    assert refusal(lambda: open_records(path, tmp_path)) == (
        f"{path}: is read as Parquet, which needs DuckDB; install it with: pip install 'drift-checks[duckdb]'."
    )


def test_the_content_decides_before_the_name(tmp_path: Path) -> None:
    """A SQLite file may have any name, and so may a Parquet or DuckDB file."""
    named = write_table(tmp_path / "records.csv", [(1, "a", "x")])
    assert isinstance(open_records(named, tmp_path), SqliteFile)
    source = find_source(parquet(tmp_path / "exported", ROW))
    assert source is not None
    assert source.format == "Parquet"


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("empty", "is a folder without any file whose name ends in .csv"),
        ("*.csv", "matches no file"),
        ("missing.csv", "does not exist"),
        ("mixed", "names files of several formats, such as a.csv and b.jsonl"),
        ("pipe.csv", "it is a named pipe, not a file"),
        ("notes.txt", "is not a SQLite database; name a SQLite file with --drift-db, or one whose name ends in .csv"),
    ],
)
def test_names_that_stand_for_no_table_are_refused(tmp_path: Path, named: str, problem: str) -> None:
    """With what is there."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "mixed").mkdir()
    for name in ("a.csv", "b.jsonl"):
        (tmp_path / "mixed" / name).write_text("id")
    (tmp_path / "notes.txt").write_text("id")
    if named == "pipe.csv":
        os.mkfifo(tmp_path / named)
    assert problem in refusal(lambda: open_records(tmp_path / named, tmp_path / "snapshots"))


def test_a_folder_holds_what_is_named(tmp_path: Path) -> None:
    """A pattern may have patterns in its folders."""
    folder = tmp_path / "[a]"
    folder.mkdir()
    for named in (folder, folder / "a.csv", folder / "*" / "b*" / "*.csv"):
        assert folder_of(named) == folder


def test_what_writes_needs_sqlite(tmp_path: Path) -> None:
    """Backups, vacuuming and writing back do not apply to other files."""
    path = parquet(tmp_path / "a.parquet", ROW)
    assert refusal(lambda: require_sqlite(path, "a backup")) == (
        f"{path}: is read as Parquet, and a backup needs a SQLite file."
    )
    require_sqlite(write_table(tmp_path / "a.db", []), "a backup")


@pytest.mark.parametrize(("rows", "expected"), [(5, 5), (12, 12), (1000, 12)])
def test_rows_all_over_a_table_are_looked_at(tmp_path: Path, rows: int, expected: int) -> None:
    """No row twice; all of them, if they are few."""
    path = parquet(tmp_path / "a.parquet", f"select range as id, [range::float] as vector from range({rows})")
    with closing(open_records(path, tmp_path / "snapshots", 10)) as file:
        query: sa.Select[Any] = sa.select(sa.column("id", sa.Integer)).select_from(sa.table(path.name))
        found = [key for (key,) in file.read(lambda connection: file.dialect.spread(connection, query, 4, 3))]
    assert len(set(found)) == len(found) == expected
    assert {key * 4 // rows for key in found} == {0, 1, 2, 3}
