"""SQL that any dialect of SQLAlchemy can express; no server is needed to see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql

from drift_checks.stores.columns.timestamps import ISO
from drift_checks.stores.engines.mysql_dialect import MySQLDialect
from drift_checks.stores.engines.standard_dialect import StandardDialect
from drift_checks.stores.expressions import Span, by_time, number_in_sql

BOUND = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS: Mapping[str, sa.types.TypeEngine[Any]] = {
    "id": sa.Integer(),
    "chroma_id": sa.String(),
    "text": sa.String(),
    "confidence": sa.Numeric(),
    "response_time_ms": sa.Float(),
    "timestamp": sa.DateTime(timezone=True),
    "last_reviewed_at": sa.DateTime(),
    "evidence": sa.types.NullType(),
    "review_count": sa.Boolean(),
}


def queries(dialect: StandardDialect) -> Iterator[sa.Select[Any]]:
    """Yield what a review asks of a table with columns of many types."""
    base = sa.table("records", *(sa.column(name, kind) for name, kind in COLUMNS.items()))
    connection: Any = None
    read = [dialect.projected(connection, column.name, column).label(column.name) for column in base.c]
    rows = sa.select(*read).where(base.c.id.is_not(None)).subquery("decisions")
    yield sa.select(rows).limit(5)
    yield sa.select(rows.c.text).distinct()
    for name in ("timestamp", "last_reviewed_at", "text"):
        zero, one = number_in_sql(0), number_in_sql(1)
        spans = Span(1, end=BOUND), Span(0, start=BOUND)
        yield sa.select(by_time(dialect, rows.c[name], ISO, ZoneInfo("Europe/Berlin"), zero, one, *spans))
    yield sa.select(dialect.number(rows.c.text), dialect.number(rows.c.confidence))
    several: Sequence[tuple[str, list[int | str]]] = (("id", [1, "2"]), ("chroma_id", ["a", 3]))
    for name, keys in several:
        yield sa.select(rows).where(dialect.with_ids(rows.c[name], keys)).order_by(dialect.ordered(rows.c[name]))
    yield sa.select(dialect.identity(rows.c.text)).where(sa.not_(dialect.is_blank(rows.c.text)))


@pytest.mark.parametrize("module", [oracle, postgresql, mssql])
def test_a_review_asks_what_any_dialect_can_express(module: Any) -> None:
    """Without regular expressions, Python decides about texts."""
    ours, theirs = StandardDialect(), module.dialect()
    ours.has_expressions = module is not mssql
    for query in queries(ours):
        assert "SELECT" in str(query.compile(dialect=theirs))


def test_mariadb_and_mysql_compare_texts_by_their_bytes() -> None:
    """With the collation of the server's kind."""
    ours = MySQLDialect()
    ours.collation = "utf8mb4_nopad_bin"
    _, distinct, *_ = (str(query.compile(dialect=mysql.dialect())) for query in queries(ours))
    assert "convert(records.text using utf8mb4) COLLATE utf8mb4_nopad_bin" in distinct


def test_an_id_that_a_column_cannot_hold_is_not_asked_for() -> None:
    """A server would refuse to compare a text with numbers."""
    dialect = StandardDialect()
    assert str(dialect.with_ids(sa.column("id", sa.BigInteger()), ["a", "007", "é"])) == "false"
    uuids = dialect.with_ids(sa.column("id", sa.Uuid(as_uuid=False)), ["a", "12345678-1234-5678-1234-567812345678"])
    assert len(uuids.right.value) == 1
