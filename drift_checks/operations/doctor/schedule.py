"""Whether reviews are scheduled, once a night, as they were set up, and when the next one is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from functools import cached_property
from pathlib import Path

from drift_checks.operations.doctor.calendars import CronLine, cron_lines, next_of_calendar, next_of_cron
from drift_checks.operations.doctor.finding import Check, NotChecked, Said, left_out, right, warned, wrong
from drift_checks.operations.doctor.setup import Setup
from drift_checks.operations.schedule.files import Tree, is_as_made
from drift_checks.operations.schedule.installation import recorded_digests
from drift_checks.operations.schedule.machine import zone_of
from drift_checks.operations.schedule.paths import (
    CRONTAB,
    DIGESTS,
    ENVIRONMENT_FILE,
    REVIEW_SERVICE,
    REVIEW_TIMER,
    UNITS,
    WANTED,
    below,
)
from drift_checks.operations.schedule.systemd import SERVICES, TIMERS

GROUP = "schedule"
SYSTEMD_RUNS = Path("/run/systemd/system")
_SECONDS = 10.0
_INSTALL = "python -m drift_checks install cron, or install systemd"
_OTHERS = re.compile(r"drift_checks (backup|vacuum|alert-failure)\b")
_ON_CALENDAR = re.compile(r"^OnCalendar=[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_DELAY = re.compile(r"^RandomizedDelaySec=[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_USER = re.compile(r"^User=[ \t]*(\S+)", re.MULTILINE)
_DAEMONS = {"cron", "crond", "systemd-cron", "busybox"}


class Schedule:
    """What is installed below a root.

    Args:
        root: What stands for `/`.
        now: The moment.
    """

    def __init__(self, root: Path, now: datetime) -> None:
        self.root = root
        self.now = now

    @property
    def crontab(self) -> Path | None:
        """The crontab fragment; None where there is none."""
        return _there(below(self.root, CRONTAB))

    @property
    def timer(self) -> Path | None:
        """The timer; None where there is none."""
        return _there(below(self.root, REVIEW_TIMER))

    @cached_property
    def zone(self) -> tzinfo:
        """The zone that the daemons go by."""
        return zone_of(self.root)

    @cached_property
    def line(self) -> CronLine | None:
        """The line of the crontab that reviews; None where it cannot be read."""
        if self.crontab is None:
            return None
        lines = cron_lines(self.crontab.read_text(encoding="utf-8", errors="replace"), self.zone)
        return next((line for line in lines if not _OTHERS.search(line.command)), None)

    def fires_after(self, moment: datetime) -> datetime | None:
        """Return when a review begins next after a moment; None where that cannot be told."""
        if self.timer is not None:
            found = _ON_CALENDAR.findall(self.timer.read_text(encoding="utf-8", errors="replace"))
            moments = [next_of_calendar(expression, moment, self.zone) for expression in found]
            return min((one for one in moments if one is not None), default=None)
        return None if self.line is None else next_of_cron(self.line, moment)

    @cached_property
    def every(self) -> timedelta | None:
        """How long it is from one review to the next; None where that cannot be told."""
        first = self.fires_after(self.now)
        second = None if first is None else self.fires_after(first)
        return None if first is None or second is None else second - first

    def user(self) -> str | None:
        """Return whose reviews they are; None where that is not told."""
        service = below(self.root, REVIEW_SERVICE)
        if self.timer is not None and service.is_file():
            found = _USER.search(service.read_text(encoding="utf-8", errors="replace"))
            return found[1] if found else None
        return None if self.line is None else self.line.user


def checks(setup: Setup, schedule: Schedule) -> list[Check]:
    """Return the checks of the schedule; one that is not there is not looked at further."""
    if schedule.crontab is None and schedule.timer is None:
        return [Check(GROUP, "installed", lambda: installed(schedule))]
    return [
        Check(GROUP, "installed", lambda: installed(schedule)),
        Check(GROUP, "enabled", lambda: _enabled(setup, schedule)),
        Check(GROUP, "as installed", lambda: unchanged(made_files(setup.root))),
        Check(GROUP, "next review", lambda: next_review(schedule)),
    ]


def installed(schedule: Schedule) -> Said:
    """Say which kind is installed."""
    cron, timer = schedule.crontab, schedule.timer
    if cron is not None and timer is not None:
        return warned(
            f"both {cron} and {timer}: two reviews a night",
            "remove one: python -m drift_checks uninstall cron, or uninstall systemd",
        )
    if cron is None and timer is None:
        return warned("no review is scheduled on this machine", f"{_INSTALL}; or let a pipeline do it")
    user = schedule.user()
    return right(f"{timer or cron}{f', for the user {user}' if user else ''}")


def _enabled(setup: Setup, schedule: Schedule) -> Said:
    if schedule.timer is None:
        return cron_runs(processes() if setup.is_this_machine else None)
    asked = is_enabled() if setup.is_this_machine and SYSTEMD_RUNS.is_dir() else None
    return timer_enabled(setup.place(WANTED / REVIEW_TIMER.name), asked)


def cron_runs(names: Iterable[str] | None) -> Said:
    """Say whether the cron daemon runs.

    Args:
        names: Of the programs that run; None where they say nothing of the machine that is looked at.
    """
    if names is None:
        return left_out("whether cron runs there cannot be told from here")
    if _DAEMONS & set(names):
        return right("the cron daemon runs")
    return wrong("the cron daemon does not run: nothing is ever begun", "start it: systemctl enable --now cron")


def timer_enabled(link: Path, asked: str | None) -> Said:
    """Say whether the timer is started with the machine.

    Args:
        link: By which it is.
        asked: What systemd says; None where it was not asked.
    """
    if asked is not None and asked != "enabled":
        return wrong(f"systemd says that it is {asked}", "systemctl enable --now drift-review.timer")
    if link.is_symlink() or asked is not None:
        return right("it is started with the machine")
    return wrong("it is not started with the machine", "systemctl enable --now drift-review.timer")


def is_enabled() -> str | None:
    """Return what systemd says of the timer; None where it says nothing."""
    program = shutil.which("systemctl")
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - found on the path, as a user would
            [program, "is-enabled", REVIEW_TIMER.name], check=False, capture_output=True, text=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else None


def processes() -> list[str]:
    """Return the names of the programs that run."""
    names = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            names.append((folder / "comm").read_text(encoding="utf-8", errors="replace").strip())
        except OSError:
            continue
    return names


def made_files(root: Path) -> dict[Path, str | None]:
    """Return the files that `install` makes, those that are there, with the digests of those that bear none."""
    units = [UNITS / name for name in (*SERVICES, *TIMERS)]
    made: dict[Path, str | None] = dict.fromkeys(
        place for path in (CRONTAB, *units, ENVIRONMENT_FILE) if (place := below(root, path)).is_file()
    )
    if os.access(below(root, DIGESTS), os.R_OK, effective_ids=True):
        digests = recorded_digests(Tree(root, {}, force=False))
        made |= {place: known for path, known in digests.items() if (place := below(root, path)).is_file()}
    return made


def unchanged(files: Mapping[Path, str | None]) -> Said:
    """Say whether files are as they were made, each by its digest: its last line, or the one that is given."""
    changed, unread = [], []
    for file, known in files.items():
        if not os.access(file, os.R_OK, effective_ids=True):
            unread.append(file.name)
        elif not is_as_made(file.read_bytes(), known):
            changed.append(file.name)
    if changed:
        return warned(
            f"changed by hand since: {', '.join(changed)}",
            "`install` leaves such files alone; --force replaces them, and keeps a copy",
        )
    if unread:
        return left_out(f"cannot be read by this user: {', '.join(unread)}")
    return right("nobody changed the files since")


def next_review(schedule: Schedule) -> Said:
    """Say when the next review begins."""
    moment = schedule.fires_after(schedule.now)
    if moment is None:
        raise NotChecked("cannot be told from what is installed")
    text = schedule.timer.read_text(encoding="utf-8", errors="replace") if schedule.timer else ""
    delay = _DELAY.search(text)
    often = "" if schedule.every is None else f", every {_span(schedule.every)}"
    return right(f"{moment:%Y-%m-%d %H:%M} UTC{f', up to {delay[1]} later' if delay else ''}{often}")


def _span(every: timedelta) -> str:
    hours = round(every.total_seconds() / 3600)
    return {24: "day", 168: "week"}.get(hours, f"{hours} hours")


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None
