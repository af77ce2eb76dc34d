"""Scales from values to positions, and the round values that label an axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor, log10

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTES = (1, 5, 15, 30, 60, 180, 360, 720)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 3, 6, 12, 24, 60, 120)


@dataclass(frozen=True)
class Scale:
    """A linear scale from `low`–`high` to `start`–`end`; if `low` equals `high`, it returns the middle."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the position of the value, clamped to the ends."""
        if self.high <= self.low:
            return (self.start + self.end) / 2
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)


def step_of(span: float, about: int) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that divides the span into at most `about` parts."""
    if span <= 0:
        return 1.0
    power = 10.0 ** floor(log10(span / about))
    return next((factor * power for factor in (1, 2, 5) if span / (factor * power) <= about * 1.0001), 10 * power)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return the round values from low to high."""
    step = step_of(high - low, about)
    first, last = ceil(low / step - 1e-6), floor(high / step + 1e-6)
    return [round(number * step, 12) for number in range(first, last + 1)]


def round_down(value: float, step: float) -> float:
    """Return the largest multiple of the step that is not above the value."""
    return round(floor(value / step + 1e-6) * step, 12)


def round_up(value: float, about: int = 5) -> float:
    """Return a round value at or above it, which an axis from 0 divides into about that many parts."""
    step = step_of(value, about)
    return round(ceil(value / step - 1e-6) * step, 12)


def in_utc(moment: datetime) -> datetime:
    """Return the moment in UTC; one without a zone is read as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def day(moment: datetime) -> str:
    """Return the day in UTC, as in `24 Nov 2026`."""
    moment = in_utc(moment)
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def time_ticks(first: datetime, last: datetime, about: int = 7) -> list[tuple[datetime, str]]:
    """Return round moments from first to last, at most about that many, each with its label."""
    first, last = in_utc(first), in_utc(last)
    span = last - first
    if span <= timedelta(0):
        return []
    for minutes in _MINUTES:
        if span / timedelta(minutes=minutes) <= about:
            return [(tick, _hour(tick)) for tick in _every(first, last, timedelta(minutes=minutes))]
    for days in _DAYS:
        if span / timedelta(days=days) <= about:
            return _with_years([(tick, day(tick)[:-5]) for tick in _every(first, last, timedelta(days=days))])
    return _by_months(first, last, about)


def _every(first: datetime, last: datetime, step: timedelta) -> Iterator[datetime]:
    # A Monday, so that weeks start on Mondays.
    origin = datetime(2001, 1, 1, tzinfo=UTC)
    tick = origin + -((origin - first) // step) * step
    while tick <= last:
        yield tick
        tick += step


def _hour(moment: datetime) -> str:
    if moment.hour == moment.minute == 0:
        return f"{moment.day} {MONTHS[moment.month - 1]}"
    return f"{moment:%H:%M}"


def _with_years(labelled: list[tuple[datetime, str]]) -> list[tuple[datetime, str]]:
    """Add the year to the first label of each year."""
    years = [None, *(moment.year for moment, _ in labelled)]
    return [
        (moment, label if moment.year == before else f"{label} {moment.year}")
        for before, (moment, label) in zip(years, labelled, strict=False)
    ]


def _by_months(first: datetime, last: datetime, about: int) -> list[tuple[datetime, str]]:
    begins, ends = (moment.year * 12 + moment.month - 1 for moment in (first, last))
    step = next((months for months in _MONTHS if (ends - begins) / months <= about), _MONTHS[-1])
    moments = [
        datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        for month in range(-(-begins // step) * step, ends + 1, step)
    ]
    moments = [moment for moment in moments if first <= moment <= last]
    if step >= 12:
        return [(moment, str(moment.year)) for moment in moments]
    return _with_years([(moment, MONTHS[moment.month - 1]) for moment in moments])
