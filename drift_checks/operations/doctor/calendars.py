"""When a schedule fires next: a line of cron's with its guard, or a timer's calendar."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

# Longer than from one week to the next.
_HORIZON = timedelta(days=9)
_SECONDS = 10.0
_GUARD = re.compile(r"date\s+-u\s+\+([\\%a-zA-Z]+)\s*\)?\"?\s*=\s*\"?(\d+)")
_ZONE = re.compile(r"^CRON_TZ=\s*\"?([^\"\s]+)", re.MULTILINE)
_FIELD = re.compile(r"(\*|\d+(?:-\d+)?)(?:/(\d+))?")
_CALENDAR = re.compile(r"(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s+)?\*-\*-\*\s+(\d\d?):(\d\d)(?::00)?(?:\s+(\S+))?")
_NEXT = re.compile(r"\(in UTC\): (.*)|Next elapse: (.*UTC)$", re.MULTILINE)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@dataclass(frozen=True)
class CronLine:
    """A line of a crontab of the system's.

    Attributes:
        minutes: When it fires.
        hours: When it fires.
        days: Of the month; None for all.
        months: When it fires.
        weekdays: From 0 for Sunday; None for all.
        user: Whose it is.
        command: What is run.
        zone: Which the times are in.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None
    user: str
    command: str
    zone: tzinfo

    def fires(self, moment: datetime) -> bool:
        """Whether the line runs what it guards at this moment, a whole minute."""
        local = moment.astimezone(self.zone)
        if local.minute not in self.minutes or local.hour not in self.hours or local.month not in self.months:
            return False
        return self._is_day(local) and self._passes_guard(moment)

    def _is_day(self, local: datetime) -> bool:
        # Where both are given, either will do (crontab(5)).
        told = [
            value in allowed
            for value, allowed in ((local.day, self.days), (local.isoweekday() % 7, self.weekdays))
            if allowed is not None
        ]
        return any(told) or not told

    def _passes_guard(self, moment: datetime) -> bool:
        guard = _GUARD.search(self.command)
        if guard is None:
            return True
        return moment.astimezone(UTC).strftime(guard[1].replace("\\", "")) == guard[2]


def cron_lines(text: str, machine: tzinfo) -> Iterator[CronLine]:
    """Yield the lines of a crontab that run something, those that can be read.

    Args:
        text: All of it.
        machine: The zone that the daemon goes by.
    """
    named = _ZONE.search(text)
    try:
        zone = ZoneInfo(named[1]) if named else machine
    except (KeyError, ValueError, OSError):
        return
    for line in text.splitlines():
        parts = line.split(None, 6)
        if len(parts) < 7 or line.lstrip().startswith("#") or "=" in parts[0]:
            continue
        fields = [_values(part, *bounds) for part, bounds in zip(parts, _BOUNDS, strict=False)]
        minutes, hours, days, months, weekdays = fields
        if minutes is None or hours is None or days is None or months is None or weekdays is None:
            continue
        yield CronLine(
            minutes,
            hours,
            None if parts[2].startswith("*") else days,
            months,
            None if parts[4].startswith("*") else frozenset(day % 7 for day in weekdays),
            parts[5],
            parts[6],
            zone,
        )


def _values(field: str, least: int, most: int) -> frozenset[int] | None:
    """Return the numbers that a field stands for; None where it is in a form that is not read here."""
    found: set[int] = set()
    for part in field.split(","):
        told = _FIELD.fullmatch(part)
        if told is None:
            return None
        first, _, last = (f"{least}-{most}" if told[1] == "*" else told[1]).partition("-")
        found.update(range(int(first), int(last or first) + 1, max(1, int(told[2] or 1))))
    return frozenset(found)


def next_of_cron(line: CronLine, now: datetime) -> datetime | None:
    """Return when a line fires next, in UTC; None where it does not within nine days."""
    moment = now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    end = moment + _HORIZON
    while moment < end:
        if line.fires(moment):
            return moment
        moment += timedelta(minutes=1)
    return None


def next_of_calendar(expression: str, now: datetime, machine: tzinfo) -> datetime | None:
    """Return when a timer fires next, in UTC, as systemd says, or where it is not there, as the usual forms say.

    Args:
        expression: Of OnCalendar.
        now: The moment.
        machine: The zone that the machine goes by.
    """
    asked = shutil.which("systemd-analyze")
    said = _asked(asked, expression, now) if asked else None
    return computed(expression, now, machine) if said is None else said


def _asked(program: str, expression: str, now: datetime) -> datetime | None:
    command = [program, "calendar", f"--base-time=@{int(now.timestamp())}", "--", expression]
    environment = os.environ | {"LC_ALL": "C"}
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_SECONDS, env=environment)  # noqa: S603
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    found = _NEXT.search(done.stdout)
    text = (found[1] or found[2]).strip() if found else ""
    try:
        return datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    except ValueError:
        return None


def computed(expression: str, now: datetime, machine: tzinfo) -> datetime | None:
    """Return when a calendar of the form `Mon *-*-* 02:00:00 UTC` is met next, in UTC; None for another form."""
    found = _CALENDAR.fullmatch(expression.strip())
    if found is None:
        return None
    try:
        zone = ZoneInfo(found[4]) if found[4] else machine
        first = now.astimezone(zone).replace(hour=int(found[2]), minute=int(found[3]), second=0, microsecond=0)
    except (KeyError, ValueError, OSError):
        return None
    days = [first + timedelta(days=number) for number in range(9)]
    fitting = [day for day in days if day > now and (found[1] is None or _DAYS[day.weekday()] == found[1])]
    return fitting[0].astimezone(UTC) if fitting else None
