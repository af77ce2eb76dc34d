"""PostgreSQL, read by psycopg."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, ProgrammingError

from drift_checks.stores.engines.base import Dialect
from drift_checks.stores.engines.patience import Interruptible
from drift_checks.stores.engines.postgresql_dialect import PostgresDialect
from drift_checks.stores.engines.servers import (
    AWAY,
    BUSY,
    CONNECT_SECONDS,
    FAILED,
    FORBIDDEN,
    REFUSED,
    Judged,
    judged_by_words,
)

# Timestamps and dates are read as texts, since Python has none before the year 1 or after 9999.
_AS_TEXTS = ("timestamptz", "timestamp", "date")
_SETTINGS = (
    "set local timezone = 'UTC'",
    "set local datestyle = 'ISO, YMD'",
    "set local bytea_output = 'hex'",
    "set local extra_float_digits = 1",
    # It would take longer than most queries.
    "set local jit = off",
    # A stream is read to its end.
    "set local cursor_tuple_fraction = 1",
)
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_WRONG_SQL = ("42", "22", "0A")
_FORBIDDEN = "42501"
_TIMED_OUT = "57014"
_BUSY = ("53", "40", "55P03", "55006")
_AWAY = ("08", "57P", "58")
_REFUSED = ("28", "3D")
# What the server says when it does not let anybody in for now; libpq tells no code of such an error.
_FOR_NOW = (
    "too many",
    "remaining connection slots",
    "starting up",
    "shutting down",
    "recovery mode",
    "not yet accepting",
)


class PostgresServer:
    """A PostgreSQL server, or one that speaks its protocol."""

    options: Mapping[str, Any] = MappingProxyType({})

    def __init__(self) -> None:
        self.dialect: Dialect = PostgresDialect()

    def address(self, url: sa.URL) -> sa.URL:
        """Return the URL with psycopg 3 as its driver, even if an application's URL names another."""
        url = url.set(drivername="postgresql+psycopg")
        given = {"connect_timeout": str(CONNECT_SECONDS), "application_name": "drift-checks"}
        return url.update_query_dict({key: value for key, value in given.items() if key not in url.query})

    def begun(self, connection: sa.Connection, seconds: float | None) -> sa.Connection:
        """Begin to read as of one moment, with the same settings on any server.

        They end with the transaction, so that a pool of connections keeps none of them.
        """
        raw: Any = connection.connection.dbapi_connection
        raw.prepare_threshold = None
        from psycopg.types.string import TextLoader

        for kind in _AS_TEXTS:
            raw.adapters.register_loader(kind, TextLoader)
        connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        # The client stops a query first.
        timeout = 0 if seconds is None else int(seconds * 1000) + 1000
        connection.exec_driver_sql("; ".join((*_SETTINGS, f"set local statement_timeout = {timeout}")))
        return connection

    def interruptible(self, raw: Any, engine: sa.Engine) -> Interruptible:
        """Return what stops the queries of a connection."""
        return _Cancelled(raw)

    def is_wrong_sql(self, error: DBAPIError) -> bool:
        """Return whether the error is in the SQL, by its code."""
        return _code(error).startswith(_WRONG_SQL) and _code(error) != _FORBIDDEN

    def judged(self, error: DBAPIError) -> Judged:
        """Return what an error means, by its code."""
        code = _code(error)
        if not code:
            # No connection was made, or it was lost.
            said = str(error.orig)
            if any(words in said for words in _FOR_NOW):
                return Judged(True, *BUSY)
            if "FATAL" in said or "no password supplied" in said:
                return Judged(False, *REFUSED)
            if isinstance(error, ProgrammingError):
                return Judged(False, *FAILED)
            return judged_by_words(said) or Judged(True, *AWAY)
        if code == _FORBIDDEN:
            return Judged(False, *FORBIDDEN)
        if code == _TIMED_OUT or code.startswith(_BUSY):
            return Judged(True, *BUSY)
        if code.startswith(_AWAY):
            return Judged(True, *AWAY)
        return Judged(False, *(REFUSED if code.startswith(_REFUSED) else FAILED))


class _Cancelled:
    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._is_asked = False

    def interrupt(self) -> None:
        """Ask the server once to stop the query."""
        if not self._is_asked:
            self._is_asked = True
            self._raw.cancel_safe(timeout=1)


def _code(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
