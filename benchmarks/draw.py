"""How long it takes to draw 60 records from a large table, and whether memory grows with it."""

from __future__ import annotations

import argparse
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from drift_checks.reviews.run import Pipeline
from drift_checks.settings.loading import Sources, load

NOW = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
SCHEMA = """
create table risk_classifications (id integer primary key, text text, category text, embedding_json text,
    confidence real, timestamp text);
create index by_confidence on risk_classifications (confidence);
create index by_timestamp on risk_classifications (timestamp);
"""


def build(file: Path, rows: int, width: int) -> None:
    """Write a table of that many rows, each with an embedding of about `width` bytes."""
    generator = random.Random(1)

    def row() -> Iterator[tuple[str, str, str, float, str]]:
        for number in range(rows):
            age = timedelta(seconds=generator.random() * 365 * 86400)
            moment = (NOW - age).replace(tzinfo=None).isoformat()
            yield f"Risk number {number}", "financial", "0" * width, round(generator.betavariate(5, 1), 4), moment

    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("pragma journal_mode = off; pragma synchronous = off;" + SCHEMA)
        with connection:
            connection.executemany(
                "insert into risk_classifications (text, category, embedding_json, confidence, timestamp)"
                " values (?, ?, ?, ?, ?)",
                row(),
            )


def draw(file: Path) -> float:
    """Return the seconds that the draw of one sample takes."""
    options = {"drift_db": str(file), "drift_naive_timezone": "UTC"}
    pipeline = Pipeline(load(Sources(options, {}, {}, file.parent), NOW))
    assert pipeline.store.has("confidence")
    started = time.perf_counter()
    assert len(pipeline.sample.records) == 60
    seconds = time.perf_counter() - started
    pipeline.close()
    return seconds


def main() -> None:
    """Build tables of a tenth and of all the rows, draw from each, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for rows in (arguments.rows // 10, arguments.rows):
            file = Path(folder) / f"{rows}.db"
            build(file, rows, arguments.width)
            draw(file)
            seconds = [draw(file) for _ in range(arguments.runs)]
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{rows:>10,} rows: {median(seconds):.2f} s ({min(seconds):.2f}-{max(seconds):.2f}), {peak:.0f} MB")


if __name__ == "__main__":
    main()
