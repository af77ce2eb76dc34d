"""The crontab; its line sources the file of settings."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from drift_checks.core.errors import SettingError
from drift_checks.operations.schedule.environment import is_printable
from drift_checks.operations.schedule.files import marked
from drift_checks.operations.schedule.paths import ENVIRONMENT_FILE
from drift_checks.operations.schedule.plan import CRON, Schedule
from drift_checks.operations.schedule.rendering import heading, rendered

# The characters that Debian's cron lets into the command line of its mailer.
_MAIL_TO = re.compile(r"[A-Za-z0-9@!:%.,_+-]+")
# The limit of every descendant of Vixie's cron.
_LONGEST_COMMAND = 998


@dataclass(frozen=True)
class CronJob:
    """What the crontab is made from.

    The zone is the machine's, or None if the daemon knows CRON_TZ; `has_home` says whether the user's home exists.
    """

    schedule: Schedule
    user: str
    interpreter: Path
    mail_to: str
    zone: ZoneInfo | None
    now: datetime
    has_home: bool = True


def crontab(job: CronJob) -> str:
    """Return the crontab; raise SettingError if it cannot contain a path or an address."""
    if not _MAIL_TO.fullmatch(job.mail_to):
        raise SettingError(
            "--mail-to", f"{job.mail_to!r} is invalid", "it must be users and mail addresses, separated by commas"
        )
    # Cron removes some backslashes before the shell sees them, and not all daemons remove the same.
    if "\\" in str(job.interpreter) or not is_printable(str(job.interpreter)):
        raise SettingError(
            f"{str(job.interpreter)!r}",
            "a crontab cannot contain a path with a backslash or a control character",
            "create the environment in another folder",
        )
    command = _command(job)
    if len(command) > _LONGEST_COMMAND:
        raise SettingError(job.interpreter, "is too long for a line of a crontab", "create the environment elsewhere")
    fields = job.schedule.cron_in_utc if job.zone is None else job.schedule.cron_hourly(job.zone, job.now)
    made_by = heading(CRON, job.user, job.schedule)
    line = f"{fields} {job.user} {command}"
    return marked(rendered("crontab.j2", made_by=made_by, job=job, line=line, clock=job.schedule.clock))


def _command(job: CronJob) -> str:
    guard = ""
    if job.zone is not None:
        form, expected = job.schedule.guard(job.zone, job.now)
        guard = f'[ "$(date -u +{form})" = {expected} ] && '
    run = f"exec {shlex.quote(str(job.interpreter))} -P -m drift_checks --run-once"
    # For cron, an unescaped percent sign ends the command.
    return f"{guard}set -a && . {ENVIRONMENT_FILE} && {run}".replace("%", "\\%")
