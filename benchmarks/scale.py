"""How long a review of a large store takes, and how much memory, with SQLite, Parquet and PostgreSQL: whole processes.

The stores are made in the folder, the same ones each time, and are used again if they are there.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.processes import Usage, apart, figures, in_turn, table

if TYPE_CHECKING:
    import duckdb

ENGINES = ("sqlite", "sqlite-json", "parquet", "postgresql")
AT_ONCE = 10_000
# Hashes in place of random numbers: DuckDB computes them in any order. The text begins with the category.
ROWS = """
select number::bigint as id, concat_ws(' ', category, 'report', number, 'on case', hash(number, 1) % 1000000,
        'as filed by office', hash(number, 2) % 1000, 'with remark', hash(number, 3)) as text,
    sha256(text) as text_hash{vectors}, category,
    round(1 - pow((hash(number, 4) % 100000) / 100000, 5) * 0.6, 4) as confidence,
    strftime(timestamp '2026-01-15' - to_seconds(hash(number, 5) % 31536000), '%Y-%m-%dT%H:%M:%S') as timestamp,
    'llm' as source, 'model-1' as model_version, 'prompt-1' as prompt_version, 'embedding-1' as embedding_model,
    (300 + hash(number, 6) % 900)::integer as response_time_ms, (200 + hash(number, 7) % 300)::integer as input_tokens,
    (20 + hash(number, 8) % 30)::integer as output_tokens
from (select range as number, 'kind-' || hash(range, 0) % 12 as category from range({first}, {end}))
"""
# A direction for each category, and noise.
VECTORS = """,
    list_transform(range({dimension}), lambda place: (
        (hash(category, place) % 2000) / 50000 - 0.02 + (hash(number, place, 9) % 10000000) / 2e8 - 0.025
    )::float) as embedding_json
"""
COMMAND = (
    *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--pyargs", "drift_checks", "--drift-chroma=none"),
    *("--drift-as-of=2026-01-15T00:00:00Z", "--drift-naive-timezone=UTC", "--drift-alerts=none"),
    "--drift-query-timeout=600",
)
WORKS = {
    "draw": ["--collect-only", "-q"],
    "own": ["--drift-reviewer=trivial:classify"],
    "neighbours": ["--drift-reviewer=neighbours"],
}
CLASSIFIER = """
def classify(text):
    return text.split()[0], 0.9
"""
TYPES = {"embedding_json": "", "confidence": "real"} | dict.fromkeys(
    ("response_time_ms", "input_tokens", "output_tokens"), "integer"
)
SERVER_TYPES = TYPES | {"embedding_json": "real[]", "confidence": "double precision"}
INDEXED = ("text_hash", "confidence", "timestamp", "source")


def rows(first: int, end: int, dimension: int) -> str:
    """Return the query for rows with these numbers."""
    vectors = VECTORS.format(dimension=dimension) if dimension else ""
    return ROWS.format(first=first, end=end, vectors=vectors)


def build_parquet(file: Path, number: int, dimension: int) -> None:
    """Write a Parquet file, with vectors as FLOAT[]."""
    with duckdb_connection() as connection:
        connection.execute(f"copy ({rows(1, number + 1, dimension)}) to '{file}' (format parquet)")


def build_sqlite(file: Path, number: int, dimension: int, *, as_json: bool) -> None:
    """Write a SQLite file with the usual indexes, with vectors as BLOBs of 32-bit numbers or as JSON."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript("pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -500000")
        for first in range(1, number + 1, AT_ONCE):
            names, found = fetch(first, min(first + AT_ONCE, number + 1), dimension, as_json=as_json)
            if first == 1:
                others = ", ".join(f"{name} {TYPES.get(name, 'text')}" for name in names[1:])
                connection.execute(f"create table risk_classifications (id integer primary key, {others})")
            marks = ", ".join("?" * len(names))
            connection.executemany(f"insert into risk_classifications values ({marks})", found)
        for column in INDEXED:
            connection.execute(f"create index by_{column} on risk_classifications ({column})")


def build_postgresql(url: str, number: int, dimension: int) -> None:
    """Fill a table in PostgreSQL, with the usual indexes and with vectors as real[]."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", "")) as connection, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        for first in range(1, number + 1, AT_ONCE):
            with duckdb_connection() as made:
                query = rows(first, min(first + AT_ONCE, number + 1), dimension)
                if dimension:
                    braces = "translate(embedding_json::varchar, '[]', '{}')"
                    query = f"select * replace ({braces} as embedding_json) from ({query})"
                if first == 1:
                    names = [column[0] for column in made.execute(f"describe {query}").fetchall()]
                    others = ", ".join(f"{name} {SERVER_TYPES.get(name, 'text')}" for name in names[1:])
                    connection.execute(f"create table risk_classifications (id bigint primary key, {others})")
                made.execute(f"copy ({query}) to '{file}' (format csv, header false)")
            with connection.cursor().copy("copy risk_classifications from stdin (format csv)") as copy:
                copy.write(file.read_bytes())
        for column in INDEXED:
            connection.execute(f"create index by_{column} on risk_classifications ({column})")
        connection.commit()
        connection.autocommit = True
        connection.execute("vacuum analyze risk_classifications")


def fetch(first: int, end: int, dimension: int, *, as_json: bool) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns, and the rows as SQLite holds them."""
    with duckdb_connection() as connection:
        query = rows(first, end, dimension)
        if as_json and dimension:
            query = f"select * replace (to_json(embedding_json)::varchar as embedding_json) from ({query})"
        found = connection.execute(query).fetchnumpy()
    columns = {name: values.tolist() for name, values in found.items()}
    if dimension and not as_json:
        columns["embedding_json"] = [vector.tobytes() for vector in columns["embedding_json"]]
    return list(columns), list(zip(*columns.values(), strict=True))


@contextmanager
def duckdb_connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to an empty database in memory."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = true")
        yield connection


@contextmanager
def store(engine: str, folder: Path, number: int, dimension: int) -> Iterator[str]:
    """Yield what the variable DRIFT_DB names; make it first if it is not there."""
    if engine == "postgresql":
        from tests.support.databases import ADMIN
        from tests.support.postgresql import PostgreSQL

        server = PostgreSQL()
        try:
            database = server.create_database()
            apart(build_postgresql, server.url(database.name, ADMIN), number, dimension)
            yield database.url
        finally:
            server.remove()
        return
    file = folder / f"{engine}-{number}-{dimension}.{'parquet' if engine == 'parquet' else 'db'}"
    if not file.exists():
        unfinished = file.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        if engine == "parquet":
            apart(build_parquet, unfinished, number, dimension)
        else:
            apart(build_sqlite, unfinished, number, dimension, as_json=engine == "sqlite-json")
        unfinished.rename(file)
    yield str(file)


def main() -> None:
    """Measure each kind of run with each engine, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=384, help="the length of the vectors; 0 for none")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=["sqlite", "parquet"])
    parser.add_argument("--work", nargs="+", choices=WORKS, default=["draw", "own"])
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trivial.py").write_text(CLASSIFIER)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPATH"] = str(folder)
    table(
        ["store, work", "seconds", "processor", "MB"],
        ([name, *figures(usage)] for name, usage in measured(folder, arguments)),
    )


def measured(folder: Path, arguments: argparse.Namespace) -> Iterator[tuple[str, Usage]]:
    """Yield the figures of each kind of run with each engine."""
    for engine in arguments.engines:
        with store(engine, folder, arguments.rows, arguments.dimension) as db:
            os.environ["DRIFT_DB"] = db
            for work in arguments.work:
                name = f"{engine}, {arguments.rows:,} × {arguments.dimension}, {work}"
                yield name, in_turn({work: [*COMMAND, *WORKS[work]]}, arguments.runs)[work]


if __name__ == "__main__":
    main()
