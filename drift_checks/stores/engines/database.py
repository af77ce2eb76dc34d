"""Records on a database server, which is only read: by SQLAlchemy, in one transaction per reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, CompileError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import StoreAway, StoreError
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import printable
from drift_checks.stores.engines.base import Functions
from drift_checks.stores.engines.patience import Patience, read_in_time
from drift_checks.stores.engines.servers import AnyServer, Server

Result = TypeVar("Result")
_MORE_TIME = "run the review again when the server is less busy, or allow more time with --drift-query-timeout=SECONDS"
_LONGEST_REASON = 200
# What to install for a dialect, if the name of the package is not that of the dialect.
_PACKAGES = {
    "postgresql": "drift-checks[postgresql]",
    "mysql": "drift-checks[mysql]",
    "mariadb": "drift-checks[mysql]",
    "trino": "trino[sqlalchemy]",
    "snowflake": "snowflake-sqlalchemy",
    "bigquery": "sqlalchemy-bigquery",
    "databricks": "databricks-sqlalchemy",
    "hive": "pyhive[hive]",
    "oracle": "oracledb",
    "mssql": "pyodbc",
    "redshift": "sqlalchemy-redshift",
    "cockroachdb": "sqlalchemy-cockroachdb",
}


class DatabaseServer:
    """A database on a server; each reading has a connection of its own.

    With `query_seconds`, queries run in another thread. They end after that time, or if this one is interrupted.

    Raises:
        StoreError: The driver of the server is not installed.
    """

    only_table = None
    row_id = None

    def __init__(self, url: ServerURL, query_seconds: float | None = None) -> None:
        self.path = url
        self._server = _server_of(url.scheme)
        self.dialect = self._server.dialect
        self._query_seconds = query_seconds
        self._engine = self._created(url)

    def read(
        self, query: Callable[[sa.Connection], Result], functions: Functions | None = None, *, timed: bool = True
    ) -> Result:
        """Return what `query` returns, read as of one moment. Without `timed`, a query may take any time.

        `functions` are not needed: what SQL cannot decide is asked of Python before.

        Raises:
            StoreError: A query is refused, or the server does not let the user in.
            StoreAway: The server cannot be reached or is too busy, or a query took too long.
        """
        seconds = self._query_seconds if timed else None
        return read_in_time(self.path, seconds, partial(self._read, query), _MORE_TIME, StoreAway)

    def is_wrong_sql(self, error: DBAPIError) -> bool:
        """Return whether the error is in the SQL, not in the server."""
        return self._server.is_wrong_sql(error)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Yield a connection in a transaction that may write; what is not committed is rolled back.

        Raises:
            StoreError: The server refuses a statement.
            StoreAway: It cannot be reached, or the connection is lost.
        """
        try:
            with self._opened() as connection:
                yield connection
        except DBAPIError as error:
            if self._server.judged(error).passes:
                raise self._explained(error) from None
            raise StoreError(self.path, f"refuses the change ({_reason(error.orig)})") from None

    def close(self) -> None:
        """Forget the server: no connection is open between readings."""
        self._engine.dispose()

    def _read(self, query: Callable[[sa.Connection], Result], patience: Patience | None) -> Result:
        with self._connected(patience) as connection:
            return query(connection)

    @contextmanager
    def _connected(self, patience: Patience | None) -> Iterator[sa.Connection]:
        try:
            with self._opened() as connection:
                raw: Any = connection.connection.dbapi_connection
                if patience is not None:
                    patience.watch(self._server.interruptible(raw, self._engine))
                    sa.event.listen(connection, "before_cursor_execute", patience.begin)
                seconds = None if patience is None else self._query_seconds
                yield self._server.begun(connection, seconds)
        except DBAPIError as error:
            raise self._explained(error) from None
        except CompileError as error:
            raise StoreError(
                self.path,
                f"the dialect {self._engine.dialect.name} of SQLAlchemy cannot express what a review asks"
                f" ({_reason(error)})",
                "export the table to a Parquet or CSV file, and name that with --drift-db",
            ) from None

    def _opened(self) -> sa.Connection:
        try:
            return self._engine.connect()
        except (TypeError, ValueError, OSError) as error:
            # Drivers say so of options, and of files that these name.
            raise StoreError(self.path, f"cannot be connected to ({_reason(error)})", "check --drift-db") from None

    def _created(self, url: ServerURL) -> sa.Engine:
        try:
            address = self._server.address(sa.make_url(url.complete))
            options = self._server.options
            return sa.create_engine(address, poolclass=NullPool, hide_parameters=True, **options)
        except (NoSuchModuleError, ImportError) as error:
            package = _PACKAGES.get(url.scheme, f"a dialect of SQLAlchemy for {url.scheme}")
            missing = "a driver" if isinstance(error, ImportError) else "a dialect of SQLAlchemy"
            remedy = f"install it with: pip install '{package}'" if url.scheme in _PACKAGES else f"install {package}"
            raise StoreError(url, f"needs {missing} that is not installed", remedy) from None
        except (ArgumentError, TypeError, ValueError) as error:
            raise StoreError(url, f"cannot be used as an address ({_reason(error)})", "check --drift-db") from None

    def _explained(self, error: DBAPIError) -> StoreError:
        reason = _reason(error.orig)
        passes, problem, remedy = self._server.judged(error)
        if passes:
            return StoreAway(self.path, f"{problem} ({reason})", remedy)
        return StoreError(self.path, f"{problem} ({reason})", remedy)


def _server_of(scheme: str) -> Server:
    if scheme == "postgresql":
        from drift_checks.stores.engines.postgresql import PostgresServer

        return PostgresServer()
    if scheme in ("mysql", "mariadb"):
        from drift_checks.stores.engines.mysql import MySQLServer

        return MySQLServer()
    return AnyServer()


def _reason(error: BaseException | None) -> str:
    # The others show the place in a query that the user did not write.
    arguments = [part for part in getattr(error, "args", ()) if isinstance(part, str)]
    lines = (arguments[-1] if arguments else str(error)).splitlines()
    text = next(filter(None, map(str.strip, lines)), type(error).__name__)
    return printable(mask_secrets(text), _LONGEST_REASON)
