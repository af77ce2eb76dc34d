"""The table of records, with its columns under our names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from types import UnionType
from typing import Any, TypeVar

import sqlalchemy as sa

from drift_checks.core.errors import StoreError, nearest
from drift_checks.core.instants import format_instant
from drift_checks.core.records import (
    COLUMNS,
    INDISPENSABLE,
    BrokenText,
    Damaged,
    RecordId,
    as_name,
    as_text,
    decoded,
    number_in,
    record_id,
    stored_ids,
)
from drift_checks.stores.forms import Forms, find_forms
from drift_checks.stores.sqlite import SqliteFile, columns_of
from drift_checks.stores.timestamps import ISO

Result = TypeVar("Result")
_PAGE = 500
_STREAM = 5000
# The number of rows that show the current versions; a single one may be a manual correction.
_LATEST = 200
VERSIONS = ("model_version", "prompt_version", "embedding_model")
_TEXTS = ("text", "category", "evidence", "rationale", "source", *VERSIONS)
_NAMES = ("text_hash", "chroma_id")
_AS_STORED = ("id", "embedding_json", "last_reviewed_at")


class RecordStore:
    """The table (or view) of records; `renamed` maps our names to the names of columns that differ from COLUMNS.

    As in SQLite, names of tables and columns match in any case. The confidence may be divided, as in
    `{"confidence": "score/100"}`. Columns that cannot be used are treated as missing; `forms` says why.

    Raises:
        StoreError: The table or a column is missing.
    """

    def __init__(self, file: SqliteFile, name: str, renamed: Mapping[str, str]) -> None:
        self.file = file
        self.name = name
        # A view may leave out rows of its tables, and its rows have no order.
        self.is_view = False
        self.columns, self.forms = file.read(lambda connection: self._examine(connection, renamed))
        self.table: sa.TableClause = _table(self.name, self.columns)

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
        return tuple(sorted({as_text(category) for category in found if category is not None}))

    def latest_versions(self) -> dict[str, str]:
        """Return the most frequent model, prompt and embedding model among the newest rows.

        Missing and empty columns are skipped; so are all columns of a view, whose rows have no order.
        """
        versions = [ours for ours in VERSIONS if self.has(ours)]
        # In some versions of SQLite the rows of a view have a rowid, but it is meaningless.
        if not versions or self.is_view:
            return {}
        row_id: sa.ColumnClause[int] = sa.literal_column("rowid")
        query = sa.select(*map(self.column, versions)).order_by(row_id.desc()).limit(_LATEST)
        try:
            rows = self.file.read(lambda connection: connection.execute(query).all())
        except StoreError:
            return {}
        by_column = zip(versions, zip(*rows, strict=True), strict=False)
        found = ((ours, Counter(as_text(value) for value in values if value)) for ours, values in by_column)
        return {ours: counts.most_common(1)[0][0] for ours, counts in found if counts}

    def rows(
        self, connection: sa.Connection, ids: Sequence[RecordId], only: Sequence[str] = ()
    ) -> dict[RecordId, dict[str, object]]:
        """Return the rows with these ids, by id, under our names, as a Record has them; unknown ids are skipped.

        `only` names the columns to read, including the id. Of several rows with the same id, the first is returned, and
        its id is Damaged.
        """
        columns = [self.column(ours).label(ours) for ours in only or self.columns]
        found: dict[RecordId, dict[str, object]] = {}
        for start in range(0, len(ids), _PAGE):
            there = self.column("id").in_(list(stored_ids(ids[start : start + _PAGE])))
            for row in connection.execute(sa.select(*columns).where(there)).mappings():
                key = record_id(row["id"])
                if key in found:
                    found[key]["id"] = Damaged(row["id"], "is the id of several records")
                else:
                    found[key] = {ours: self.read_value(ours, stored) for ours, stored in row.items()}
        return found

    def read_value(self, ours: str, stored: object) -> object:
        """Return a value of the column with our name `ours` as a Record has it."""
        if stored is None or ours in _AS_STORED:
            return stored
        if ours == "confidence":
            number = self.forms.confidences.read(stored)
            return Damaged(stored, "is not a number") if number is None else number
        if ours == "timestamp" and self.forms.timestamps is not ISO:
            moment = self.forms.timestamps.read(stored, UTC)
            return Damaged(stored, "is not readable") if moment is None else format_instant(moment)
        if ours in _NAMES:
            return as_name(stored)
        if ours not in _TEXTS and ours != "timestamp":
            return number_in(stored) if isinstance(stored, bytes) else stored
        text = decoded(stored) if isinstance(stored, bytes) else stored
        return Damaged(stored, "is not UTF-8") if isinstance(text, BrokenText) else text

    def has_integer_key(self, connection: sa.Connection) -> bool:
        """Return whether the id is an integer primary key."""
        key = [found for found in columns_of(connection, self.name) if found.get("primary_key")]
        return [found["name"] for found in key] == [self.columns["id"]] and isinstance(key[0]["type"], sa.Integer)

    def has_index(self, connection: sa.Connection, ours: str, kind: type[Any] | UnionType) -> bool:
        """Return whether there is an index on this column alone, and whether its declared type is of this kind."""
        indexes = sa.inspect(connection).get_indexes(self.name)
        if not any(index["column_names"] == [self.columns.get(ours)] for index in indexes):
            return False
        types = {found["name"]: found["type"] for found in columns_of(connection, self.name)}
        return isinstance(types[self.columns[ours]], kind)

    def row_bytes(self, connection: sa.Connection) -> float:
        """Return the approximate size of a row in bytes, if the table makes up most of the file."""
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        page = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        rows = connection.execute(sa.select(sa.func.count()).select_from(self.table)).scalar_one()
        return float(pages * page / max(1, rows))

    def not_unique(self, example: RecordId) -> StoreError:
        """Return the error for ids that do not identify records."""
        return StoreError(
            self.file.path,
            f"{self.columns['id']} {example!r} occurs twice in {self.name}, as do most ids",
            "name a column of unique ids with --drift-columns=id=NAME",
        )

    def read(self, query: Callable[[sa.Connection], Result]) -> Result:
        """Return what `query` returns, read as of one moment."""
        return self.file.read(query)

    def stream(self, connection: sa.Connection, *ours: str) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of every record, in pages, so that memory use does not grow with the store."""
        query: sa.Select[Any] = sa.select(*(self.column(name) for name in ours))
        for page in connection.execution_options(yield_per=_STREAM).execute(query).partitions():
            yield from (tuple(map(self.read_value, ours, row)) for row in page)

    def _examine(self, connection: sa.Connection, renamed: Mapping[str, str]) -> tuple[dict[str, str], Forms]:
        """Find the table; return its columns that can be used, and their forms."""
        inspector = sa.inspect(connection)
        views = inspector.get_view_names()
        tables = [*inspector.get_table_names(), *views]
        name, found = self.name, _in_any_case(self.name, tables)
        if found is None:
            raise StoreError(
                self.file.path,
                f"has no table {name!r} (it has {', '.join(sorted(tables)) or 'none'})",
                "name the table with --drift-table=NAME",
                nearest(name, tables),
            )
        self.name, self.is_view = found, found in views
        there = [str(column["name"]) for column in columns_of(connection, found)]
        renamed, divisor = _divided(renamed, there)
        columns = {ours: theirs for ours in COLUMNS if (theirs := self._find_column(ours, renamed, there))}
        formed: dict[str, sa.ColumnClause[Any]] = {
            ours: sa.column(theirs) for ours, theirs in columns.items() if ours in ("timestamp", "confidence")
        }
        forms = find_forms(connection, _table(found, columns), formed, divisor)
        return {ours: theirs for ours, theirs in columns.items() if ours not in forms.unusable}, forms

    def _find_column(self, ours: str, renamed: Mapping[str, str], there: list[str]) -> str | None:
        theirs = renamed.get(ours, ours)
        found = _in_any_case(theirs, there)
        if found is not None or (ours not in renamed and ours not in INDISPENSABLE):
            return found
        raise StoreError(
            self.file.path,
            f"table {self.name!r} has no column {theirs!r} (it has {', '.join(there)})",
            f"name the column with --drift-columns={ours}=NAME",
            nearest(theirs, there),
        )


def _table(name: str, columns: Mapping[str, str]) -> sa.TableClause:
    return sa.table(name, *map(sa.column, dict.fromkeys(columns.values())))


def _in_any_case(name: str, names: Sequence[str]) -> str | None:
    """Return the name as it is spelled among these names, preferably in the same case."""
    if name in names:
        return name
    return next((other for other in names if other.lower() == name.lower()), None)


def _divided(renamed: Mapping[str, str], there: Sequence[str]) -> tuple[Mapping[str, str], float]:
    """Return the names without a divisor of the confidence, and that divisor."""
    theirs = renamed.get("confidence", "")
    column, _, divisor = theirs.rpartition("/")
    if not column or _in_any_case(theirs, there) is not None:
        return renamed, 1.0
    try:
        return {**renamed, "confidence": column.strip()}, float(divisor)
    except ValueError:
        return renamed, 1.0
