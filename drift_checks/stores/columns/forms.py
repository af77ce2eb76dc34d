"""The forms of timestamps and confidences in a table, decided by a look at some hundred rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from drift_checks.core.text import count, quoted
from drift_checks.stores.columns import confidences, timestamps
from drift_checks.stores.columns.confidences import NUMBERS, ConfidenceForm, confidence_form, scale_of
from drift_checks.stores.columns.timestamps import ISO, TimestampForm, timestamp_form
from drift_checks.stores.engines.base import Dialect

# The rows to look at: some at each of several places.
_PLACES, _AT_EACH = 20, 25
_LOOKED_AT = _PLACES * _AT_EACH

Columns = Mapping[str, sa.ColumnElement[Any]]


@dataclass(frozen=True)
class Forms:
    """The forms of both columns, and remarks for the user on any that is unusual.

    `unusable` says why a column is treated as if the table did not have it.
    """

    timestamps: TimestampForm = ISO
    confidences: ConfidenceForm = NUMBERS
    notes: tuple[str, ...] = ()
    unusable: Mapping[str, str] = field(default_factory=dict)


def find_forms(
    connection: sa.Connection, dialect: Dialect, rows: sa.Select[Any], columns: Columns, divisor: float
) -> Forms:
    """Return the forms of the columns `timestamp` and `confidence`, as far as there are any, and no others.

    `rows` selects the records; `divisor` is what the user divides confidences by.
    """
    looked = _look(connection, dialect, rows, columns) if columns else {}
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


def _look(
    connection: sa.Connection, dialect: Dialect, rows: sa.Select[Any], columns: Columns
) -> dict[str, list[object]]:
    """Return values of each column, without NULL, from rows all over the table; nothing if it is empty."""
    query = rows.with_only_columns(*columns.values())
    found = dialect.spread(connection, query, _PLACES, _AT_EACH) or _first(connection, query)
    looked: dict[str, list[object]] = {}
    for place, (ours, stored) in enumerate(columns.items() if found else ()):
        there = [row[place] for row in found if row[place] is not None]
        alone = rows.with_only_columns(stored).where(stored.is_not(None))
        looked[ours] = there or [value for (value,) in _first(connection, alone)]
    return looked


def _first(connection: sa.Connection, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
    return connection.execute(query.limit(_LOOKED_AT)).all()
