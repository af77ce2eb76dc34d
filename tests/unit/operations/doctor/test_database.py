"""What the checklist says of a database server."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.core.addresses import ServerURL
from drift_checks.operations.doctor import stores
from drift_checks.operations.doctor.check import Finding
from tests.support.databases import ADMIN, Database, Server
from tests.support.doctoring import findings_of, setup
from tests.support.tables import write_table

pytestmark = pytest.mark.server


@pytest.fixture
def database(server: Server, tmp_path: Path) -> Database:
    """A database with two records."""
    made = server.create_database()
    made.load(write_table(tmp_path / "records.db", [(1, "one", "a"), (2, "two", "b")]))
    return made


def findings(folder: Path, url: str) -> dict[str, Finding]:
    """Return the findings about the store with this URL."""
    return findings_of(stores.checks(setup(folder, db=ServerURL.parse(url))))


def test_a_server_is_checked(database: Database, tmp_path: Path) -> None:
    """Its version, what the user may do, the connection and the clock; what is a file's alone is left out."""
    found = findings(tmp_path, database.url)
    assert found["records"].message == f"{database.public}: 2 records in risk_classifications"
    assert found["rights"].message == "the user may read risk_classifications, and not change it"
    assert found["connection"].message.startswith("encrypted by TLS")
    for name in ("records", "server", "rights", "connection", "time limit", "server's clock"):
        assert found[name].status == "ok", found[name]
    assert not {"indexes", "journal", "integrity"} & found.keys()


def test_a_user_who_may_write_is_warned_about(database: Database, tmp_path: Path) -> None:
    """A review needs no such right."""
    found = findings(tmp_path, database.server.url(database.name, ADMIN))["rights"]
    assert (found.status, "INSERT, UPDATE, DELETE" in found.message) == ("warning", True), found


def test_without_a_connection_the_rest_is_unknown(database: Database, tmp_path: Path) -> None:
    """The reason is said once."""
    found = findings(tmp_path, database.server.url(database.name, password="wr0ng-Passw0rd"))
    assert (found["records"].status, "does not let the user in" in found["records"].message) == ("error", True)
    assert {found[name].status for name in ("server", "rights", "connection", "server's clock")} == {"skipped"}
