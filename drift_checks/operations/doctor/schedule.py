"""The schedule: whether reviews are installed once, enabled and unchanged, and when the next one starts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from drift_checks.operations.doctor.check import Check, CheckResult, NotChecked, failed, passed, skipped, warning
from drift_checks.operations.doctor.installed import InstalledSchedule
from drift_checks.operations.doctor.setup import Setup
from drift_checks.operations.schedule.files import Tree, is_as_made
from drift_checks.operations.schedule.installation import recorded_digests
from drift_checks.operations.schedule.paths import (
    CRONTAB,
    DIGESTS,
    ENVIRONMENT_FILE,
    REVIEW_TIMER,
    UNITS,
    WANTED,
    below,
)
from drift_checks.operations.schedule.systemd import SERVICES, TIMERS

GROUP = "schedule"
SYSTEMD_RUNS = Path("/run/systemd/system")
_SECONDS = 10.0
_ENABLE = "systemctl enable --now drift-review.timer"
_DAEMONS = {"cron", "crond", "systemd-cron", "busybox"}


def checks(setup: Setup) -> list[Check]:
    """Return the checks of the schedule: a single one if there is none."""
    schedule = setup.schedule
    found = [Check("installed", lambda: installed(schedule))]
    if schedule.crontab is None and schedule.timer is None:
        return found
    return [
        *found,
        Check("enabled", lambda: _enabled(setup)),
        Check("as installed", lambda: unchanged(installed_files(setup.options.root))),
        Check("next review", lambda: next_review(schedule)),
    ]


def installed(schedule: InstalledSchedule) -> CheckResult:
    """Check that one kind of schedule is installed."""
    cron, timer = schedule.crontab, schedule.timer
    if cron is not None and timer is not None:
        return warning(
            f"both {cron} and {timer}: two reviews a night",
            "remove one: python -m drift_checks uninstall cron, or uninstall systemd",
        )
    if cron is None and timer is None:
        return warning(
            "no review is scheduled on this machine",
            "python -m drift_checks install cron, or install systemd; or schedule it in a CI pipeline",
        )
    user = schedule.user()
    return passed(f"{timer or cron}{f', for the user {user}' if user else ''}")


def _enabled(setup: Setup) -> CheckResult:
    if setup.schedule.timer is None:
        return cron_runs(process_names() if setup.is_this_machine else None)
    state = timer_state() if setup.is_this_machine and SYSTEMD_RUNS.is_dir() else None
    return timer_enabled(setup.place(WANTED / REVIEW_TIMER.name), state)


def cron_runs(names: Iterable[str] | None) -> CheckResult:
    """Check that the cron daemon is among the running programs; None if those are unknown."""
    if names is None:
        return skipped("unknown: the processes of that machine cannot be seen from here")
    if _DAEMONS & set(names):
        return passed("the cron daemon is running")
    return failed("the cron daemon is not running: no review ever starts", "start it: systemctl enable --now cron")


def timer_enabled(link: Path, state: str | None) -> CheckResult:
    """Check that the timer starts with the machine, by its state according to systemd or, without that, by its link."""
    if state is not None and state != "enabled":
        return failed(f"systemd reports that it is {state}", _ENABLE)
    if link.is_symlink() or state is not None:
        return passed("it starts with the machine")
    return failed("it does not start with the machine", _ENABLE)


def timer_state() -> str | None:
    """Return the timer's state according to systemd; None if it gives no answer."""
    program = shutil.which("systemctl")
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - found on the path, as a user would
            [program, "is-enabled", REVIEW_TIMER.name], check=False, capture_output=True, text=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(done.stdout.strip().splitlines()), None)


def process_names() -> list[str]:
    """Return the names of the running programs."""
    names = []
    for file in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            names.append(file.read_text(encoding="utf-8", errors="replace").strip())
    return names


def installed_files(root: Path) -> dict[Path, str | None]:
    """Return the existing files that `install` writes, with the digest of each that does not contain its own."""
    units = [UNITS / name for name in (*SERVICES, *TIMERS)]
    found: dict[Path, str | None] = dict.fromkeys(below(root, path) for path in (CRONTAB, *units, ENVIRONMENT_FILE))
    if os.access(below(root, DIGESTS), os.R_OK, effective_ids=True):
        digests = recorded_digests(Tree(root, {}, force=False))
        found |= {below(root, path): digest for path, digest in digests.items()}
    return {file: digest for file, digest in found.items() if file.is_file()}


def unchanged(files: Mapping[Path, str | None]) -> CheckResult:
    """Check that files are as they were installed, by the digest in their last line or the one given here."""
    changed, unread = [], []
    for file, digest in files.items():
        if not os.access(file, os.R_OK, effective_ids=True):
            unread.append(file.name)
        elif not is_as_made(file.read_bytes(), digest):
            changed.append(file.name)
    if changed:
        return warning(
            f"changed by hand since: {', '.join(changed)}",
            "`install` keeps such files; --force replaces them, and keeps a copy",
        )
    if unread:
        return skipped(f"not readable by this user: {', '.join(unread)}")
    return passed("the files are unchanged")


def next_review(schedule: InstalledSchedule) -> CheckResult:
    """Report when the next review starts."""
    if schedule.timer is None and schedule.line is not None and not schedule.line.times:
        return warning("only when the machine boots (@reboot)", "give the line a time of day, as in 0 2 * * *")
    moment = schedule.next_after(schedule.now)
    if moment is None:
        raise NotChecked("unknown: the schedule cannot be read")
    delay = f", up to {schedule.delay} later" if schedule.delay else ""
    every = "" if schedule.every is None else f", every {_span(schedule.every)}"
    return passed(f"{moment:%Y-%m-%d %H:%M} UTC{delay}{every}")


def _span(every: timedelta) -> str:
    hours = round(every.total_seconds() / 3600)
    return {1: "hour", 24: "day", 168: "week"}.get(hours, f"{hours} hours")
