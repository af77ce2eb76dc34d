"""A database server: whether it lets a review read, and only read, over a safe connection, at the right time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import sqlalchemy as sa

from drift_checks.core.addresses import ServerURL
from drift_checks.core.text import count
from drift_checks.operations.doctor.check import Check, CheckResult, NotChecked, passed, warning
from drift_checks.operations.doctor.setup import Setup
from drift_checks.stores.write_back_server import RIGHTS

_LOCAL = ("", "localhost", "127.0.0.1", "::1")
_WRITING = ("INSERT", "UPDATE", "DELETE")
_CLOCK_SECONDS = 60
_POSTGRESQL, _MYSQL = "postgresql", "mysql"
_DIALECTS: Mapping[str, str] = {_POSTGRESQL: _POSTGRESQL, _MYSQL: _MYSQL, "mariadb": _MYSQL}
_VERSION = {_POSTGRESQL: "show server_version", _MYSQL: "select version()"}
_NOW = {
    _POSTGRESQL: "select cast(extract(epoch from clock_timestamp()) as double precision)",
    _MYSQL: "select unix_timestamp(sysdate(6)) + 0e0",
}
_TLS = {
    _POSTGRESQL: "select version from pg_stat_ssl where pid = pg_backend_pid() and ssl",
    _MYSQL: "select variable_value from information_schema.session_status where variable_name = 'SSL_VERSION'",
}
_GRANTED = """
select privilege_type from information_schema.user_privileges where grantee = :user
union select privilege_type from information_schema.schema_privileges where grantee = :user
  and table_schema = database()
union select privilege_type from information_schema.table_privileges where grantee = :user
  and table_schema = database() and table_name = :table
"""


def checks(setup: Setup, url: ServerURL, needs: tuple[str, ...]) -> list[Check]:
    """Return the checks of a database server."""
    parts: dict[str, Callable[[Setup, ServerURL], CheckResult]] = {
        "server": _server,
        "rights": _rights,
        "connection": _connection,
        "time limit": _time_limit,
        "server's clock": _clock,
    }
    return [Check(name, partial(part, setup, url), needs) for name, part in parts.items()]


def _server(setup: Setup, url: ServerURL) -> CheckResult:
    known = _DIALECTS.get(url.scheme)
    if known is None:
        return passed(f"{url.scheme}, read in SQL's standard", "try a review: nothing else is known of this server")
    (version,) = _ask(setup, _VERSION[known])
    return passed(f"{url.scheme} {version}")


def _rights(setup: Setup, url: ServerURL) -> CheckResult:
    held = _held(setup, _known(url))
    writing = [right for right in _WRITING if right in held]
    table = setup.store.table.name
    if setup.settings.write_back:
        return passed(f"may {' and '.join(writing) or 'only SELECT'} in {table}", f"write-back needs {RIGHTS}")
    if writing:
        return warning(
            f"the user may {', '.join(writing)} in {table}, which a review never does",
            "read as a user with nothing but SELECT, so that nobody needs to rely on that",
        )
    return passed(f"the user may read {table}, and not change it")


def _held(setup: Setup, known: str) -> Sequence[str]:
    name = setup.store.table.name
    if known == _POSTGRESQL:

        def ask(connection: sa.Connection) -> list[str]:
            table = connection.dialect.identifier_preparer.format_table(setup.store.file.dialect.table(name))
            has = sa.text("select has_table_privilege(cast(:table as text), cast(:right as text))")
            return [
                right for right in _WRITING if connection.execute(has, {"table": table, "right": right}).scalar_one()
            ]

        return setup.store.file.read(ask)

    def ask_for_all(connection: sa.Connection) -> list[str]:
        user, _, host = str(connection.execute(sa.text("select current_user()")).scalar_one()).rpartition("@")
        of_whom = {"user": f"'{user}'@'{host}'", "table": name.rpartition(".")[2]}
        return [str(row[0]).upper() for row in connection.execute(sa.text(_GRANTED), of_whom)]

    return setup.store.file.read(ask_for_all)


def _connection(setup: Setup, url: ServerURL) -> CheckResult:
    found = _ask(setup, _TLS[_known(url)])
    if found and found[0]:
        return passed(f"encrypted by {found[0]}", _HINTS[_known(url)])
    if url.host in _LOCAL:
        return passed("not encrypted, on this machine")
    return warning("not encrypted: whoever sees the network can read the records", _HINTS[_known(url)])


_HINTS = {
    _POSTGRESQL: "?sslmode=verify-full&sslrootcert=FILE in the URL also checks that it is the right server",
    _MYSQL: "?ssl_ca=FILE&ssl_check_hostname=true in the URL also checks that it is the right server",
}


def _time_limit(setup: Setup, url: ServerURL) -> CheckResult:
    seconds = setup.settings.query_timeout
    if _known(url) == _MYSQL:
        return passed(f"a review stops a query after {seconds:g} s (query-timeout)")
    (own,) = _ask(setup, "select reset_val from pg_settings where name = 'statement_timeout'")
    return passed(
        f"a review stops a query after {seconds:g} s (query-timeout)",
        f"in place of the {int(str(own)) / 1000:g} s of the server for this user" if str(own) != "0" else "",
    )


def _clock(setup: Setup, url: ServerURL) -> CheckResult:
    begun = time.time()
    (theirs,) = _ask(setup, _NOW[_known(url)])
    ended = time.time()
    ahead = float(str(theirs)) - (begun + ended) / 2
    if abs(ahead) <= _CLOCK_SECONDS:
        return passed("agrees with this machine's")
    way = "ahead of" if ahead > 0 else "behind"
    return warning(
        f"{count(round(abs(ahead)), 'second')} {way} this machine's: ages of records are wrong by that",
        "set both by NTP",
    )


def _known(url: ServerURL) -> str:
    known = _DIALECTS.get(url.scheme)
    if known is None:
        raise NotChecked(f"not known how to ask {url.scheme}")
    return known


def _ask(setup: Setup, query: str) -> Sequence[object]:
    """Return the first row of a query without parameters; empty if there is none."""
    return setup.store.file.read(lambda connection: [*(connection.exec_driver_sql(query).first() or ())])
