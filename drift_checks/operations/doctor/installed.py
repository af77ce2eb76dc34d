"""The installed schedule, and when it next starts a review: a line of a crontab, or a timer's calendar."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from drift_checks.operations.schedule.machine import zone_of
from drift_checks.operations.schedule.paths import CRONTAB, REVIEW_SERVICE, REVIEW_TIMER, below

REBOOT = "@reboot"
_ALIASES = {
    REBOOT: "",
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
# A guarded line fires at least once a week; whoever waits longer has a guard that never holds.
_HORIZON = timedelta(days=9)
_SECONDS = 10.0
_LINE = re.compile(r"\s*(@[a-z]+|[^\s#=]+(?:\s+\S+){4})\s+(\S+)\s+(\S.*)")
_CRON_TZ = re.compile(r"\s*CRON_TZ\s*=\s*[\"']?([^\"'\s]*)")
_GUARD = re.compile(r"date\s+-u\s+\+([\\%a-zA-Z]+)\s*\)?\"?\s*=\s*\"?(\d+)")
_OTHER_COMMANDS = re.compile(r"drift_checks (backup|vacuum|alert-failure)\b")
_CALENDAR = re.compile(r"(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s+)?\*-\*-\*\s+(\d\d?):(\d\d)(?::00)?(?:\s+(\S+))?")
_NEXT = re.compile(r"\(in UTC\): (.*)|Next elapse: (.*UTC)$", re.MULTILINE)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class CronLine:
    """A line of a system crontab; `times` are five fields in the zone, or empty for `@reboot`."""

    times: str
    user: str
    command: str
    zone: tzinfo

    def next_after(self, moment: datetime) -> datetime | None:
        """Return when the line next runs what it guards, in UTC; None if that is unknown."""
        if not self.times:
            return None
        guard = _GUARD.search(self.command)
        for local in CronSim(self.times, moment.astimezone(self.zone)):
            fired = local.astimezone(UTC)
            if guard is None or fired.strftime(guard[1].replace("\\", "")) == guard[2]:
                return fired
            if fired > moment + _HORIZON:
                break
        return None


def cron_lines(text: str, machine: tzinfo) -> Iterator[CronLine]:
    """Yield the readable lines of a system crontab that run a command; by default their zone is the machine's."""
    zone: tzinfo | None = machine
    for line in text.splitlines():
        if assigned := _CRON_TZ.match(line):
            zone = _zone(assigned[1], machine)
        elif zone and (found := _LINE.fullmatch(line)):
            times = _ALIASES.get(found[1], found[1])
            if not times or _is_valid(times):
                yield CronLine(times, found[2], found[3], zone)


def _is_valid(times: str) -> bool:
    try:
        CronSim(times, datetime.now(UTC))
    except CronSimError:
        return False
    return True


class InstalledSchedule:
    """The schedule that is installed below a root."""

    def __init__(self, root: Path, now: datetime) -> None:
        self.root = root
        self.now = now

    @property
    def crontab(self) -> Path | None:
        """The crontab; None if there is none."""
        return self._file(CRONTAB)

    @property
    def timer(self) -> Path | None:
        """The timer; None if there is none."""
        return self._file(REVIEW_TIMER)

    @cached_property
    def zone(self) -> tzinfo:
        """The daemons' time zone."""
        return zone_of(self.root)

    @cached_property
    def line(self) -> CronLine | None:
        """The line of the crontab that runs the review; None if no line can be read."""
        if self.crontab is None:
            return None
        lines = cron_lines(_text(self.crontab), self.zone)
        return next((line for line in lines if not _OTHER_COMMANDS.search(line.command)), None)

    @property
    def delay(self) -> str | None:
        """The timer's random delay; None if there is none."""
        found = [] if self.timer is None else unit_values(self.timer, "RandomizedDelaySec")
        return found[-1] if found else None

    def next_after(self, moment: datetime) -> datetime | None:
        """Return when the next review starts after a moment; None if that is unknown."""
        if self.timer is not None:
            found = [next_of_calendar(text, moment, self.zone) for text in unit_values(self.timer, "OnCalendar")]
            return min((time for time in found if time is not None), default=None)
        return None if self.line is None else self.line.next_after(moment)

    @cached_property
    def every(self) -> timedelta | None:
        """The time from the next review to the one after it; None if it is unknown."""
        first = self.next_after(self.now)
        second = None if first is None else self.next_after(first)
        return None if first is None or second is None else second - first

    def user(self) -> str | None:
        """Return the user who runs the reviews; None if unknown."""
        service = self._file(REVIEW_SERVICE)
        if self.timer is not None and service is not None:
            found = unit_values(service, "User")
            return found[-1] if found else None
        return None if self.line is None else self.line.user

    def _file(self, path: Path) -> Path | None:
        place = below(self.root, path)
        return place if place.is_file() else None


def unit_values(unit: Path, key: str) -> list[str]:
    """Return the values of a key in a unit file."""
    return re.findall(rf"^{key}=[ \t]*(.+?)[ \t]*$", _text(unit), re.MULTILINE)


def next_of_calendar(expression: str, now: datetime, machine: tzinfo) -> datetime | None:
    """Return when a timer with this `OnCalendar=` fires next, in UTC; None if that is unknown.

    systemd is asked; if it is not installed, the usual forms are computed.
    """
    program = shutil.which("systemd-analyze")
    answer = _ask_systemd(program, expression, now) if program else None
    return compute_calendar(expression, now, machine) if answer is None else answer


def _ask_systemd(program: str, expression: str, now: datetime) -> datetime | None:
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


def compute_calendar(expression: str, now: datetime, machine: tzinfo) -> datetime | None:
    """Return the next time of a calendar like `Mon *-*-* 02:00:00 UTC`, in UTC; None for any other form."""
    found = _CALENDAR.fullmatch(expression.strip())
    zone = _zone(found[4] or "", machine) if found else None
    if found is None or zone is None:
        return None
    try:
        first = now.astimezone(zone).replace(hour=int(found[2]), minute=int(found[3]), second=0, microsecond=0)
    except ValueError:
        return None
    days = [first + timedelta(days=number) for number in range(9)]
    matching = [day for day in days if day > now and (found[1] is None or _DAYS[day.weekday()] == found[1])]
    return matching[0].astimezone(UTC) if matching else None


def _zone(name: str, machine: tzinfo) -> tzinfo | None:
    """Return the time zone of that name, or the machine's if there is no name; None if it is unknown."""
    try:
        return ZoneInfo(name) if name else machine
    except (KeyError, ValueError, OSError):
        return None


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")
