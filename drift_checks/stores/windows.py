"""The recent and the reference window of a store: their records, counted and drawn in SQL.

As with the strata, a usual timestamp well away from the bounds is compared as text or as a number; the Python function
that reads records decides about any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from drift_checks.core.records import as_text
from drift_checks.stores.columns.timestamps import ISO, TimestampForm
from drift_checks.stores.deciding import Decision, code_of_time
from drift_checks.stores.engines.base import Functions
from drift_checks.stores.expressions import Span, number_in_sql
from drift_checks.stores.parts import PartQueries
from drift_checks.stores.records import RecordStore

GROUPED = ("category", "model_version", "prompt_version", "embedding_model")


class Window(StrEnum):
    """The window that a record belongs to."""

    RECENT = "recent"
    REFERENCE = "reference"
    OUTSIDE = "outside"


_CODES = {Window.OUTSIDE: 0, Window.RECENT: 1, Window.REFERENCE: 2}
_WINDOWS = {code: window for window, code in _CODES.items()}


@dataclass(frozen=True)
class WindowBounds:
    """The beginnings of the windows, the end of the recent one, and the zone and form of the timestamps."""

    reference_from: datetime
    recent_from: datetime
    until: datetime
    naive: tzinfo
    timestamps: TimestampForm = ISO

    def code_of(self, timestamp: object) -> int:
        """Return the code of the timestamp's window; an unreadable timestamp is outside."""
        moment = self.timestamps.read(timestamp, self.naive)
        if moment is None or not self.reference_from <= moment < self.until:
            return _CODES[Window.OUTSIDE]
        return _CODES[Window.RECENT if moment >= self.recent_from else Window.REFERENCE]

    @property
    def functions(self) -> Functions:
        """The function above, for SQL."""
        return {"drift_window": self.code_of}


@dataclass(frozen=True)
class GroupCount:
    """The number of records of a window with these values of the columns GROUPED that the store has."""

    window: Window
    values: Mapping[str, str]
    number: int


def count_groups(connection: Connection, store: RecordStore, bounds: WindowBounds) -> list[GroupCount]:
    """Return the numbers of records by window, category and versions; the bounds must be registered."""
    there = [ours for ours in GROUPED if store.has(ours)]
    # Labelled with our names, because two of them may stand for the same column.
    grouped = [store.column(ours).label(f"ours_{ours}") for ours in there]
    window = _window_code(connection, store, bounds).label("ours_window")
    query = select(window, *grouped, func.count()).select_from(store.table).group_by(window, *grouped)
    return [
        GroupCount(_WINDOWS[code], dict(zip(there, map(as_text, values), strict=True)), number)
        for code, *values, number in connection.execute(query)
    ]


def tally(groups: Sequence[GroupCount], ours: str, window: Window | None = None) -> Counter[str]:
    """Return the number of records with each value of a column, in one window or in the whole store."""
    counts: Counter[str] = Counter()
    for group in groups:
        if window in (None, group.window):
            counts[group.values[ours]] += group.number
    return counts


def window_queries(connection: Connection, store: RecordStore, bounds: WindowBounds, total: int) -> PartQueries[Window]:
    """Return the windows as parts of the store."""
    columns = [ours for ours in ("timestamp",) if store.has(ours)]

    def exact_code(values: Sequence[Any]) -> int:
        return bounds.code_of(values[0]) if values else _CODES[Window.OUTSIDE]

    code = _window_code(connection, store, bounds)
    return PartQueries(connection, store, code, exact_code, columns, _WINDOWS, lambda: total)


def _window_code(connection: Connection, store: RecordStore, bounds: WindowBounds) -> ColumnElement[int]:
    if not store.has("timestamp"):
        # In GROUP BY, a bare number would be the position of a column.
        return func.abs(number_in_sql(_CODES[Window.OUTSIDE]))
    return code_of_time(
        Decision(connection, store, "timestamp", "drift_window", bounds.code_of),
        bounds.timestamps,
        bounds.naive,
        Span(_CODES[Window.REFERENCE], bounds.reference_from, bounds.recent_from),
        Span(_CODES[Window.RECENT], bounds.recent_from, bounds.until),
        Span(_CODES[Window.OUTSIDE], end=bounds.reference_from),
        Span(_CODES[Window.OUTSIDE], start=bounds.until),
    )
