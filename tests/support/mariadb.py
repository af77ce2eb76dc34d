"""A private MariaDB server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.databases import ADMIN, PASSWORDS, READER, Database, Server


class MariaDB(Server):
    """MariaDB with TLS, which no client is required to use."""

    scheme = "mysql+pymysql"
    program = "mariadbd"
    admin_database = "mysql"
    programs = ("/usr/sbin", "/usr/libexec", "/usr/bin")

    def __init__(self) -> None:
        super().__init__()
        found = self.find()
        assert found is not None
        self._program = found
        (self.folder / "data").mkdir()
        self._own(self.folder / "data")
        self._install()
        self._key, self._chain = self._certify()
        self.start()
        self.execute(f"CREATE USER {READER}@'127.0.0.1' IDENTIFIED BY '{PASSWORDS[READER]}'")

    def allow_reading(self, database: Database) -> None:
        """Give `reader` the right to read all tables of the database, future ones included."""
        self.execute(f"GRANT SELECT ON {database.name}.* TO {READER}@'127.0.0.1'")

    @contextmanager
    def logged(self) -> Iterator[list[str]]:
        """Log all statements; the list holds them at the end."""
        found: list[str] = []
        file = self.folder / "statements"
        file.unlink(missing_ok=True)
        self.execute(f"SET GLOBAL general_log_file = '{file}'", "SET GLOBAL general_log = 1")
        try:
            yield found
        finally:
            self.execute("SET GLOBAL general_log = 0")
            for line in file.read_text(errors="replace").splitlines():
                for sign in (" Query\t", " Execute\t"):
                    _, there, statement = line.partition(sign)
                    if there:
                        found.append(statement)
            found[:] = [text for text in found if "general_log" not in text]

    def rows_sent(self) -> int:
        """Return how many rows it has sent to clients."""
        [[_, rows]] = self.execute("SHOW GLOBAL STATUS LIKE 'Rows_sent'")
        return int(str(rows))

    def _install(self) -> None:
        """Create the system tables, as mariadb-install-db does, which needs the client's programs."""
        share = next(path for path in (Path("/usr/share/mysql"), Path("/usr/share/mariadb")) if path.is_dir())
        parts = ["CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket=NULL;"]
        kinds = ("system_tables", "performance_tables", "system_tables_data")
        for kind in kinds:
            file = next(path for name in ("mysql", "mariadb") if (path := share / f"{name}_{kind}.sql").exists())
            parts.append(file.read_text())
        parts += [
            f"INSERT INTO global_priv VALUES ('127.0.0.1', '{ADMIN}', JSON_OBJECT('access', CAST(-1 AS UNSIGNED),"
            " 'plugin', 'mysql_native_password', 'authentication_string',"
            f" PASSWORD('{PASSWORDS[ADMIN]}')));"
        ]
        self._run([*self._base_command(), "--bootstrap"], "\n".join(parts).encode())

    def _command(self) -> list[str]:
        return [
            *self._base_command(),
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--socket={self.folder / 'socket'}",
            f"--pid-file={self.folder / 'pid'}",
            "--skip-name-resolve",
            f"--ssl-cert={self._chain}",
            f"--ssl-key={self._key}",
            "--max-connections=20",
            "--character-set-server=utf8mb4",
            "--log-warnings=1",
        ]

    def _base_command(self) -> list[str]:
        return [
            str(self._program),
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            "--innodb-log-file-size=8M",
            "--innodb-buffer-pool-size=64M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync",
        ]
