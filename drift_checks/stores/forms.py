"""The forms of timestamps and confidences in a table, decided by a look at some hundred rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from drift_checks.core.text import count, quoted
from drift_checks.stores import confidences, timestamps
from drift_checks.stores.confidences import NUMBERS, ConfidenceForm, confidence_form, scale_of
from drift_checks.stores.timestamps import ISO, TimestampForm, timestamp_form

# The rows to look at: some at each of several places.
_PLACES, _AT_EACH = 20, 25
_LOOKED_AT = _PLACES * _AT_EACH

Columns = Mapping[str, sa.ColumnClause[Any]]


@dataclass(frozen=True)
class Forms:
    """The forms of both columns, and remarks for the user on any that is unusual.

    `unusable` says why a column is treated as if the table did not have it.
    """

    timestamps: TimestampForm = ISO
    confidences: ConfidenceForm = NUMBERS
    notes: tuple[str, ...] = ()
    unusable: Mapping[str, str] = field(default_factory=dict)


def find_forms(connection: sa.Connection, table: sa.TableClause, columns: Columns, divisor: float) -> Forms:
    """Return the forms of the columns `timestamp` and `confidence`, as far as there are any, and no others.

    `divisor` is what the user divides confidences by.
    """
    looked = _look(connection, table, columns) if columns else {}
    if not looked:
        return Forms(confidences=ConfidenceForm(divisor=divisor))
    unusable: dict[str, str] = {}
    notes = []
    time_form, number_form = ISO, ConfidenceForm(divisor=divisor)
    if "timestamp" in columns:
        found = timestamp_form(looked["timestamp"])
        time_form = found or ISO
        if found is None:
            unusable["timestamp"] = _unreadable("timestamp", looked["timestamp"], timestamps.READABLE)
        elif found is not ISO:
            notes.append(f"timestamp is read as {found.name}")
    if "confidence" in columns:
        values = looked["confidence"]
        read = confidence_form(values, divisor)
        number_form = read or number_form
        numbers = [number for number in map(number_form.read, values) if number is not None]
        scale = scale_of(numbers) if numbers else None
        if read is None:
            unusable["confidence"] = _unreadable("confidence", values, confidences.READABLE)
        elif scale is not None:
            unusable["confidence"] = _other_scale(numbers, columns["confidence"].name, divisor, scale)
        elif read.name != NUMBERS.name:
            notes.append(f"confidence is read as {read.name}")
    return Forms(time_form, number_form, (*notes, *unusable.values()), unusable)


def _unreadable(ours: str, values: Sequence[object], readable: str) -> str:
    if not values:
        return f"{ours} is empty in all records, so it is not used"
    return (
        f"{ours} cannot be read, as in {quoted(values[0])}, so it is not used; readable are {readable};"
        f" name another column with --drift-columns={ours}=NAME"
    )


def _other_scale(numbers: Sequence[float], column: str, divisor: float, scale: float) -> str:
    low, high = min(numbers) * divisor, max(numbers) * divisor
    example = f"{column}/{scale * divisor:g}" if scale else "NAME"
    what = "name a column from 0 to 1 with" if not scale else "set"
    return (
        f"confidence runs from {low:g} to {high:g} in the {count(len(numbers), 'record')} looked at, not from"
        f" 0 to {divisor:g}, so it is not used; {what} --drift-columns=confidence={example}"
    )


def _look(connection: sa.Connection, table: sa.TableClause, columns: Columns) -> dict[str, list[object]]:
    """Return values of each column, without NULL, from rows all over the table; nothing if it is empty."""
    rows = _spread(connection, table, columns.values()) or _first(connection, table, columns.values())
    looked: dict[str, list[object]] = {}
    for place, (ours, stored) in enumerate(columns.items() if rows else ()):
        there = [row for row in rows if row[place] is not None]
        if there:
            looked[ours] = [row[place] for row in there]
        else:
            looked[ours] = [value for (value,) in _first(connection, table, [stored], stored.is_not(None))]
    return looked


def _spread(connection: sa.Connection, table: sa.TableClause, columns: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Return rows at several places, or nothing if rows have no numbers, as those of a view."""
    row_id: sa.ColumnClause[int] = sa.literal_column("rowid")
    query = sa.select(row_id, *columns).select_from(table).limit(_AT_EACH)
    try:
        first, last = (
            connection.execute(sa.select(end(row_id)).select_from(table)).scalar() for end in (sa.func.min, sa.func.max)
        )
        if not isinstance(first, int) or not isinstance(last, int):
            return []
        starts = [first + (last - first) * place // _PLACES for place in range(_PLACES)]
        parts = [query.where(row_id >= start).order_by(row_id) for start in starts]
        found = [row for part in (*parts, query.order_by(row_id.desc())) for row in connection.execute(part)]
    except DBAPIError:
        return []
    return list({row[0]: tuple(row[1:]) for row in found}.values())


def _first(
    connection: sa.Connection, table: sa.TableClause, columns: Iterable[Any], *conditions: sa.ColumnElement[bool]
) -> list[tuple[Any, ...]]:
    query = sa.select(*columns).select_from(table).where(*conditions).limit(_LOOKED_AT)
    return [tuple(row) for row in connection.execute(query)]
