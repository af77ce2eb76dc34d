"""Servers that refuse, break, hang or are slow: one sentence, in time, and an exit code that says whether to retry."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import EXIT_TRY_AGAIN, EXIT_USAGE, StoreError
from drift_checks.stores.engines.opening import open_records
from drift_checks.stores.records import RecordStore
from tests.support.databases import ADMIN, PASSWORDS, READER, Database, Server
from tests.support.proxies import Proxy
from tests.support.tables import TABLE, write_table
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.server
SECONDS = 1.0
ROWS = [(number, f"text {number}", "ab"[number % 2]) for number in range(1, 21)]


@dataclass(frozen=True)
class Refusal:
    """The exit code and the message of an error, and how long it took."""

    code: int
    message: str
    seconds: float


@pytest.fixture(scope="session")
def _databases() -> dict[str, Database]:
    return {}


@pytest.fixture
def database(server: Server, _databases: dict[str, Database], tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A database with twenty records; no test changes it for others."""
    if server.scheme not in _databases:
        made = _databases[server.scheme] = server.create_database()
        made.load(write_table(tmp_path_factory.mktemp("records") / "records.db", ROWS))
    return _databases[server.scheme]


def count(url: str, seconds: float = PATIENCE) -> int:
    """Return the number of records that a review of this URL finds, each of whose queries may take so long."""
    with closing(open_records(ServerURL.parse(url), None, seconds)) as file:  # type: ignore[arg-type]
        return RecordStore(file, TABLE, {}, None).count()


def refused(url: str) -> Refusal:
    """Return how a review of this URL ends; its message names the server, and no password."""
    begun = time.monotonic()
    with pytest.raises(StoreError) as caught:
        count(url, SECONDS)
    message = str(caught.value)
    assert message.startswith(f"{ServerURL.parse(url)}: ")
    assert len(message.splitlines()) == 1
    assert not [word for word in (*PASSWORDS.values(), "wr0ng-Passw0rd") if word in message]
    return Refusal(caught.value.exit_code, message, time.monotonic() - begun)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"password": "wr0ng-Passw0rd"}, "does not let the user in"),
        ({"user": "nobody_here", "password": "wr0ng-Passw0rd"}, "does not let the user in"),
        ({"database": "not_there"}, "does not let the user in"),
        ({"nonsense": "1"}, "nonsense"),
    ],
    ids=["wrong password", "unknown user", "unknown database", "unknown option"],
)
def test_what_only_the_user_can_change_is_refused(
    server: Server, database: Database, changed: dict[str, str], problem: str
) -> None:
    """At once: trying again would not help."""
    found = refused(server.url(**{"database": database.name, **changed}))
    assert (found.code, problem in found.message) == (EXIT_USAGE, True), found.message


def test_an_unknown_host_is_refused(server: Server, database: Database) -> None:
    """It is misspelt, most likely."""
    found = refused(database.url.replace("127.0.0.1", "no-such-host.invalid"))
    assert (found.code, "knows no such host" in found.message) == (EXIT_USAGE, True), found.message


def test_a_server_that_cannot_prove_its_name_is_refused(
    server: Server, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """If the URL asks for proof; with its authority's certificate the review runs."""
    other = tmp_path_factory.mktemp("certificates") / "other.pem"
    other.write_text(_authority())
    options = {"sslmode": "verify-full", "sslrootcert": ""} if "postgresql" in server.scheme else {"ssl_ca": ""}
    file = next(reversed(options))
    assert count(server.url(database.name, **options | {file: str(server.authority)})) == len(ROWS)
    found = refused(server.url(database.name, **options | {file: str(other)}))
    assert (found.code, "no secure connection" in found.message) == (EXIT_USAGE, True), found.message


def _authority() -> str:
    import trustme

    return trustme.CA().cert_pem.bytes().decode()


def test_a_missing_right_is_refused(server: Server, database: Database) -> None:
    """The table exists, and the user may not read it."""
    is_postgresql = "postgresql" in server.scheme
    right = f"SELECT ON {TABLE if is_postgresql else f'{database.name}.*'}"
    user = READER if is_postgresql else f"{READER}@'127.0.0.1'"
    database.execute(f"REVOKE {right} FROM {user}")
    try:
        found = refused(database.url)
    finally:
        database.execute(f"GRANT {right} TO {user}")
    assert (found.code, "does not let the user" in found.message) == (EXIT_USAGE, True), found.message


def test_a_locked_table_is_waited_for_no_longer_than_a_query_may_take(server: Server, database: Database) -> None:
    """A migration may hold it; the next try may find it free."""
    admin = sa.create_engine(server.url(database.name, ADMIN), poolclass=sa.NullPool)
    lock = "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE" if "postgresql" in server.scheme else "LOCK TABLES {} WRITE"
    with admin.connect() as connection:
        connection.exec_driver_sql(lock.format(TABLE))
        found = refused(database.url)
    assert (found.code, found.seconds < PATIENCE) == (EXIT_TRY_AGAIN, True), found


def test_a_server_without_a_free_connection_is_tried_again(server: Server, database: Database) -> None:
    """Others hold all."""
    reader = sa.create_engine(database.url, poolclass=sa.NullPool)
    with ExitStack() as held:
        with suppress(sa.exc.DBAPIError):
            while True:
                held.enter_context(closing(reader.connect()))
        found = refused(database.url)
    assert (found.code, "too busy" in found.message) == (EXIT_TRY_AGAIN, True), found.message


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A network to the server that can fail."""
    with Proxy(server.port) as made:
        yield made


def through(proxy: Proxy, server: Server, database: Database) -> str:
    """Return the URL of the database by way of the proxy."""
    return database.url.replace(f":{server.port}/", f":{proxy.port}/")


@pytest.mark.parametrize("packets", [0, 25])
def test_a_network_that_hangs_is_given_up(server: Server, database: Database, proxy: Proxy, packets: int) -> None:
    """While connecting or during a query: nothing waits without end, not even the connection that stops a query."""
    proxy.passes = packets
    found = refused(through(proxy, server, database))
    assert (found.code, found.seconds < PATIENCE) == (EXIT_TRY_AGAIN, True), found


def test_a_slow_network_only_takes_longer(server: Server, database: Database, proxy: Proxy) -> None:
    """The limit is for each query."""
    proxy.delay = 0.02
    assert count(through(proxy, server, database), SECONDS) == len(ROWS)


@pytest.mark.parametrize("broken", [Server.stop, None], ids=["stopped", "hanging"])
def test_a_server_that_is_away_is_tried_again(
    server: Server, database: Database, broken: Callable[[Server], None] | None
) -> None:
    """As while it is restarted; when it is back, the review runs."""
    if broken is None:
        with server.hanging():
            found = refused(database.url)
    else:
        broken(server)
        try:
            found = refused(database.url)
        finally:
            server.start()
    assert (found.code, found.seconds < PATIENCE) == (EXIT_TRY_AGAIN, True), found
    assert count(database.url) == len(ROWS)


def test_a_view_is_read_with_the_right_to_select_alone(server: Server, database: Database) -> None:
    """A reader is often given nothing but views."""
    database.execute(f"CREATE VIEW shown AS SELECT * FROM {TABLE}")
    try:
        with closing(open_records(ServerURL.parse(database.url), None, PATIENCE)) as file:  # type: ignore[arg-type]
            assert RecordStore(file, "shown", {}, None).count() == len(ROWS)
    finally:
        database.execute("DROP VIEW shown")


def test_nothing_is_written(server: Server, database: Database) -> None:
    """The server's log of statements has only reading ones."""
    with server.logged() as statements:
        count(database.url)
    verbs = {text.split()[0].lower() for text in statements if text.strip()}
    reading = {"select", "with", "show", "set", "begin", "start", "commit", "rollback", "savepoint", "release", "kill"}
    assert "select" in verbs
    assert verbs <= reading, verbs - reading
