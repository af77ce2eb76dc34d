"""The private servers that tests of databases use."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from drift_checks.core.addresses import ServerURL
from tests.support.databases import Server
from tests.support.stores import NAME, BuiltStore

pytestmark = pytest.mark.server


def test_a_store_is_loaded_for_a_reader(server: Server, store: BuiltStore) -> None:
    """Who may not write; what a client does is logged."""
    database = server.create_database()
    database.load(store.db)
    engine = sa.create_engine(database.url, poolclass=sa.NullPool)
    with server.logged() as statements, engine.connect() as connection:
        assert connection.execute(sa.text(f"SELECT count(*) FROM {NAME}")).scalar_one() == 120
        with pytest.raises(sa.exc.DBAPIError, match="denied"):
            connection.execute(sa.text(f"DELETE FROM {NAME}"))
    assert any(text.startswith("DELETE") for text in statements)
    assert str(ServerURL.parse(database.url)) == database.public
