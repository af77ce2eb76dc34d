"""The table of records, with its columns under our names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any, TypeVar

import sqlalchemy as sa

from drift_checks.core.errors import StoreError
from drift_checks.core.instants import format_instant
from drift_checks.core.records import BrokenText, Damaged, RecordId, as_name, as_text, decoded, number_in, record_id
from drift_checks.stores.columns.discovery import Wanted, find_decisions
from drift_checks.stores.columns.timestamps import ISO
from drift_checks.stores.engines.base import RecordFile

Result = TypeVar("Result")
_STREAM = 5000
# The number of rows that show the current versions; a single one may be a manual correction.
_LATEST = 200
VERSIONS = ("model_version", "prompt_version", "embedding_model")
_TEXTS = ("text", "category", "evidence", "rationale", "source", *VERSIONS)
_NAMES = ("text_hash", "chroma_id")
_AS_STORED = ("id", "embedding_json", "last_reviewed_at")


class RecordStore:
    """The decisions in a table (or view); `renamed` maps our names to the names of columns that differ from COLUMNS.

    As in SQLite, names of tables and columns match in any case. The confidence may be divided, as in
    `{"confidence": "score/100"}`. Columns that cannot be used are treated as missing; `forms` says why.

    Rows that do not meet the SQL condition `where`, or that have no id, are no decisions. Nor are `pending` rows, which
    have no category yet. `table` has only decisions, under our names; `base` is the table itself, under its own names;
    `others` are the ids of the rows that are no decisions, None without such rows.

    Raises:
        StoreError: The table or a column is missing.
        SettingError: The condition is no SQL condition on this table.
    """

    def __init__(self, file: RecordFile, name: str, renamed: Mapping[str, str], where: str | None = None) -> None:
        self.file = file
        self.where = where
        wanted = Wanted(name, renamed, where)
        found = file.read(lambda connection: find_decisions(connection, file, wanted))
        self.name, self.is_view = found.name, found.is_view
        self.columns, self.forms = found.columns, found.forms
        self.base, self.table, self.others = found.base, found.table, found.others
        self.pending = found.pending
        self._rows, self._without_id, self._categories = found.rows, found.without_id, found.categories

    @property
    def is_part(self) -> bool:
        """Whether other rows may exist beside the decisions: a view may leave out rows of its tables."""
        return self.is_view or self.where is not None or self.pending > 0

    def column(self, ours: str) -> sa.ColumnElement[Any]:
        """Return the column with our name `ours`, which the store must have."""
        return self.table.c[ours]

    def has(self, ours: str) -> bool:
        """Return whether the store has this column."""
        return ours in self.columns

    def count(self) -> int:
        """Return the number of records."""
        query = sa.select(sa.func.count()).select_from(self.table)
        return self.file.read(lambda connection: int(connection.execute(query).scalar_one()))

    def count_without_id(self, connection: sa.Connection) -> int:
        """Return the number of rows that have a category but no id."""
        return 0 if self.has_integer_key(connection) else int(connection.execute(self._without_id).scalar_one())

    def categories(self) -> tuple[str, ...]:
        """Return the categories in the store, sorted, as of its opening."""
        return self._categories

    def latest_versions(self) -> dict[str, str]:
        """Return the most frequent model, prompt and embedding model among the newest rows.

        Missing and empty columns are skipped; so are all columns of a view, whose rows have no order.
        """
        versions = [ours for ours in VERSIONS if self.has(ours)]
        # In some versions of SQLite the rows of a view have a rowid, but it is meaningless.
        if not versions or self.is_view:
            return {}
        query = self._rows.with_only_columns(*(self._rows.selected_columns[ours] for ours in versions))
        rows = self.file.read(lambda connection: self.file.dialect.newest(connection, query, _LATEST))
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
        # From the table itself: a subquery would read and convert all values of all rows in DuckDB.
        there = self._rows.selected_columns
        rows = self._rows.with_only_columns(*(there[ours] for ours in only or self.columns))
        found: dict[RecordId, dict[str, object]] = {}
        size = self.file.dialect.ids_at_once
        for start in range(0, len(ids), size):
            wanted = self.file.dialect.with_ids(there["id"], ids[start : start + size])
            query = rows.where(wanted).order_by(self.file.dialect.ordered(there["id"]))
            for row in connection.execute(query).mappings():
                key = record_id(row["id"])
                if key in found:
                    found[key]["id"] = Damaged(row["id"], "is the id of several records")
                else:
                    found[key] = {ours: self.read_value(ours, stored) for ours, stored in row.items()}
        return found

    def other_ids(self, connection: sa.Connection, ids: Sequence[RecordId]) -> set[RecordId]:
        """Return those of the ids whose rows are no decisions."""
        if self.others is None:
            return set()
        key, dialect, found = self.others.c.id, self.file.dialect, set()
        for start in range(0, len(ids), dialect.ids_at_once):
            there = dialect.with_ids(key, ids[start : start + dialect.ids_at_once])
            found |= set(map(record_id, connection.execute(sa.select(key).where(there)).scalars()))
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
        return self.file.dialect.has_integer_key(connection, self.name, self.columns["id"])

    def not_unique(self, example: RecordId) -> StoreError:
        """Return the error for ids that do not identify records."""
        return StoreError(
            self.file.path,
            f"{self.columns['id']} {example!r} occurs twice in {self.name}, as do most ids",
            "name a column of unique ids with --drift-columns=id=NAME",
        )

    def read(self, query: Callable[[sa.Connection], Result], *, timed: bool = True) -> Result:
        """Return what `query` returns, read as of one moment; without `timed`, it may take any time."""
        return self.file.read(query, timed=timed)

    def stream(self, connection: sa.Connection, *ours: str) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of every record, in pages, so that memory use does not grow with the store."""
        for page in self.pages(connection, *ours):
            yield from (tuple(map(self.read_value, ours, row)) for row in page)

    def pages(
        self, connection: sa.Connection, *ours: str, size: int = _STREAM, also: Sequence[sa.ColumnElement[Any]] = ()
    ) -> Iterator[Sequence[Sequence[Any]]]:
        """Yield these columns of every record as they are stored, and these expressions, in pages of this size."""
        query: sa.Select[Any] = sa.select(*(self.column(name) for name in ours), *also)
        yield from connection.execution_options(yield_per=size).execute(query).partitions()
