"""Private PostgreSQL and MariaDB servers on 127.0.0.1, each in a folder of its own, and stores in them.

They are the machine's programs, without its configuration, its services and its data. `admin` may do everything in
them, `reader` only reads.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
import trustme

from tests.support.ports import free_port

ADMIN, READER = "admin", "reader"
PASSWORDS = {ADMIN: "adm1n-Passw0rd", READER: "re@der/Passw:rd"}
_REQUIRED = os.environ.get("DRIFT_REQUIRE_SERVERS") == "1"
START_SECONDS = 30.0
_names = count(1)


def _account() -> int:
    """Return the user that runs a server: PostgreSQL refuses to run as root."""
    if os.geteuid():
        return os.geteuid()
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    return 65534


class Server:
    """A database server; `programs` are the folders of its programs, the newest first."""

    scheme: ClassVar[str]
    program: ClassVar[str]
    admin_database: ClassVar[str]
    programs: ClassVar[Sequence[str]] = ()

    def __init__(self) -> None:
        self.port = free_port()
        # The folders of tests are root's alone.
        self._temporary = tempfile.TemporaryDirectory(prefix="drift-server-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self._process: subprocess.Popen[bytes] | None = None
        self._account = _account()
        self._own(self.folder)

    @classmethod
    def find(cls) -> Path | None:
        """Return the server's program, if the machine has it."""
        found = [Path(folder) / cls.program for folder in cls.programs if (Path(folder) / cls.program).exists()]
        return found[0] if found else None

    def url(self, database: str = "", user: str = READER, password: str | None = None, **options: str) -> str:
        """Return the URL for a user of a database, with its password; an empty password leaves it out."""
        given = PASSWORDS.get(user) if password is None else password
        url = sa.URL.create(self.scheme, user, given or None, "127.0.0.1", self.port, database or self.admin_database)
        return url.update_query_dict(options).render_as_string(hide_password=False)

    # The signal that ends it at once.
    stopped_by: ClassVar[signal.Signals] = signal.SIGKILL

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert self._process is None
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - it calls one function of the kernel
                **self._credentials(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once, as a crash or a restart of the machine does; connections break."""
        if self._process is not None:
            self._process.send_signal(self.stopped_by)
            self._process.wait(START_SECONDS)
            self._process = None

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Stop all its processes for a while: connections stay, and nothing answers."""
        assert self._process is not None
        for process in self._processes():
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in self._processes():
                os.kill(process, signal.SIGCONT)

    def remove(self) -> None:
        """Stop it, and remove its folder."""
        self.stop()
        self._temporary.cleanup()

    @property
    def process(self) -> int | None:
        """The id of its main process, if it runs."""
        return None if self._process is None else self._process.pid

    @property
    def log(self) -> Path:
        """The file of its messages."""
        return self.folder / "log"

    @property
    def authority(self) -> Path:
        """The file with the certificate of the authority that signed the server's."""
        return self.folder / "authority.pem"

    def create_database(self) -> Database:
        """Create an empty database from which `reader` may read."""
        name = f"records_{os.getpid()}_{next(_names)}"
        self.execute(f"CREATE DATABASE {name}")
        database = Database(self, name)
        self.allow_reading(database)
        return database

    def execute(self, *statements: str, database: str = "") -> list[list[object]]:
        """Execute statements as `admin`; return the rows of the last one."""
        engine = sa.create_engine(self.url(database, ADMIN), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        rows: list[list[object]] = []
        with engine.connect() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
                rows = [list(row) for row in result] if result.returns_rows else []
        return rows

    def allow_reading(self, database: Database) -> None:
        """Give `reader` the right to read all tables of the database, future ones included."""
        raise NotImplementedError

    def logged(self) -> AbstractContextManager[list[str]]:
        """Log all statements; the list holds them at the end."""
        raise NotImplementedError

    def rows_sent(self) -> int:
        """Return how many rows it has sent to clients, by its own statistics."""
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except sa.exc.DBAPIError:
            return False
        return True

    def _processes(self) -> list[int]:
        assert self._process is not None
        found = [self._process.pid]
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._process.pid)], capture_output=True, text=True, check=False
        )
        return [*map(int, children.stdout.split()), *found]

    def _run(self, command: Sequence[str], stdin: bytes = b"") -> None:
        done = subprocess.run(command, input=stdin, capture_output=True, check=False, **self._credentials())
        assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]

    def _credentials(self) -> dict[str, Any]:
        given: dict[str, Any] = {"cwd": self.folder, "env": {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}}
        if os.geteuid() == 0:
            given |= {"user": self._account, "group": pwd.getpwuid(self._account).pw_gid, "extra_groups": []}
        return given

    def _own(self, *paths: Path) -> None:
        for path in paths:
            if os.geteuid() == 0:
                os.chown(path, self._account, -1)

    def _certify(self) -> tuple[Path, Path]:
        """Write a certificate for 127.0.0.1 and its key; return their files."""
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1", "localhost")
        key, chain = self.folder / "key.pem", self.folder / "chain.pem"
        issued.private_key_pem.write_to_path(key)
        issued.cert_chain_pems[0].write_to_path(chain)
        authority.cert_pem.write_to_path(self.authority)
        key.chmod(0o600)
        self._own(key, chain, self.authority)
        self.authority.chmod(0o644)
        self.folder.chmod(0o755)
        return key, chain


@dataclass(frozen=True)
class Database:
    """A database on a private server."""

    server: Server
    name: str

    @property
    def url(self) -> str:
        """The URL for `reader`, with its password."""
        return self.server.url(self.name)

    @property
    def public(self) -> str:
        """The URL as reports show it."""
        return f"{self.server.scheme.partition('+')[0]}://127.0.0.1:{self.server.port}/{self.name}"

    def environment(self, **options: str) -> dict[str, str]:
        """Return the variable of a review that reads as `reader`."""
        return {"DRIFT_DB": self.server.url(self.name, **options)}

    def execute(self, *statements: str) -> list[list[object]]:
        """Execute statements as `admin`; return the rows of the last one."""
        return self.server.execute(*statements, database=self.name)

    def load(self, file: Path, types: Mapping[str, sa.types.TypeEngine[Any]] | None = None) -> None:
        """Copy the tables of a SQLite file, with other types for columns named in `types`."""
        source = sa.create_engine(f"sqlite:///{file}", poolclass=sa.NullPool)
        target = sa.create_engine(self.server.url(self.name, ADMIN), poolclass=sa.NullPool)
        tables = sa.MetaData()
        tables.reflect(source)
        with source.connect() as read, target.begin() as write:
            for table in tables.sorted_tables:
                rows = [dict(row) for row in read.execute(sa.select(table)).mappings()]
                _translate(table, types or {})
                table.create(write)
                for start in range(0, len(rows), 1000):
                    write.execute(sa.insert(table), rows[start : start + 1000])
        source.dispose()
        target.dispose()


def _translate(table: sa.Table, types: Mapping[str, sa.types.TypeEngine[Any]]) -> None:
    """Give a table that was read from SQLite the types that a server's table of this purpose has."""
    indexed = {column.name for index in table.indexes for column in index.columns}
    for column in table.columns:
        column.server_default = None
        if column.name in types:
            column.type = types[column.name]
        elif isinstance(column.type, sa.Integer):
            column.type = sa.BigInteger()
        elif isinstance(column.type, sa.LargeBinary):
            column.type = sa.LargeBinary()
        elif isinstance(column.type, sa.String | sa.types.NullType):
            is_key = column.primary_key or column.name in indexed
            column.type = sa.String(255) if is_key else sa.Text().with_variant(_long_text(), "mysql")
        elif isinstance(column.type, sa.Numeric | sa.Float):
            column.type = sa.Double()


def _long_text() -> sa.types.TypeEngine[Any]:
    from sqlalchemy.dialects.mysql import LONGTEXT

    return LONGTEXT()


def _end_with_parent() -> None:
    """Have this process killed when the one ends that started it, even if that is killed itself."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def serving(kind: type[Server], driver: str) -> Iterator[Server]:
    """Yield a server of this kind, for a fixture; skip without its program or driver, unless they are required."""
    missing = kind.program if kind.find() is None else driver if find_spec(driver) is None else ""
    if missing and _REQUIRED:
        pytest.fail(f"{missing} is not installed")
    if missing:
        pytest.skip(f"{missing} is not installed")
    server = kind()
    try:
        yield server
    finally:
        server.remove()
