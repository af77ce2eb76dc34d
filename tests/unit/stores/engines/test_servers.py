"""Tables on database servers: their names, their types, and values that Python does not know."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import SettingError, StoreError
from drift_checks.core.records import Sample
from drift_checks.reviews.sampler import Sampler
from drift_checks.reviews.windows import Windows
from drift_checks.settings.declarations import Settings
from drift_checks.stores.columns.looking import look_at
from drift_checks.stores.conflicts import find_conflicts
from drift_checks.stores.embeddings import PACKED, SentArray, read_embedding
from drift_checks.stores.engines.database import DatabaseServer
from drift_checks.stores.engines.opening import open_records
from drift_checks.stores.records import RecordStore
from drift_checks.stores.windows import Window
from tests.support.databases import Database, Server
from tests.support.server_tables import write_rows
from tests.support.tables import TABLE
from tests.unit.stores.engines.test_formats import AS_OF, TYPES, many

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def in_postgresql(postgresql: Server) -> Database:
    """A database on PostgreSQL."""
    return postgresql.create_database()


@pytest.fixture(scope="module")
def in_mariadb(mariadb: Server) -> Database:
    """A database on MariaDB."""
    return mariadb.create_database()


def sample_of(database: Database, table: str = TABLE, **columns: str) -> tuple[Sample, RecordStore, Windows]:
    """Return a sample of a table, and what it was drawn from."""
    chosen = Settings(as_of=AS_OF, naive_timezone=ZoneInfo("Europe/Berlin"), seed=1, sample_size=1000)
    with closing(open_records(ServerURL.parse(database.url), Path("unused"))) as file:
        store = RecordStore(file, table, columns)
        return Sampler(chosen, store).draw(), store, Windows(chosen, store)


def by_id(sample: Sample) -> Mapping[Any, str]:
    """Return the strata of the records."""
    return {record.id: str(record.stratum) for record in sample.records}


def test_values_that_python_does_not_know_are_unreadable_in_postgresql(in_postgresql: Database) -> None:
    """Infinity, dates before Christ and after the year 9999, and numbers that are none or too large."""
    in_postgresql.execute(
        "create type choice as enum ('Fraud', 'fraud')",
        "create table hostile (id uuid primary key, text text, category choice, confidence numeric,"
        " timestamp timestamptz, embedding_json real[])",
        "insert into hostile select ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'a', 'Fraud', c, t, v from"
        " (values"
        " (1, 'NaN'::numeric, 'infinity'::timestamptz, '{1,NaN}'::real[]),"
        " (2, 1e400, '0044-03-15 BC', '{}'), (3, 0.75000000000000001, '20000-01-01', null),"
        " (4, 0.7500000000000002, '-infinity', '{1,2}'), (5, null, '0001-01-01 00:00+00', '{0.1,0.5}'),"
        " (6, 'NaN', '9999-12-31 23:59:59+00', '{0.1,0.5}')) as rows (n, c, t, v)",
        "insert into hostile values ('00000000-0000-0000-0000-000000000007', 'a', 'fraud', 0.9, '2026-01-01', null)",
    )
    sample, store, windows = sample_of(in_postgresql, "hostile")
    strata = {str(key)[-1]: stratum for key, stratum in by_id(sample).items()}
    assert strata == dict(
        zip("1234567", ["baseline"] * 2 + ["low_confidence", "baseline", "old"] + ["baseline"] * 2, strict=True)
    )
    assert sample.unreadable == {"confidence": 4, "timestamp": 4}
    assert store.categories() == ("Fraud", "fraud")
    assert windows.count("category", Window.RECENT) == {"fraud": 1}
    record = next(record for record in sample.records if str(record.id).endswith("5"))
    assert record.values["timestamp"] == "0001-01-01 00:00:00Z"
    vector = read_embedding(record.values["embedding_json"])
    assert vector is not None
    assert vector.tolist() == pytest.approx([0.1, 0.5])
    packed = store.read(lambda connection: [row for page in store.pages(connection, "id", PACKED) for row in page])
    assert all(stored is None or isinstance(stored, SentArray) for _, stored in packed)
    usable = {str(key)[-1]: found.tolist() for key, stored in packed if (found := read_embedding(stored)) is not None}
    assert usable == {"4": [1, 2], "5": vector.tolist(), "6": vector.tolist()}


def test_zero_dates_bits_and_large_numbers_are_read_in_mariadb(in_mariadb: Database) -> None:
    """What MariaDB holds and Python's types do not."""
    in_mariadb.execute(
        "set sql_mode = ''",
        "create table hostile (id bigint unsigned primary key, text longtext, category varchar(9) charset latin1,"
        " confidence decimal(30, 20), `timestamp` datetime, flag bit(1), embedding_json json)",
        "insert into hostile values (18446744073709551615, 'a', 'é', 0.75000000000000001, '0000-00-00', 1, '[1, 2]'),"
        " (2, 'a', 'É', 0.7500000000000002, '2025-01-01', 0, null), (3, 'a', 'é ', null, '2026-01-01', 1, null)",
    )
    sample, store, windows = sample_of(in_mariadb, "hostile", source="flag")
    assert by_id(sample) == {2**64 - 1: "low_confidence", 2: "old", 3: "baseline"}
    assert store.categories() == ("É", "é", "é ")
    assert windows.count("category", Window.RECENT) == {"é ": 1}
    assert sorted(str(record.values["source"]) for record in sample.records) == ["0", "1", "1"]


def test_a_table_of_another_schema_is_named_with_it(in_postgresql: Database) -> None:
    """So are views of all kinds, partitioned tables, and names that need quotes."""
    rows = "select n as id, 'text ' || n as text, 'c' || n %% 2 as category from generate_series(1, 30) as n"
    in_postgresql.execute(
        'create schema "My Schema"',
        f'create table "My Schema"."Big ""Table" as {rows}',
        f'create view "My Schema".v as {rows}',
        f'create materialized view "My Schema".m as {rows}',
        'create table "My Schema".p (id int, text text, category text) partition by range (id)',
        'create table "My Schema".p1 partition of "My Schema".p for values from (0) to (1000)',
        f'insert into "My Schema".p {rows}',
        'grant usage on schema "My Schema" to reader',
        'grant select on all tables in schema "My Schema" to reader',
    )
    for name in ('Big "Table', "v", "m", "p"):
        sample, *_ = sample_of(in_postgresql, f"My Schema.{name}")
        assert len(sample.records) == 30
        with closing(DatabaseServer(ServerURL.parse(in_postgresql.url))) as file:
            looked = look_at(file, f"My Schema.{name}")
            assert [column.name for column in looked.columns] == ["id", "text", "category"]
            assert len(looked.columns[0].present) == 30
    with pytest.raises(StoreError, match=r"it has .*My Schema\.v"):
        sample_of(in_postgresql, "nowhere")


@pytest.mark.parametrize("condition", ["nothing = 1", "category =", "category > ) or ("])
def test_a_wrong_condition_is_explained(server: Server, condition: str) -> None:
    """In the server's words, without what the user did not write."""
    database = server.create_database()
    write_rows(database, TYPES, many(range(1, 5)))
    with (
        closing(DatabaseServer(ServerURL.parse(database.url), 10)) as file,
        pytest.raises(SettingError, match="is no condition on the rows of"),
    ):
        RecordStore(file, TABLE, {}, condition)


def test_more_values_than_python_can_decide_are_named(in_postgresql: Database) -> None:
    """With a value, and what to do."""
    in_postgresql.execute(
        "create table percentages (id int primary key, text text, category text, confidence text)",
        "insert into percentages select n, 'a', 'b', n / 1000.0 || ' %%' from generate_series(1, 10001) n",
    )
    with pytest.raises(StoreError, match=r"confidence has more than 10,000 values .*--drift-columns=confidence=NAME"):
        sample_of(in_postgresql, "percentages")


def test_only_counts_and_drawn_records_cross_the_wire(server: Server) -> None:
    """Of a large table, a review is sent a few hundred rows, as the server's statistics say."""
    database = server.create_database()
    size = 20_000
    write_rows(
        database,
        {**TYPES, "timestamp": "INSTANT"},
        [
            {**row, "text": f"text {place}", "timestamp": str(row["timestamp"])[:19]}
            for place, row in enumerate(many(range(1, size + 1)))
        ],
    )
    chosen = Settings(as_of=AS_OF, naive_timezone=ZoneInfo("UTC"), seed=1, sample_size=50)
    before = server.rows_sent()
    with closing(DatabaseServer(ServerURL.parse(database.url))) as file:
        store = RecordStore(file, TABLE, {})
        sample = Sampler(chosen, store).draw()
        assert store.read(lambda connection: find_conflicts(connection, store)) == []
    assert sample.store_size + store.pending == size
    assert len(sample.records) < server.rows_sent() - before < 2000
