"""MariaDB and MySQL, read by PyMySQL."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from drift_checks.stores.engines.mysql_dialect import MySQLDialect
from drift_checks.stores.engines.patience import Interruptible
from drift_checks.stores.engines.servers import (
    AWAY,
    BUSY,
    CONNECT_SECONDS,
    FAILED,
    FORBIDDEN,
    INSECURE,
    REFUSED,
    Judged,
    judged_by_words,
)

# Only this mode changes how SQL is read, and the user's condition may be written for it.
_MODE = "sql_mode = if(find_in_set('ANSI_QUOTES', @@sql_mode), 'ANSI_QUOTES', '')"
_NEW_COLLATION = (8, 0, 17)
# https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference
_NOT_CONNECTED = 2003
# MySQL's, for a server or a user that requires TLS.
_INSECURE = (2026, 3159)
_AWAY = (1053, 1927, 2002, 2003, 2006, 2013, 2055)
_BUSY = (1040, 1041, 1203, 1205, 1213, 1226, 1317, 1969, 3024)
_REFUSED = (1044, 1045, 1049, 1698)
_FORBIDDEN = (1142, 1143, 1227, 1345, 1370)
_WRONG_SQL = (1052, 1054, 1064, 1111, 1146, 1241, 1242, 1267, 1270, 1271, 1305, 1582, 1630, 3995)


class MySQLServer:
    """A MariaDB or MySQL server."""

    def __init__(self) -> None:
        self.dialect = MySQLDialect()

    @property
    def options(self) -> Mapping[str, Any]:
        """Timestamps and dates are read as texts, since Python has no day zero."""
        try:
            from pymysql.constants import FIELD_TYPE
            from pymysql.converters import conversions
        except ImportError:
            return {}
        kinds = (FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP, FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE, FIELD_TYPE.TIME)
        arguments = {"conv": {**conversions, **dict.fromkeys(kinds, str)}, "init_command": f"set session {_MODE}"}
        return {"connect_args": arguments}

    def address(self, url: sa.URL) -> sa.URL:
        """Return the URL with PyMySQL as its driver, even if an application's URL names another."""
        url = url.set(drivername=f"{url.get_backend_name()}+pymysql")
        given = {"connect_timeout": str(CONNECT_SECONDS), "charset": "utf8mb4"}
        return url.update_query_dict({key: value for key, value in given.items() if key not in url.query})

    def begun(self, connection: sa.Connection, seconds: float | None) -> sa.Connection:
        """Begin to read as of one moment, with timestamps in UTC."""
        dialect: Any = connection.dialect
        is_new = dialect.server_version_info >= _NEW_COLLATION
        # Without spaces that are ignored at the ends of texts.
        own = "utf8mb4_0900_bin" if is_new else "utf8mb4_bin"
        self.dialect.collation = "utf8mb4_nopad_bin" if dialect.is_mariadb else own
        # The client stops a query first.
        limit = 0.0 if seconds is None else seconds + 1
        timeout = f"max_statement_time = {limit}" if dialect.is_mariadb else f"max_execution_time = {limit * 1000:.0f}"
        connection.exec_driver_sql(f"set session time_zone = '+00:00', {timeout}")
        connection.exec_driver_sql("set session transaction isolation level repeatable read")
        connection.exec_driver_sql("start transaction with consistent snapshot, read only")
        return connection

    def interruptible(self, raw: Any, engine: sa.Engine) -> Interruptible:
        """Return what stops the queries of a connection."""
        return _Killed(raw, engine)

    def is_wrong_sql(self, error: DBAPIError) -> bool:
        """Return whether the error is in the SQL, by its code."""
        return _code(error) in _WRONG_SQL

    def judged(self, error: DBAPIError) -> Judged:
        """Return what an error means, by its code."""
        code = _code(error)
        if code == _NOT_CONNECTED and (found := judged_by_words(str(error.orig))) is not None:
            return found
        for codes, judged in (
            (_INSECURE, Judged(False, *INSECURE)),
            (_AWAY, Judged(True, *AWAY)),
            (_BUSY, Judged(True, *BUSY)),
            (_REFUSED, Judged(False, *REFUSED)),
            (_FORBIDDEN, Judged(False, *FORBIDDEN)),
        ):
            if code in codes:
                return judged
        return Judged(True, *AWAY) if error.connection_invalidated else Judged(False, *FAILED)


class _Killed:
    def __init__(self, raw: Any, engine: sa.Engine) -> None:
        self._thread = getattr(raw, "thread_id", lambda: None)()
        self._engine = engine
        self._is_asked = False

    def interrupt(self) -> None:
        """Ask the server once, by another connection, to stop the query."""
        if not self._is_asked and self._thread is not None:
            self._is_asked = True
            # A server that hangs answers neither of them.
            threading.Thread(target=self._kill, daemon=True).start()

    def _kill(self) -> None:
        with suppress(DBAPIError), self._engine.connect() as connection:
            connection.exec_driver_sql(f"kill query {self._thread}")


def _code(error: DBAPIError) -> int:
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else 0
