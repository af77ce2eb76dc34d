"""SQL expressions for the strata and windows of a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, literal_column, or_, true

from drift_checks.stores.columns.timestamps import ISO, Count, TimestampForm
from drift_checks.stores.engines.base import Dialect
from drift_checks.stores.engines.column_types import Moment

# No offset from UTC is as large as a day.
_DAY = timedelta(days=1)
# Numbers may be rounded.
_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
# The ends of timestamps with seconds.
_NAIVE = r":[0-9][0-9]([.][0-9]{1,9})?$"
_IN_UTC = rf"{_NAIVE[:-1]}(Z| ?UTC|[+-]00:00)$"
WHITE_SPACE = " \t\n\r\v\f"


@dataclass(frozen=True)
class Span:
    """The code of the timestamps from one instant up to another; None is the beginning or the end of time."""

    code: int
    start: datetime | None = None
    end: datetime | None = None


def by_time(
    dialect: Dialect,
    stored: ColumnElement[Any],
    form: TimestampForm,
    naive: tzinfo,
    exact_code: ColumnElement[int],
    unreadable: ColumnElement[int],
    *spans: Span,
) -> ColumnElement[int]:
    """Return a fast expression for the code of a timestamp of this form; `exact_code` decides near the bounds.

    Numbers are compared as numbers, and timestamps as timestamps, in the zone `naive` if they have none. Texts in ISO
    8601 are compared as texts, if they begin with an existing date that is not at either end of the calendar.
    `exact_code` decides about all others.
    """
    if isinstance(form, Count):
        number = dialect.as_number(stored)
        is_usual = and_(number >= _literal(form.first), number < _literal(form.end))
        return case((is_usual, case(*_by_number(number, form, spans), else_=exact_code)), else_=exact_code)
    if form is not ISO:
        return exact_code
    if isinstance(stored.type, Moment):
        return _by_moment(stored, stored.type, naive, exact_code, unreadable, spans)
    as_text = dialect.text(stored)
    is_extreme = or_(as_text < text_in_sql("0002"), as_text >= text_in_sql("9999"))
    cases = [(is_extreme, exact_code), *_by_text(as_text, spans)]
    if not dialect.in_process:
        cases += _by_second(dialect, as_text, naive, spans)
    return case((dialect.begins_with_date(stored), case(*cases, else_=exact_code)), else_=exact_code)


def _by_text(
    text: ColumnElement[str], spans: tuple[Span, ...]
) -> Iterator[tuple[ColumnElement[bool], ColumnElement[int]]]:
    for span in spans:
        after = true() if span.start is None else text >= _date_in_sql(span.start + 2 * _DAY)
        before = true() if span.end is None else text < _date_in_sql(span.end - _DAY)
        yield and_(after, before), number_in_sql(span.code)


def _by_second(
    dialect: Dialect, text: ColumnElement[str], naive: tzinfo, spans: tuple[Span, ...]
) -> Iterator[tuple[ColumnElement[bool], ColumnElement[int]]]:
    """Yield the codes of texts in UTC or without an offset that are a second or more away from the bounds."""
    seconds = func.replace(func.substr(text, number_in_sql(1), number_in_sql(19)), text_in_sql("T"), text_in_sql(" "))
    for pattern, zone in (_IN_UTC, UTC), (_NAIVE, naive):
        kind = dialect.matches(text, pattern)
        for span in spans:
            start, end = (None if bound is None else _local_bounds(bound, zone) for bound in (span.start, span.end))
            after = true() if start is None else seconds > text_in_sql(f"{start[1] + _SECOND:%Y-%m-%d %H:%M:%S}")
            before = true() if end is None else seconds < text_in_sql(f"{end[0] - _SECOND:%Y-%m-%d %H:%M:%S}")
            yield and_(kind, after, before), number_in_sql(span.code)


def _by_moment(
    stored: ColumnElement[Any],
    kind: Moment,
    naive: tzinfo,
    exact_code: ColumnElement[int],
    unreadable: ColumnElement[int],
    spans: tuple[Span, ...],
) -> ColumnElement[int]:
    """Return the code of timestamps, exactly, but for the hours at a bound at which clocks were changed."""
    zone = UTC if kind.zoned else naive

    def in_sql(moment: datetime) -> ColumnElement[Any]:
        return literal(moment.replace(tzinfo=UTC if kind.zoned else None), kind)

    # Whoever is ahead of UTC begins the calendar later than UTC does.
    first = datetime.min + max(timedelta(), zone.utcoffset(datetime.min) or timedelta())
    last = datetime.max + min(timedelta(), zone.utcoffset(datetime.max) or timedelta())
    cases: list[tuple[ColumnElement[bool], ColumnElement[int]]] = [
        (or_(stored < in_sql(first), stored > in_sql(last)), unreadable)
    ]
    is_certain = True
    for span in spans:
        start, end = (None if bound is None else _local_bounds(bound, zone) for bound in (span.start, span.end))
        is_certain = is_certain and all(bound is None or bound[0] == bound[1] for bound in (start, end))
        after = true() if start is None else stored >= in_sql(start[1])
        before = true() if end is None else stored < in_sql(end[0])
        cases.append((and_(after, before), number_in_sql(span.code)))
    return case(*cases, else_=unreadable if is_certain else exact_code)


def _local_bounds(moment: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the first and the last time that clocks in this zone can show at that moment, by their offsets near it."""
    moments = (moment + hours * _HOUR for hours in range(-48, 49, 6))
    offsets = [near.astimezone(zone).utcoffset() or timedelta() for near in moments]
    there = moment.astimezone(UTC).replace(tzinfo=None)
    return there + min(offsets), there + max(offsets)


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
