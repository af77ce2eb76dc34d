"""What is special about a server: how its driver connects, what a transaction begins with, and what its errors mean."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, ProgrammingError

from drift_checks.stores.engines.base import Dialect
from drift_checks.stores.engines.patience import Interruptible
from drift_checks.stores.engines.standard_dialect import StandardDialect

CONNECT_SECONDS = 10
_LATER = "run the review again when it is back"
_CHECK = "check --drift-db, and the user's rights"
AWAY = "does not answer", _LATER
BUSY = "is too busy", "run the review again later"
REFUSED = (
    "does not let the user in",
    "check user and database in --drift-db, and the password in the variable DRIFT_DB_PASSWORD",
)
UNKNOWN_HOST = "this machine knows no such host", "check --drift-db"
INSECURE = "no secure connection is possible", "check the options of TLS and the certificates that --drift-db names"
FORBIDDEN = "does not let the user read this", "grant the user SELECT on the table"
FAILED = "cannot be read", _CHECK


# What drivers and OpenSSL say of them, for which there are no codes.
_UNKNOWN_HOST = ("Name or service not known", "nodename nor servname provided", "No address associated with hostname")
_INSECURE = (
    *("CERTIFICATE_VERIFY_FAILED", "certificate verify failed", "does not match host name", "root certificate"),
    *("server does not support SSL", "invalid sslmode", "certificate file", "private key file"),
)


_DRIVERS = {"oracle": "oracle+oracledb"}
# What dialects call regular expressions that SQLAlchemy has no name for.
_EXPRESSION_FUNCTIONS = {"trino": "regexp_like", "databricks": "regexp_like"}


class Judged(NamedTuple):
    """What an error means: whether it may pass by itself, the problem, and what to do."""

    passes: bool
    problem: str
    remedy: str


def judged_by_words(said: str) -> Judged | None:
    """Return what a driver's words mean if no connection was made and only the user can change that."""
    if any(words in said for words in _UNKNOWN_HOST):
        return Judged(False, *UNKNOWN_HOST)
    return Judged(False, *INSECURE) if any(words in said for words in _INSECURE) else None


class Server(Protocol):
    """A kind of server."""

    @property
    def dialect(self) -> Dialect:
        """How to ask for what it holds."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Arguments of SQLAlchemy's `create_engine`."""

    def address(self, url: sa.URL) -> sa.URL:
        """Return the URL with the driver."""

    def begun(self, connection: sa.Connection, seconds: float | None) -> sa.Connection:
        """Begin to read as of one moment; a query may take so many seconds."""

    def interruptible(self, raw: Any, engine: sa.Engine) -> Interruptible:
        """Return what stops the queries of a driver's connection."""

    def is_wrong_sql(self, error: DBAPIError) -> bool:
        """Return whether the error is in the SQL."""

    def judged(self, error: DBAPIError) -> Judged:
        """Return what an error means."""


class AnyServer:
    """A server about which nothing special is known."""

    options: Mapping[str, Any] = MappingProxyType({})

    def __init__(self) -> None:
        self.dialect = StandardDialect()

    def address(self, url: sa.URL) -> sa.URL:
        """Return the URL, with a driver that is still maintained."""
        return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))

    def begun(self, connection: sa.Connection, seconds: float | None) -> sa.Connection:
        """Return the connection, in the transaction that its driver begins."""
        try:
            sa.column("text").regexp_match("").compile(dialect=connection.dialect)
        except sa.exc.CompileError:
            self.dialect.has_expressions = False
            self.dialect.expression_function = _EXPRESSION_FUNCTIONS.get(connection.dialect.name, "")
        return connection

    def interruptible(self, raw: Any, engine: sa.Engine) -> Interruptible:
        """Return what stops the queries of a driver's connection, if the driver can."""
        return _Cancelled(raw)

    def is_wrong_sql(self, error: DBAPIError) -> bool:
        """Return whether the error is in the SQL, by its class."""
        return isinstance(error, ProgrammingError | DataError)

    def judged(self, error: DBAPIError) -> Judged:
        """Return what an error means: a lost connection may come back."""
        return Judged(True, *AWAY) if error.connection_invalidated else Judged(False, *FAILED)


class _Cancelled:
    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def interrupt(self) -> None:
        """Stop the query, once."""
        cancel = getattr(self._raw, "cancel", None)
        if cancel is not None:
            cancel()
