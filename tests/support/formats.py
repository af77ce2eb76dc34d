"""The same table in every format that a store can have."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import duckdb

from tests.support.tables import TABLE

Row = Mapping[str, object]
TYPES = {"INTEGER": "BIGINT", "TEXT": "VARCHAR", "REAL": "DOUBLE", "INTEGER PRIMARY KEY": "BIGINT"}
FORMATS = ("csv", "tsv", "jsonl", "parquet", "duckdb")


def write_sqlite(path: Path, types: Mapping[str, str], rows: Sequence[Row]) -> Path:
    """Write the rows to a SQLite file, with these types of columns."""
    columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"create table {TABLE} ({columns})")
        places = ", ".join("?" * len(types))
        connection.executemany(
            f"insert into {TABLE} values ({places})", [[row.get(name) for name in types] for row in rows]
        )
    return path


def write_as(folder: Path, kind: str, types: Mapping[str, str], rows: Sequence[Row]) -> Path:
    """Write the rows to a file of another format."""
    path = folder / f"records.{kind}"
    if kind in ("csv", "tsv"):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(types), delimiter="\t" if kind == "tsv" else ",")
            writer.writeheader()
            writer.writerows([{name: row.get(name) for name in types} for row in rows])
    elif kind == "jsonl":
        lines = [json.dumps({name: row.get(name) for name in types}) for row in rows]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    else:
        _write_with_duckdb(path, kind, types, rows)
    return path


def _write_with_duckdb(path: Path, kind: str, types: Mapping[str, str], rows: Sequence[Row]) -> None:
    columns = ", ".join(f'"{name}" {TYPES[declared]}' for name, declared in types.items())
    with duckdb.connect(str(path) if kind == "duckdb" else ":memory:") as connection:
        connection.execute(f"create table {TABLE} ({columns})")
        if rows:
            # Much faster than `executemany`.
            lists = [[row.get(name) for row in rows] for name in types]
            connection.execute(f"insert into {TABLE} select {', '.join(['unnest(?)'] * len(types))}", lists)
        if kind == "parquet":
            connection.execute(f"copy {TABLE} to '{path}' (format parquet)")
