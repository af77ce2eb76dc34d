"""A private PostgreSQL server."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob

from tests.support.databases import ADMIN, PASSWORDS, READER, START_SECONDS, Database, Server

_STATISTICS = "pg_stat_statements"


class PostgreSQL(Server):
    """PostgreSQL with TLS, which no client is required to use."""

    scheme = "postgresql+psycopg"
    program = "postgres"
    admin_database = "postgres"
    programs = sorted(glob("/usr/lib/postgresql/*/bin"), reverse=True)  # noqa: PTH207
    # It ends all its processes, without writing anything.
    stopped_by = signal.SIGQUIT

    def __init__(self) -> None:
        super().__init__()
        found = self.find()
        assert found is not None
        self._program = found
        data, password = self.folder / "data", self.folder / "password"
        password.write_text(PASSWORDS[ADMIN])
        self._own(password)
        how = ("--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        self._run([str(found.parent / "initdb"), "-D", str(data), "-U", ADMIN, *how])
        key, chain = self._certify()
        settings = {
            "port": self.port,
            "listen_addresses": "'127.0.0.1'",
            "unix_socket_directories": f"'{self.folder}'",
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": 20,
            "ssl": "on",
            "ssl_key_file": f"'{key}'",
            "ssl_cert_file": f"'{chain}'",
            "shared_preload_libraries": _STATISTICS,
        }
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        self.start()
        self.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORDS[READER]}'")

    def allow_reading(self, database: Database) -> None:
        """Give `reader` the right to read all tables of the database, future ones included."""
        database.execute(
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}",
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {ADMIN} IN SCHEMA public GRANT SELECT ON TABLES TO {READER}",
        )

    @contextmanager
    def logged(self) -> Iterator[list[str]]:
        """Log all statements; the list holds them at the end."""
        found: list[str] = []
        self._set("log_statement", "all")
        start = self.log.stat().st_size
        try:
            yield found
        finally:
            self._set("log_statement", "none")
            for line in self.log.read_bytes()[start:].decode(errors="replace").splitlines():
                for sign in ("LOG:  statement: ", "LOG:  execute "):
                    _, there, statement = line.partition(sign)
                    if there:
                        found.append(statement.partition(": ")[2] if "execute" in sign else statement)
            found[:] = [text for text in found if "log_statement" not in text and "pg_reload_conf" not in text]

    def rows_sent(self) -> int:
        """Return how many rows it has sent to `reader`, by the extension pg_stat_statements."""
        self.execute(f"CREATE EXTENSION IF NOT EXISTS {_STATISTICS}")
        [[rows]] = self.execute(
            f"SELECT coalesce(sum(rows), 0)::int FROM {_STATISTICS} WHERE userid = '{READER}'::regrole"
        )
        assert isinstance(rows, int)
        return rows

    def _set(self, name: str, value: str) -> None:
        self.execute(f"ALTER SYSTEM SET {name} = '{value}'", "SELECT pg_reload_conf()")
        deadline = time.monotonic() + START_SECONDS
        while self.execute(f"SHOW {name}") != [[value]]:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def _command(self) -> list[str]:
        return [str(self._program), "-D", str(self.folder / "data")]
