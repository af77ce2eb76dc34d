"""The same data gives the same sample on a database server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift_checks.core.addresses import ServerURL
from tests.support.databases import Database, Server
from tests.support.formats import write_sqlite
from tests.support.server_tables import write_rows
from tests.support.thorough import repetitions
from tests.support.timestamps import timestamps
from tests.unit.stores.engines.test_formats import AS_OF, OLD, RECORDS, TYPES, Row, drawn_from, many
from tests.unit.stores.test_strata import CONFIDENCES

pytestmark = pytest.mark.server
STAMPS = timestamps([OLD, AS_OF])


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> Database:
    """A database on each server in turn."""
    found: Server = request.getfixturevalue(request.param)
    return found.create_database()


def differing(
    database: Database, types: Mapping[str, str], rows: Sequence[Row], changed: Mapping[str, str] | None = None
) -> object:
    """Return what is drawn if it is something else than from SQLite; `changed` are other types on the server."""
    in_sqlite = {name: "TEXT" if kind in ("KEY", "UUID") else kind for name, kind in types.items()}
    with TemporaryDirectory() as folder:
        right = drawn_from(write_sqlite(Path(folder) / "records.db", in_sqlite, rows))
    drawn = drawn_from(ServerURL.parse(write_rows(database, {**types, **(changed or {})}, rows)))
    return None if drawn == right else (drawn, right)


@pytest.mark.parametrize(
    ("declared", "ids"),
    [
        ("INTEGER PRIMARY KEY", range(1, 201)),
        ("INTEGER", range(-40, 560, 3)),
        ("INTEGER PRIMARY KEY", [3**place % 10**12 for place in range(1, 150)]),
        ("KEY", [f"{'aAbBZz'[place % 6]}{'éß '[place % 3]}{place * 7919 % 1000:03}" for place in range(200)]),
        ("TEXT", [f"{'aAé'[place % 3]}{place * 7919 % 1000:03}" for place in range(200)]),
        ("UUID", [str(UUID(int=7**place % 2**128)) for place in range(200)]),
    ],
    ids=["dense", "gaps", "sparse", "keys", "text", "uuid"],
)
def test_every_server_gives_the_sample_of_sqlite(database: Database, declared: str, ids: Sequence[object]) -> None:
    """With the same seed, for ids of any kind; timestamps are texts, or of a type of their own."""
    types = {**TYPES, "id": declared}
    rows = many(ids)
    assert differing(database, types, rows) is None
    naive: list[Row] = [{**row, "timestamp": str(row["timestamp"])[:19]} for row in rows]
    for kind in ("INSTANT", "LOCAL"):
        assert differing(database, types, naive, {"timestamp": kind, "confidence": "DECIMAL"}) is None


@settings(
    max_examples=repetitions(2, 100),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(rows=st.lists(RECORDS, min_size=1, max_size=30), left_out=st.sampled_from(["", "confidence", "timestamp"]))
def test_any_rows_give_the_sample_of_sqlite(database: Database, rows: list[Row], left_out: str) -> None:
    """With values that are missing, unreadable or near a bound, and without a column."""
    types = {name: kind for name, kind in TYPES.items() if name != left_out}
    assert differing(database, types, [{"id": key, **row} for key, row in enumerate(rows, 1)]) is None


def _as_text(value: object) -> str | None:
    return None if value is None else str(value)


@settings(
    max_examples=repetitions(4, 200),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(
    values=st.lists(
        st.tuples(
            CONFIDENCES.filter(lambda value: not isinstance(value, bytes)).map(_as_text),
            STAMPS.filter(lambda value: not isinstance(value, bytes) and "\0" not in str(value)).map(_as_text),
            st.sampled_from(["x", "X", "x ", "ÿ", " ", "\t", None]),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_any_texts_are_read_as_in_sqlite(database: Database, values: list[tuple[str | None, ...]]) -> None:
    """Where a server reads numbers and timestamps in texts itself, Python decides about all that is unusual."""
    rows: list[Row] = [
        {"id": key, "text": "a", "category": category, "confidence": confidence, "timestamp": stamp}
        for key, (confidence, stamp, category) in enumerate(values, 1)
    ]
    assert differing(database, {**TYPES, "confidence": "TEXT"}, rows) is None
