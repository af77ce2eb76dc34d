"""SQL expressions for the strata and windows of a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal_column, or_, true

from drift_checks.stores.engines import Dialect
from drift_checks.stores.timestamps import ISO, Count, TimestampForm

# No offset from UTC is as large as a day.
_DAY = timedelta(days=1)
# Numbers may be rounded.
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Span:
    """The code of the timestamps from one instant up to another; None is the beginning or the end of time."""

    code: int
    start: datetime | None = None
    end: datetime | None = None


def by_time(
    dialect: Dialect, stored: ColumnElement[Any], form: TimestampForm, exact_code: ColumnElement[int], *spans: Span
) -> ColumnElement[int]:
    """Return a fast expression for the code of a timestamp of this form; `exact_code` decides near the bounds.

    Numbers are compared as numbers. Texts in ISO 8601 are compared as texts, if they begin with an existing date that
    is not at either end of the calendar. `exact_code` decides about all others.
    """
    if isinstance(form, Count):
        number = dialect.as_number(stored)
        is_usual = and_(number >= _literal(form.first), number < _literal(form.end))
        return case((is_usual, case(*_by_number(number, form, spans), else_=exact_code)), else_=exact_code)
    if form is not ISO:
        return exact_code
    as_text = dialect.text(stored)
    is_extreme = or_(as_text < text_in_sql("0002"), as_text >= text_in_sql("9999"))
    cases = [(is_extreme, exact_code), *_by_text(as_text, spans)]
    return case((dialect.begins_with_date(stored), case(*cases, else_=exact_code)), else_=exact_code)


def _by_text(
    text: ColumnElement[str], spans: tuple[Span, ...]
) -> Iterator[tuple[ColumnElement[bool], ColumnElement[int]]]:
    for span in spans:
        after = true() if span.start is None else text >= _date_in_sql(span.start + 2 * _DAY)
        before = true() if span.end is None else text < _date_in_sql(span.end - _DAY)
        yield and_(after, before), number_in_sql(span.code)


def _by_number(
    number: ColumnElement[Any], form: Count, spans: tuple[Span, ...]
) -> Iterator[tuple[ColumnElement[bool], ColumnElement[int]]]:
    for span in spans:
        after = true() if span.start is None else number >= _literal(form.number(span.start + _SECOND))
        before = true() if span.end is None else number < _literal(form.number(span.end - _SECOND))
        yield and_(after, before), number_in_sql(span.code)


# Constants are part of the SQL, because SQLite loads a bound parameter again for each row.
def number_in_sql(value: int) -> ColumnElement[int]:
    """Return the number as a literal."""
    return literal_column(str(value))


def _literal(value: float) -> ColumnElement[float]:
    return literal_column(repr(value))


def _date_in_sql(moment: datetime) -> ColumnElement[str]:
    return text_in_sql(moment.date().isoformat())


def text_in_sql(value: str) -> ColumnElement[str]:
    """Return the text, which contains no quotes, as a literal."""
    return literal_column(f"'{value}'")
