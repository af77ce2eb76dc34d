"""Runs written back to database servers: all of a run, or nothing."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import StoreAway, StoreError
from drift_checks.stores.engines.opening import open_records
from drift_checks.stores.records import RecordStore
from drift_checks.stores.write_back import METRICS
from drift_checks.stores.writing import refuse_unwritable, write_back
from tests.support.databases import ADMIN, READER, Database, Server
from tests.support.tables import TABLE
from tests.support.written_back import MOMENT, make, written

pytestmark = pytest.mark.server
# As an application would create it, with types of its own.
DEFINITION = (
    f"CREATE TABLE {METRICS} (id {{key}}, total_reviewed INT NOT NULL, agreements INT NOT NULL, disagreements INT NOT"
    " NULL, agreement_rate {double} NOT NULL, avg_confidence_change {double} NOT NULL, timestamp {moment} NOT NULL,"
    " created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)"
)
TYPES = {
    "postgresql+psycopg": {"key": "SERIAL PRIMARY KEY", "double": "DOUBLE PRECISION", "moment": "TIMESTAMPTZ"},
    "mysql+pymysql": {"key": "INT PRIMARY KEY AUTO_INCREMENT", "double": "DOUBLE", "moment": "TIMESTAMP NULL"},
}


@pytest.fixture
def database(server: Server, tmp_path: Path) -> Database:
    """A database with three records and the table of metrics; its reader may write back."""
    made = server.create_database()
    made.load(make(tmp_path / "records.db"))
    made.execute(f"DROP TABLE {METRICS}", DEFINITION.format(**TYPES[server.scheme]))
    grant(made, f"INSERT ON {METRICS}", f"UPDATE ON {TABLE}")
    if "postgresql" in server.scheme:
        made.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {READER}")
    return made


def grant(database: Database, *rights: str, verb: str = "GRANT {} TO") -> None:
    """Give the reader rights, or take them."""
    user = READER if "postgresql" in database.server.scheme else f"{READER}@'127.0.0.1'"
    database.execute(*(f"{verb.format(right)} {user}" for right in rights))


def opened(database: Database) -> RecordStore:
    """Return the table of records, as the reader sees it."""
    return RecordStore(open_records(ServerURL.parse(database.url), Path(), 20), TABLE, {}, None)


def metrics(database: Database) -> list[list[object]]:
    """Return the rows of the table of metrics."""
    return database.execute(f"SELECT total_reviewed, agreements, agreement_rate FROM {METRICS}")


def marks(database: Database) -> list[list[object]]:
    """Return how often each record was reviewed."""
    return database.execute(f"SELECT id, review_count FROM {TABLE} ORDER BY id")


def test_a_run_is_written_back_once(database: Database) -> None:
    """Its row, and a mark on each of its records that is still there; the same run again changes nothing."""
    store = opened(database)
    refuse_unwritable(store)
    assert write_back(store, written(1, 3, 99))
    assert not write_back(store, written(1, 3))
    assert (len(metrics(database)), marks(database)) == (1, [[1, 1], [2, 0], [3, 5]])
    moment = "EXTRACT(EPOCH FROM timestamp)" if "postgresql" in database.server.scheme else "UNIX_TIMESTAMP(timestamp)"
    assert float(str(database.execute(f"SELECT {moment} FROM {METRICS}")[0][0])) == MOMENT.timestamp()


@pytest.mark.parametrize("right", [f"INSERT ON {METRICS}", f"UPDATE ON {TABLE}"])
def test_a_missing_right_is_refused_before_the_review(database: Database, right: str) -> None:
    """No call is paid for a run that could not be written back."""
    grant(database, right, verb="REVOKE {} FROM")
    with pytest.raises(StoreError, match=r"does not let the user write back .*; grant the user INSERT"):
        refuse_unwritable(opened(database))
    with pytest.raises(StoreError, match="so nothing of this run was written back"):
        write_back(opened(database), written(1))
    assert (metrics(database), marks(database)) == ([], [[1, None], [2, 0], [3, 4]])


def test_a_missing_table_is_refused_before_the_review(database: Database) -> None:
    """The message names its columns."""
    database.execute(f"DROP TABLE {METRICS}")
    with pytest.raises(StoreError, match=f"has no table '{METRICS}'.* total_reviewed, agreements"):
        refuse_unwritable(opened(database))


def test_nothing_is_changed_by_looking(database: Database) -> None:
    """The server is only asked how it would execute the statements."""
    with database.server.logged() as statements:
        refuse_unwritable(opened(database))
    assert [text for text in statements if text.startswith("EXPLAIN")]
    assert not [text for text in statements if text.split()[:1] in (["INSERT"], ["UPDATE"])]
    assert metrics(database) == []


def test_a_connection_lost_in_the_middle_leaves_nothing(database: Database) -> None:
    """Neither row nor marks: the server undoes what was not committed."""
    server, failed = database.server, list[StoreError]()

    def write() -> None:
        try:
            write_back(opened(database), written(1, 3, moment=MOMENT + timedelta(days=1)))
        except StoreError as error:
            failed.append(error)

    admin = sa.create_engine(server.url(database.name, ADMIN), poolclass=sa.NullPool)
    thread = threading.Thread(target=write)
    # The server is gone when this connection is closed.
    with suppress(sa.exc.DBAPIError), admin.connect() as holding:
        holding.exec_driver_sql(f"UPDATE {TABLE} SET review_count = 9 WHERE id = 3")
        thread.start()
        time.sleep(0.5)
        server.stop()
    thread.join()
    server.start()
    assert isinstance(failed[0], StoreAway), failed
    assert "nothing of this run was written back" in str(failed[0])
    assert (metrics(database), marks(database)) == ([], [[1, None], [2, 0], [3, 4]])
