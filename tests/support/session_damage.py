"""Ways to damage a store, and to make another schema of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.support.stores import NAME, BuiltStore


def without_vectors(store: BuiltStore, ids: list[int]) -> None:
    """Leave these records without a vector in either store."""
    marks = ", ".join(map(str, ids))
    store.execute(f"update {NAME} set embedding_json = '', chroma_id = 'gone-' || id where id in ({marks})")


def other_schema(store: BuiltStore, columns: dict[str, str], table: str = "notes") -> None:
    """Put these columns (ours to theirs) of the records into a table of their own, and drop the first one."""
    wanted = ", ".join(f'{ours} as "{theirs}"' for ours, theirs in columns.items())
    with closing(sqlite3.connect(store.db)) as connection, connection:
        connection.execute(f'create table "{table}" as select {wanted} from {NAME}')
        connection.execute(f"drop table {NAME}")


def columns_option(columns: dict[str, str]) -> str:
    """Return the option that names the columns of another schema."""
    return f"--drift-columns={','.join(f'{ours}={theirs}' for ours, theirs in columns.items())}"
