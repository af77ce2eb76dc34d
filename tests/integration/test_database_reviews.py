"""A review of records on a database server says what one of the same records in SQLite says."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.dialects.mysql import DATETIME

from tests.support.databases import Server
from tests.support.stores import BuiltStore, records_alone
from tests.support.whole_runs import LOW_CONFIDENCE, run_here

pytestmark = pytest.mark.server


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_database_is_reviewed_as_a_file(
    kind: str, store: BuiltStore, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With the same sample, findings and figures, though its timestamps may have a type of their own."""
    server: Server = request.getfixturevalue(kind)
    database = server.create_database()
    database.load(store.db, {"timestamp": DATETIME()} if kind == "mariadb" else {})
    same = *LOW_CONFIDENCE, "--drift-reviewer=neighbours"
    of_file = run_here(tmp_path / "file", *records_alone(store), *same)
    options = [option for option in records_alone(store) if not option.startswith("--drift-db")]
    of_server = run_here(tmp_path / "server", *options, *same, environment=database.environment())
    assert of_server.exit_code == of_file.exit_code
    assert database.public in of_server.out
    assert _figures(of_server.out) == _figures(of_file.out)


def _figures(output: str) -> list[str]:
    """Return the lines about agreement, criteria and findings."""
    lines = output.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("agreement"))
    end = next(number for number, line in enumerate(lines) if line.startswith("report "))
    return lines[start:end]
