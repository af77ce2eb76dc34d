"""When the review, the backup and the clean-up run: in UTC, so that summer time neither skips nor repeats a night."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from drift_checks.core.errors import SettingError

CRON = "cron"
SYSTEMD = "systemd"
DAY = "day"
WEEK = "week"
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_MINUTES_A_DAY = 24 * 60
# The review with its retries has ended long before the clean-up, and starts only after the backup.
_VACUUM_AFTER = 3 * 60
_BACKUP_BEFORE = 90
_MONDAY = 1


@dataclass(frozen=True)
class Schedule:
    """A time of day in UTC, as the minute of the day, every day or every Monday."""

    minute: int
    every: str = DAY

    @property
    def clock(self) -> str:
        """The time as `02:00`."""
        return _clock(self.minute)

    @property
    def on_calendar(self) -> str:
        """The times of the review, for a systemd timer."""
        day = "Mon *-*-*" if self.every == WEEK else "*-*-*"
        return f"{day} {self.clock}:00 UTC"

    @property
    def vacuum_on_calendar(self) -> str:
        """The times of the weekly clean-up: on Sundays, when no review runs."""
        return f"Sun *-*-* {_clock(self.minute + _VACUUM_AFTER)}:00 UTC"

    @property
    def backup_on_calendar(self) -> str:
        """The times of the daily backup, before the review."""
        return f"*-*-* {_clock(self.minute - _BACKUP_BEFORE)}:00 UTC"

    @property
    def cron_in_utc(self) -> str:
        """The five fields for a crontab in UTC."""
        return f"{self.minute % 60} {self.minute // 60} * * {_MONDAY if self.every == WEEK else '*'}"

    def cron_hourly(self, zone: ZoneInfo, now: datetime) -> str:
        """Return the five fields of an hourly line at the review's minute in UTC, for a clock in the zone."""
        return f"{','.join(map(str, self._local_minutes(zone, now)))} * * * *"

    def guard(self, zone: ZoneInfo, now: datetime) -> tuple[str, str]:
        """Return a format of `date -u` and what it prints in the hour of the review only, in this zone."""
        hour, minute = divmod(self.minute, 60)
        form, expected = ("%H", f"{hour:02}")
        if len(self._local_minutes(zone, now)) > 1:
            form, expected = ("%H%M", f"{hour:02}{minute:02}")
        return (f"%u{form}", f"{_MONDAY}{expected}") if self.every == WEEK else (form, expected)

    def _local_minutes(self, zone: ZoneInfo, now: datetime) -> list[int]:
        """Return the minutes of the zone's clock at the review: two if summer time shifts it by half an hour."""
        return sorted({(self.minute + offset) % 60 for offset in _offsets(zone, now)})


def read_schedule(at: str, every: str) -> Schedule:
    """Return the schedule; raise SettingError if `at` is not a time of day."""
    found = _TIME.fullmatch(at)
    if found is None:
        raise SettingError("--at", f"{at!r} is invalid", "it must be a time of day in UTC from 00:00 to 23:59")
    return Schedule(int(found[1]) * 60 + int(found[2]), every)


def _clock(minute: int) -> str:
    hour, rest = divmod(minute % _MINUTES_A_DAY, 60)
    return f"{hour:02}:{rest:02}"


def _offsets(zone: ZoneInfo, now: datetime) -> Iterator[int]:
    """Yield the zone's offsets from UTC during the coming year in minutes, twice a month."""
    for days in range(0, 365, 15):
        offset = (now.astimezone(UTC) + timedelta(days=days)).astimezone(zone).utcoffset()
        yield int((offset or timedelta()).total_seconds() // 60)
