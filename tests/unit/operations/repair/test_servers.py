"""The scripts on database servers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from drift_checks.core.addresses import ServerURL
from drift_checks.core.records import record_id
from drift_checks.operations.repair.cautions import cautions
from drift_checks.stores.engines.opening import open_records
from drift_checks.stores.records import RecordStore
from tests.support.databases import ADMIN, READER, Server
from tests.unit.operations.repair.test_sql import planned

pytestmark = pytest.mark.server
ID, CATEGORY = "the id", "Category: 100%"
AWKWARD = 'it\'s \\n "%s" :x ` \r\n\t☃'
# The type in PostgreSQL and in MariaDB, and an id.
KINDS: dict[str, tuple[str, str, Callable[[int], object]]] = {
    "whole": ("bigint", "bigint", lambda number: number),
    "uuid": ("uuid", "uuid", lambda number: f"00000000-0000-4000-8000-00000000000{number}"),
    "text": ("text", "varchar(99) collate utf8mb4_general_ci", lambda number: f"{AWKWARD}{'aAb'[number]}"),
    "bytes": ("bytea", "varbinary(9)", lambda number: bytes([0, number, 255])),
}


class Table:
    """A table in a schema of its own, whose names need quotes, on either server."""

    def __init__(self, server: Server, kind: str) -> None:
        self.is_postgresql = "postgresql" in server.scheme
        self.database = server.create_database()
        self.schema = f"{self.database.name} other"
        own, other, self.id_of = KINDS[kind]
        quote = '"{}"'.format if self.is_postgresql else "`{}`".format
        self.id, self.category = map(quote, (ID, CATEGORY))
        self.name = f"{quote(self.schema)}.{quote('My decisions')}"
        declared = own if self.is_postgresql else other
        text = "text" if self.is_postgresql else "varchar(99) collate utf8mb4_general_ci"
        self.run(
            f"create schema {quote(self.schema)};\n"
            f"create table {self.name} ({self.id} {declared}, text text, {self.category} {text});"
        )
        with self.connected() as connection:
            rows = [(self.id_of(number), AWKWARD if number else "Fraud") for number in range(3)]
            connection.cursor().executemany(f"insert into {self.name} values (%s, 'a text', %s)", rows)
            connection.commit()

    def connected(self) -> Any:
        """Return a connection of the driver, as the owner of the table."""
        url = sa.make_url(self.database.server.url(self.database.name, ADMIN))
        how: dict[str, Any] = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
        if self.is_postgresql:
            import psycopg

            return psycopg.connect(**how, dbname=url.database)
        import pymysql

        return pymysql.connect(**how, database=url.database)

    def run(self, script: str) -> None:
        """Run a script, one line after the other."""
        with self.connected() as connection:
            for line in script.splitlines():
                if not line.startswith("--"):
                    connection.cursor().execute(line)
            connection.commit()

    def rows(self) -> list[tuple[object, ...]]:
        """Return all rows, in the order of their ids."""
        with self.connected() as connection:
            cursor = connection.cursor()
            cursor.execute(f"select {self.id}, text, {self.category} from {self.name} order by {self.id}")
            return list(cursor.fetchall())

    def opened(self) -> RecordStore:
        """Return the store, as one who may only read."""
        if self.is_postgresql:
            self.run(f'grant usage on schema "{self.schema}" to {READER};\ngrant select on {self.name} to {READER};')
        else:
            self.run(f"grant select, trigger on {self.name} to {READER}@'127.0.0.1';")
        columns = {"id": ID, "category": CATEGORY}
        records = open_records(ServerURL.parse(self.database.url), Path(), 20)
        return RecordStore(records, f"{self.schema}.My decisions", columns, None)


@pytest.mark.parametrize("kind", ["uuid", "text", "bytes"])
def test_the_scripts_change_and_restore_a_server(server: Server, kind: str) -> None:
    """Whatever the names, ids and categories are; a record that changed meanwhile stays as it is."""
    table = Table(server, kind)
    before, store = table.rows(), table.opened()
    ids = store.read(lambda connection: connection.execute(sa.select(store.column("id"))).scalars().all())
    apply, undo = planned(store, {record_id(key): f"new {AWKWARD}" for key in ids})
    # Only its case differs.
    table.run(f"update {table.name} set {table.category} = 'fraud' where {table.category} = 'Fraud'")
    table.run(apply)
    assert sorted(str(row[2]) for row in table.rows()) == ["fraud", *[f"new {AWKWARD}"] * 2]
    table.run(undo)
    table.run(f"update {table.name} set {table.category} = 'Fraud' where {table.category} = 'fraud'")
    assert sorted(map(repr, table.rows())) == sorted(map(repr, before))


def test_a_server_tells_of_triggers(server: Server) -> None:
    """And MariaDB of columns that it sets itself."""
    table = Table(server, "whole")
    if table.is_postgresql:
        table.run(
            "create function stamp() returns trigger language plpgsql as 'begin return new; end';\n"
            f"create trigger noted before update on {table.name} for each row execute function stamp();"
        )
    else:
        table.run(
            f"alter table {table.name} add changed timestamp not null default now() on update now();\n"
            f"create trigger {table.name.replace('My decisions', 'noted')} before update on {table.name}"
            " for each row set @a = 1;"
        )
    store = table.opened()
    found = store.read(lambda connection: list(cautions(connection, store)))
    assert [item.split(" ")[:3] for item in found] == [
        ["the", "trigger", "noted"],
        *([] if table.is_postgresql else [["the", "database", "sets"]]),
    ]
