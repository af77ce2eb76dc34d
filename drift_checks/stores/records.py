"""The table of records, with its columns under our names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, TypeVar

import sqlalchemy as sa

from drift_checks.core.errors import StoreError, nearest
from drift_checks.core.records import COLUMNS, INDISPENSABLE, RecordId, as_text
from drift_checks.stores.sqlite import SqliteFile

Result = TypeVar("Result")
_PAGE = 500
_STREAM = 5000
# The number of rows that show the current versions; a single one may be a manual correction.
_LATEST = 200
VERSIONS = ("model_version", "prompt_version", "embedding_model")


class RecordStore:
    """The table (or view) of records; `renamed` maps our names to the names of columns that differ from COLUMNS.

    Raises:
        StoreError: The table or a column is missing.
    """

    def __init__(self, file: SqliteFile, name: str, renamed: Mapping[str, str]) -> None:
        self.file = file
        self.name = name
        self.columns = file.read(lambda connection: self._find_columns(connection, renamed))
        self.table: sa.TableClause = sa.table(name, *(sa.column(theirs) for theirs in self.columns.values()))

    def column(self, ours: str) -> sa.ColumnClause[Any]:
        """Return the column with our name `ours`, which the store must have."""
        return self.table.c[self.columns[ours]]

    def has(self, ours: str) -> bool:
        """Return whether the store has this column."""
        return ours in self.columns

    def count(self) -> int:
        """Return the number of records."""
        query = sa.select(sa.func.count()).select_from(self.table).where(self.column("id").is_not(None))
        return self.file.read(lambda connection: int(connection.execute(query).scalar_one()))

    def categories(self) -> tuple[str, ...]:
        """Return the categories in the store, sorted."""
        query = sa.select(self.column("category")).distinct()
        found = self.file.read(lambda connection: connection.execute(query).scalars().all())
        return tuple(sorted(str(category) for category in found if category is not None))

    def latest_versions(self) -> dict[str, str]:
        """Return the most frequent model, prompt and embedding model among the newest rows.

        Missing and empty columns are skipped; so are all columns of a view, whose rows have no order.
        """
        versions = [ours for ours in VERSIONS if self.has(ours)]
        if not versions:
            return {}
        row_id: sa.ColumnClause[int] = sa.literal_column("rowid")
        query = sa.select(*map(self.column, versions)).order_by(row_id.desc()).limit(_LATEST)

        def latest(connection: sa.Connection) -> Sequence[Any]:
            # In some versions of SQLite the rows of a view have a rowid, but it is meaningless.
            has_order = self.name in sa.inspect(connection).get_table_names()
            return connection.execute(query).all() if has_order else ()

        try:
            rows = self.file.read(latest)
        except StoreError:
            return {}
        by_column = zip(versions, zip(*rows, strict=True), strict=False)
        found = ((ours, Counter(as_text(value) for value in values if value)) for ours, values in by_column)
        return {ours: counts.most_common(1)[0][0] for ours, counts in found if counts}

    def rows(
        self, connection: sa.Connection, ids: Sequence[RecordId | str], only: Sequence[str] = ()
    ) -> dict[RecordId, dict[str, object]]:
        """Return the rows with these ids, by id, under our names; unknown ids are skipped.

        `only` names the columns to read, including the id. Raises StoreError if two rows have the same id.
        """
        columns = [self.column(ours).label(ours) for ours in only or self.columns]
        found: dict[RecordId, dict[str, object]] = {}
        for start in range(0, len(ids), _PAGE):
            query = sa.select(*columns).where(self.column("id").in_(ids[start : start + _PAGE]))
            for row in connection.execute(query).mappings():
                if row["id"] in found:
                    raise self.not_unique(f"{self.columns['id']} {row['id']!r}")
                found[row["id"]] = dict(row)
        return found

    def has_integer_key(self, connection: sa.Connection) -> bool:
        """Return whether the id is an integer primary key."""
        inspector = sa.inspect(connection)
        key = inspector.get_pk_constraint(self.name)["constrained_columns"]
        return key == [self.columns["id"]] and isinstance(self._types(connection)["id"], sa.Integer)

    def has_index(self, connection: sa.Connection, ours: str, kind: type[Any] | UnionType) -> bool:
        """Return whether there is an index on this column alone, and whether its declared type is of this kind."""
        indexes = sa.inspect(connection).get_indexes(self.name)
        if not any(index["column_names"] == [self.columns.get(ours)] for index in indexes):
            return False
        return isinstance(self._types(connection)[ours], kind)

    def row_bytes(self, connection: sa.Connection) -> float:
        """Return the approximate size of a row in bytes, if the table makes up most of the file."""
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        page = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        rows = connection.execute(sa.select(sa.func.count()).select_from(self.table)).scalar_one()
        return float(pages * page / max(1, rows))

    def not_unique(self, example: str | None = None) -> StoreError:
        """Return the error for an id that is not unique."""
        return StoreError(
            self.file.path,
            f"{example or 'a value of ' + self.columns['id']} occurs twice in {self.name}",
            "name a column of unique ids with --drift-columns id=NAME",
        )

    def read(self, query: Callable[[sa.Connection], Result]) -> Result:
        """Return what `query` returns, read as of one moment."""
        return self.file.read(query)

    def stream(self, connection: sa.Connection, *ours: str) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of every record, in pages, so that memory use does not grow with the store."""
        query: sa.Select[Any] = sa.select(*(self.column(name) for name in ours))
        for page in connection.execution_options(yield_per=_STREAM).execute(query).partitions():
            yield from (tuple(row) for row in page)

    def _types(self, connection: sa.Connection) -> dict[str, object]:
        found = {item["name"]: item["type"] for item in sa.inspect(connection).get_columns(self.name)}
        return {ours: found[theirs] for ours, theirs in self.columns.items()}

    def _find_columns(self, connection: sa.Connection, renamed: Mapping[str, str]) -> dict[str, str]:
        inspector = sa.inspect(connection)
        tables = [*inspector.get_table_names(), *inspector.get_view_names()]
        if self.name not in tables:
            raise StoreError(
                self.file.path,
                f"has no table {self.name!r} (it has {', '.join(sorted(tables)) or 'none'})",
                "name the table with --drift-table NAME",
                nearest(self.name, tables),
            )
        there = [str(found["name"]) for found in inspector.get_columns(self.name)]
        return {ours: theirs for ours in COLUMNS if (theirs := self._find_column(ours, renamed, there))}

    def _find_column(self, ours: str, renamed: Mapping[str, str], there: list[str]) -> str | None:
        theirs = renamed.get(ours, ours)
        if theirs in there:
            return theirs
        if ours not in renamed and ours not in INDISPENSABLE:
            return None
        raise StoreError(
            self.file.path,
            f"table {self.name!r} has no column {theirs!r} (it has {', '.join(there)})",
            f"name the column with --drift-columns {ours}=NAME",
            nearest(theirs, there),
        )
