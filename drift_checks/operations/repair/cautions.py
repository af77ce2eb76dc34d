"""What may keep a database from making the changes, or change more than the plan says, as far as it can tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from drift_checks.core.text import printable
from drift_checks.stores.columns.discovery import ROW_ID
from drift_checks.stores.records import RecordStore

_TRIGGERS: Mapping[str, str] = {
    "sqlite": "select name from sqlite_master where type = 'trigger' and lower(tbl_name) = lower(:name)",
    # 16 is the bit for UPDATE.
    "postgresql": "select tgname from pg_catalog.pg_trigger where not tgisinternal and tgtype & 16 <> 0"
    " and tgrelid = to_regclass(:full)",
    "mysql": "select trigger_name from information_schema.triggers where event_manipulation = 'UPDATE'"
    " and event_object_table = :name and event_object_schema = coalesce(:schema, database())",
}
_TRIGGERS = {**_TRIGGERS, "mariadb": _TRIGGERS["mysql"]}
_MOMENTS = (
    "select column_name from information_schema.columns where extra like '%on update%'"
    " and table_name = :name and table_schema = coalesce(:schema, database())"
)


def cautions(connection: sa.Connection, store: RecordStore) -> Iterator[str]:
    """Yield what the user should know before applying a plan."""
    dialect = connection.dialect.name
    if store.is_view:
        problem = f"{printable(store.name)} is a view, which the database may refuse to change"
        yield f"{problem}: name its table with --drift-table"
        return
    if store.columns["id"].lower() == ROW_ID:
        yield "the ids are row numbers, which VACUUM or a deletion may change: apply the plan soon"
    if dialect not in _TRIGGERS:
        return
    table: Any = store.base
    full = connection.dialect.identifier_preparer.format_table(table)
    there = {"name": table.name, "schema": table.schema, "full": full}
    for name in connection.execute(_asked(_TRIGGERS[dialect], there)).scalars():
        yield f"the trigger {printable(name)} runs for each change and may change more"
    if dialect in ("mysql", "mariadb"):
        for name in connection.execute(_asked(_MOMENTS, there)).scalars():
            yield f"the database sets {printable(name)} to the time of each change, and undo does not restore it"
    category = store.columns["category"]
    for column in sa.inspect(connection).get_columns(table.name, table.schema):
        if column["name"] == category and column.get("computed"):
            yield f"the column {printable(category)} is generated from others, so the database will refuse to change it"


def _asked(query: str, values: Mapping[str, object]) -> sa.TextClause:
    return sa.text(query).bindparams(**{key: value for key, value in values.items() if f":{key}" in query})
