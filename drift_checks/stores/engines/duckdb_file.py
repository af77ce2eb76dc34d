"""Reading files with DuckDB, in this process, without writing to them.

Parquet and DuckDB's own files are read in place. Text files are loaded once into a private file of DuckDB: they are
parsed only once, every query sees the same rows, and a fault in any line is found before a call is paid for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from drift_checks.core.errors import StoreChanged, StoreError, StoreLocked
from drift_checks.stores.engines.base import Functions
from drift_checks.stores.engines.duckdb_dialect import ROW_ID, DuckDBDialect, of_bytes, quoted_name
from drift_checks.stores.engines.patience import Patience, read_in_time
from drift_checks.stores.engines.snapshot import Snapshot, fingerprint
from drift_checks.stores.engines.sources import TEXTS, Format, Source
from drift_checks.stores.engines.sqlite import LOCK_WAIT_SECONDS
from drift_checks.stores.engines.text_files import first_line, literal_pattern, load_texts

if TYPE_CHECKING:
    import duckdb

Result = TypeVar("Result")
_MEMORY = "512MB"
_ATTEMPTS = 3
_MORE_TIME = "allow more time with --drift-query-timeout=SECONDS"
_RETRY_SECONDS = 0.2
_ATTACHED = "store"
_LOADED = "records.duckdb"
_WRONG_SQL = ("BinderException", "ParserException", "CatalogException", "ConversionException", "OutOfRangeException")
_WRONG_TYPES = (
    "InvalidInputException",
    "InvalidTypeException",
    "TypeMismatchException",
    "NotImplementedException",
    "PermissionException",
)


class DuckDBFile:
    """The files of a source, read by DuckDB with little memory; temporary files are in `snapshot_dir`.

    With `query_seconds`, queries run in another thread. They end after that time, or if this one is interrupted.

    Raises:
        StoreError: DuckDB is not installed, or a file cannot be read.
        StoreLocked: Another process has the DuckDB file open for writing.
    """

    def __init__(self, source: Source, snapshot_dir: Path, query_seconds: float | None = None) -> None:
        _refuse_without_duckdb(source)
        for file in source.files:
            if not file.stat().st_size:
                raise StoreError(file, "is empty", "name another file with --drift-db")
        self.path = source.named
        self._source = source
        self._query_seconds = query_seconds
        self._snapshot = Snapshot(snapshot_dir)
        self._threads = 2
        is_file = source.format is Format.DUCKDB
        self.only_table = None if is_file else source.named.name
        is_one_text = source.format in TEXTS and len(source.files) == 1
        self.row_id = ROW_ID if is_one_text else None
        names = () if self.only_table is None else (self.only_table,)
        self.dialect = DuckDBDialect(names, texts=source.format in TEXTS)
        try:
            if source.format in TEXTS:
                self._unchanged(self._load)
            elif source.format is Format.PARQUET:
                self._refuse_mixed_types()
        except BaseException:
            self.close()
            raise

    def read(
        self, query: Callable[[sa.Connection], Result], functions: Functions | None = None, *, timed: bool = True
    ) -> Result:
        """Return what `query` returns, read as of one moment; it is called again if a file changed meanwhile.

        `functions` are available in its SQL. Without `timed`, a query may take any time.

        Raises:
            StoreError: A file is damaged, or a query failed or took too long.
            StoreLocked: Another process has the DuckDB file open for writing.
            StoreChanged: A file keeps changing.
        """
        seconds = self._query_seconds if timed else None
        return read_in_time(self.path, seconds, partial(self._read, query, functions), _MORE_TIME)

    def is_wrong_sql(self, error: DBAPIError) -> bool:
        """Return whether the error is in the SQL, by its class."""
        return type(error.orig).__name__ in (*_WRONG_SQL, *_WRONG_TYPES)

    def close(self) -> None:
        """Remove what was loaded, and temporary files."""
        self._snapshot.close()

    def _read(
        self, query: Callable[[sa.Connection], Result], functions: Functions | None, patience: Patience | None
    ) -> Result:
        def once() -> Result:
            with self._connected(functions, patience) as connection:
                return query(connection)

        # What was loaded is private.
        return once() if self._source.format in TEXTS else self._unchanged(once)

    def _unchanged(self, step: Callable[[], Result]) -> Result:
        """Return the result of a step during which no file changed."""
        for _ in range(_ATTEMPTS):
            before = fingerprint(self._source.files)
            try:
                result = step()
            except StoreError as error:
                if fingerprint(self._source.files) == before or isinstance(error, StoreLocked):
                    raise
                continue
            if fingerprint(self._source.files) == before:
                return result
        problem = f"was written to during each of {_ATTEMPTS} attempts to read it"
        raise StoreChanged(self.path, problem, "run the review again")

    @contextmanager
    def _connected(self, functions: Functions | None, patience: Patience | None) -> Iterator[sa.Connection]:
        from duckdb_sqlalchemy import ConnectionWrapper

        raw = self._open()
        for name, function in (functions or {}).items():
            for form, kind in ((name, "VARCHAR"), (of_bytes(name), "BLOB")):
                # The types of this function differ between the versions of DuckDB.
                create: Any = raw.create_function
                create(form, function, [kind], "INTEGER", null_handling="special")
        if patience is not None:
            patience.watch(raw)
        # DuckDB's own cursors are connections of their own, with other settings and other transactions.
        engine = sa.create_engine("duckdb://", creator=lambda: ConnectionWrapper(raw), poolclass=NullPool)
        if patience is not None:
            sa.event.listen(engine, "before_cursor_execute", patience.begin)
        try:
            with engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise self._explained(error.orig) from None
        finally:
            engine.dispose()
            raw.close()

    def _open(self) -> duckdb.DuckDBPyConnection:
        """Return a connection that can read the files of the source, and no others."""
        import duckdb

        try:
            connection = self._connect()
            if self._source.format is Format.DUCKDB:
                self._attach(connection, self._source.files[0])
            elif self._source.format in TEXTS:
                self._attach(connection, self._snapshot.folder / _LOADED)
            else:
                self._view(connection)
            connection.execute("set enable_external_access = false")
        except duckdb.Error as error:
            raise self._explained(error) from None
        return connection

    def _view(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the Parquet files a view."""
        # For a few rows, all vectors of a hundred thousand would be held.
        connection.execute("set disable_parquet_prefetching = true")
        files = ", ".join(_in_sql(literal_pattern(file)) for file in self._source.files)
        rows = f"select * from read_parquet([{files}], union_by_name = true, hive_partitioning = false)"  # noqa: S608 - quoted
        connection.execute(f"create view {quoted_name(self.path.name)} as {rows}")
        allowed = ", ".join(_in_sql(str(file)) for file in self._source.files)
        connection.execute(f"set allowed_paths = [{allowed}]")

    def _connect(self, path: Path | None = None) -> duckdb.DuckDBPyConnection:
        import duckdb

        config: dict[str, Any] = {
            "memory_limit": _MEMORY,
            "threads": str(self._threads),
            "temp_directory": str(self._snapshot.folder / "temporary"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
        }
        return duckdb.connect(":memory:" if path is None else str(path), config=config)

    def _attach(self, connection: duckdb.DuckDBPyConnection, file: Path) -> None:
        """Open a DuckDB file for reading; wait for a while if another process has it open for writing."""
        import duckdb

        end = time.monotonic() + min(LOCK_WAIT_SECONDS, (self._query_seconds or LOCK_WAIT_SECONDS * 2) / 2)
        while True:
            try:
                connection.execute(f"attach {_in_sql(str(file))} as {_ATTACHED} (read_only)")
                break
            except duckdb.IOException as error:
                if not _is_lock(error) or time.monotonic() >= end:
                    raise
                time.sleep(_RETRY_SECONDS)
        connection.execute(f"use {_ATTACHED}")

    def _load(self) -> None:
        """Load text files into a private file."""
        import duckdb

        loaded = self._snapshot.folder / _LOADED
        loaded.unlink(missing_ok=True)
        try:
            with self._connect(loaded) as connection:
                load_texts(connection, self._source.files, self._source.format, self.path.name)
        except duckdb.Error as error:
            raise self._explained(error) from None

    def _refuse_mixed_types(self) -> None:
        """Refuse Parquet files in which a column has different kinds of values."""
        import duckdb

        known: dict[str, tuple[str, Path]] = {}
        with self._connect() as connection:
            for file in self._source.files:
                parquet = f"select * from read_parquet({_in_sql(literal_pattern(file))})"  # noqa: S608 - quoted
                try:
                    described = connection.execute(f"describe {parquet}").fetchall()
                except duckdb.Error as error:
                    raise self._explained(error, file) from None
                if any(_kind(kind) == "array" for _, kind, *_ in described):
                    # Each thread may hold a page of hundreds of megabytes.
                    self._threads = 1
                for name, kind, *_ in described:
                    other, first = known.setdefault(name.lower(), (kind, file))
                    if _kind(kind) != _kind(other):
                        raise StoreError(
                            file,
                            f"column {name!r} is {kind}, but {other} in {first.name}",
                            "write both with the same type, or name only one of them",
                        )

    def _explained(self, error: BaseException | None, file: Path | None = None) -> StoreError:
        import duckdb

        message = first_line(str(error))
        path = file or self.path
        if isinstance(error, duckdb.IOException) and _is_lock(error):
            return StoreLocked(
                path,
                "is open for writing in another process, and DuckDB then lets no other read it",
                "run the review when that has closed it, or have it write a Parquet file",
            )
        if isinstance(error, duckdb.OutOfMemoryException):
            return StoreError(path, f"cannot be read with {_MEMORY} of memory ({message})")
        if "Unique file handle conflict" in str(error):
            return StoreError(path, "is open for writing in this process", "close that connection first")
        if isinstance(error, duckdb.IOException) and "space" in message.lower():
            return StoreError(path, f"cannot be read ({message})", "make room, or name --drift-snapshot-dir")
        return StoreError(path, f"cannot be read ({message})")


def _refuse_without_duckdb(source: Source) -> None:
    # SQLAlchemy finds the second by its name.
    if not all(map(find_spec, ("duckdb", "duckdb_sqlalchemy"))):
        problem = f"is read as {source.format}, which needs DuckDB"
        raise StoreError(source.named, problem, "install it with: pip install 'drift-checks[duckdb]'")


def _is_lock(error: BaseException) -> bool:
    return "lock on file" in str(error)


def _in_sql(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))


def _kind(declared: str) -> str:
    """Return which values a type stands for, so that those of several files can be one column."""
    plain = declared.partition("(")[0]
    if plain.endswith("]"):
        return "array"
    if plain.lstrip("UH").endswith("INT") or plain in ("INTEGER", "UINTEGER", "FLOAT", "DOUBLE", "DECIMAL"):
        return "number"
    return "time" if plain.startswith(("TIMESTAMP", "DATE")) else plain
