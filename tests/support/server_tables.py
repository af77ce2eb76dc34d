"""The same rows on a database server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from tests.support.databases import ADMIN, Database
from tests.support.tables import TABLE

Row = Mapping[str, object]
# What the names of types in tests are on any server, or on one of them.
_NAMES: Mapping[str, sa.types.TypeEngine[Any]] = {
    "INTEGER PRIMARY KEY": sa.BigInteger(),
    "INTEGER": sa.Integer(),
    "TEXT": sa.Text(),
    "KEY": sa.String(60),
    "REAL": sa.Double(),
    "DECIMAL": sa.Numeric(30, 20),
    "UUID": sa.Uuid(as_uuid=False).with_variant(sa.String(36), "mysql"),
    "INSTANT": postgresql.TIMESTAMP(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql"),
    "LOCAL": sa.TIMESTAMP().with_variant(mysql.DATETIME(fsp=6), "mysql"),
}


def write_rows(database: Database, types: Mapping[str, str], rows: Sequence[Row]) -> str:
    """Write the rows to a new table, with these types of columns; return the URL of their reader."""
    engine = sa.create_engine(database.server.url(database.name, ADMIN), poolclass=sa.NullPool)
    columns = [
        sa.Column(name, _NAMES[kind], primary_key=kind.endswith("KEY"), autoincrement=False)
        for name, kind in types.items()
    ]
    table = sa.Table(TABLE, sa.MetaData(), *columns)
    with engine.begin() as connection:
        zone = "set timezone = 'UTC'" if engine.dialect.name == "postgresql" else "set time_zone = '+00:00'"
        connection.exec_driver_sql(zone)
        table.drop(connection, checkfirst=True)
        table.create(connection)
        if rows:
            connection.execute(
                sa.insert(table), [{name: _value(row.get(name), kind) for name, kind in types.items()} for row in rows]
            )
    return database.url


def _value(value: object, kind: str) -> object:
    return Decimal(str(value)) if kind == "DECIMAL" and value is not None else value
