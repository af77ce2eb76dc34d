"""The decisions in a file: its table, its columns, and which of its rows are decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from drift_checks.core.errors import SettingError, StoreError, nearest
from drift_checks.core.records import COLUMNS, INDISPENSABLE, as_text
from drift_checks.core.text import printable
from drift_checks.stores.columns.forms import Forms, find_forms
from drift_checks.stores.embeddings import PACKED
from drift_checks.stores.engines.base import RecordFile

ROW_ID = "rowid"
_BY_NUMBER = "the id of a record is its number in the file, from 1, and changes if records are added before it"


@dataclass(frozen=True)
class Wanted:
    """What the user says about the table.

    Attributes:
        renamed: The names of columns that differ from COLUMNS, by our names.
        where: A SQL condition that only decisions meet.
    """

    table: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None


@dataclass(frozen=True)
class Decisions:
    """The rows that are decisions: they have an id and a category, and meet the user's condition.

    Attributes:
        columns: The names of the columns that can be used, by our names.
        base: The table itself, with all its rows.
        table: The decisions only, with the same columns, and the vectors as PACKED.
        rows: A selection of the decisions from the table itself.
        others: The ids, and the ids of entries in Chroma, of all rows that are no decisions; None if there is none.
        without_id: A count of the rows that lack only the id.
        categories: The categories of the decisions, sorted.
        pending: The number of rows without a category that would be decisions otherwise.
    """

    name: str
    is_view: bool
    columns: Mapping[str, str]
    base: sa.TableClause
    table: sa.Subquery
    rows: sa.Select[Any]
    others: sa.Subquery | None
    without_id: sa.Select[Any]
    categories: tuple[str, ...]
    pending: int
    forms: Forms


def find_decisions(connection: sa.Connection, file: RecordFile, wanted: Wanted) -> Decisions:
    """Find the table, its columns and its decisions.

    Raises:
        StoreError: The table or a column is missing.
        SettingError: The user's condition is no SQL condition on this table.
    """
    tables, views = file.dialect.tables(connection)
    name = file.only_table or _find_table(file, wanted.table, [*tables, *views])
    types = file.dialect.columns(connection, name)
    renamed, divisor = _divided(wanted.renamed, list(types))
    columns = {ours: theirs for ours in COLUMNS if (theirs := _find_column(file, name, ours, renamed, list(types)))}
    base = file.dialect.table(
        name, *(sa.column(theirs, types.get(theirs)) for theirs in dict.fromkeys(columns.values()))
    )
    read = {ours: file.dialect.projected(connection, ours, base.c[theirs]) for ours, theirs in columns.items()}
    packed = {PACKED: base.c[columns["embedding_json"]]} if "embedding_json" in columns else {}
    read |= {ours: file.dialect.projected(connection, ours, column) for ours, column in packed.items()}
    key, category = read["id"], read["category"]
    # A comment at its end must not hide the parenthesis.
    chosen: list[sa.ColumnElement[bool]] = [] if wanted.where is None else [sa.literal_column(f"({wanted.where}\n)")]
    found = _categories(connection, file, sa.select().select_from(base).where(*chosen), category, wanted.where)
    blank = [stored for stored in found if not as_text(stored).strip()]
    named = [stored for stored in blank if stored is not None]
    is_pending = sa.or_(category.is_(None), category.in_(named)) if named else category.is_(None)
    decided = [*chosen, sa.not_(is_pending)] if blank else chosen
    counted = sa.select(sa.func.count()).select_from(base)
    pending = connection.execute(counted.where(key.is_not(None), *chosen, is_pending)).scalar_one() if blank else 0
    rows = sa.select().select_from(base).where(key.is_not(None), *decided)
    formed: dict[str, sa.ColumnElement[Any]] = {
        ours: read[ours].label(columns[ours]) for ours in ("timestamp", "confidence") if ours in read
    }
    forms = find_forms(connection, file.dialect, rows, formed, divisor)
    if columns["id"] not in types:
        forms = replace(forms, notes=(f"there is no column of ids, so {_BY_NUMBER}", *forms.notes))
    usable = {ours: theirs for ours, theirs in columns.items() if ours not in forms.unusable}
    return Decisions(
        name=name,
        is_view=name in views,
        columns=usable,
        base=base,
        table=rows.with_only_columns(*(read[ours].label(ours) for ours in (*usable, *packed))).subquery("decisions"),
        rows=rows.with_only_columns(*(read[ours].label(ours) for ours in usable)),
        others=_others(base, read, decided) if decided else None,
        without_id=counted.where(key.is_(None), *decided),
        categories=tuple(sorted({as_text(stored) for stored in found} - {as_text(stored) for stored in blank})),
        pending=int(pending),
        forms=forms,
    )


def _others(
    base: sa.TableClause, read: Mapping[str, sa.ColumnElement[Any]], decided: Sequence[sa.ColumnElement[bool]]
) -> sa.Subquery:
    # A condition that is NULL is not met either.
    is_other = sa.case((sa.and_(*decided), sa.literal_column("1"))).is_(None)
    columns = [read[ours].label(ours) for ours in ("id", "chroma_id") if ours in read]
    return sa.select(*columns).select_from(base).where(is_other).subquery("others")


def _categories(
    connection: sa.Connection,
    file: RecordFile,
    rows: sa.Select[Any],
    category: sa.ColumnElement[Any],
    where: str | None,
) -> Sequence[Any]:
    """Return all values in the column of categories, after SQL has accepted the user's condition."""
    try:
        if where is not None:
            # In parentheses, `a) or (b` would be accepted too.
            alone: sa.ColumnElement[int] = sa.literal_column(f"case when {where}\n then 1 end")
            connection.execute(rows.with_only_columns(alone).limit(0))
        return connection.execute(rows.with_only_columns(category).distinct()).scalars().all()
    except DBAPIError as error:
        if where is None or not file.is_wrong_sql(error):
            raise
        raise SettingError(
            "where",
            f"{where!r} is no condition on the rows of {file.path} ({printable(_first_line(error.orig), 200)})",
            "write it as after WHERE in SQL, as in --drift-where=\"status = 'done'\"",
        ) from None


def _first_line(error: BaseException | None) -> str:
    # The others show the place in a query that the user did not write.
    arguments = [part for part in getattr(error, "args", ()) if isinstance(part, str)]
    return (arguments[-1] if arguments else str(error)).partition("\n")[0]


def _find_table(file: RecordFile, wanted: str, tables: Sequence[str]) -> str:
    found = _in_any_case(wanted, tables)
    if found is not None:
        return found
    raise StoreError(
        file.path,
        f"has no table {wanted!r} (it has {', '.join(sorted(tables)) or 'none'})",
        "name the table with --drift-table=NAME",
        nearest(wanted, tables),
    )


def _find_column(
    file: RecordFile, table: str, ours: str, renamed: Mapping[str, str], there: Sequence[str]
) -> str | None:
    theirs = renamed.get(ours, ours)
    found = _in_any_case(theirs, there)
    if found is None and ours == "id" and theirs.lower() == ROW_ID:
        # SQLite numbers the rows of a table without an id.
        return ROW_ID
    if found is not None or (ours not in renamed and ours not in INDISPENSABLE):
        return found
    if ours == "id" and ours not in renamed and file.row_id is not None:
        return file.row_id
    where = "" if file.only_table else f"table {table!r} "
    raise StoreError(
        file.path,
        f"{where}has no column {theirs!r} (it has {', '.join(map(printable, there))})",
        f"name the column with --drift-columns={ours}=NAME",
        nearest(theirs, there),
    )


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
