"""The systemd units: the review, the alert when it fails, the backup and the clean-up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from drift_checks.operations.schedule.files import marked
from drift_checks.operations.schedule.paths import BACKUPS, CACHE, CREDENTIALS, ENVIRONMENT_FILE, STATE
from drift_checks.operations.schedule.plan import SYSTEMD, Schedule
from drift_checks.operations.schedule.preset import ALERT_SECRETS
from drift_checks.operations.schedule.rendering import heading, rendered

TIMERS = ("drift-review.timer", "drift-backup.timer", "drift-vacuum.timer")
BACKUP_UNITS = ("drift-backup.service", "drift-backup.timer")
SERVICES = ("drift-review.service", "drift-review-failed.service", "drift-backup.service", "drift-vacuum.service")
# Hidden by ProtectHome= and by PrivateTmp=.
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - compared with, not written to


@dataclass(frozen=True)
class SystemdJob:
    """What the units are made from.

    `credentials` are the names of secrets that have a file: a review gets all, other services those for alerts. The
    units must see `reads`, including the installation. A review writes below `writes`, and only with
    `vacuum_application` is anything written to `stores`. Without `has_backup` there are no units for a backup.
    """

    schedule: Schedule
    user: str
    interpreter: Path
    credentials: tuple[str, ...] = ()
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    stores: tuple[Path, ...] = ()
    vacuum_application: bool = False
    has_backup: bool = True


def units(job: SystemdJob) -> dict[str, str]:
    """Return the text of each unit by its name; raise SettingError if a unit file cannot contain a path."""
    found = {name: _service(name, job) for name in SERVICES} | {
        "drift-review.timer": _timer(job, "Nightly review of a text classifier", job.schedule.on_calendar, "30min"),
        "drift-backup.timer": _timer(job, "Daily backup before the review", job.schedule.backup_on_calendar),
        "drift-vacuum.timer": _timer(job, "Weekly clean-up after reviews", job.schedule.vacuum_on_calendar),
    }
    return {name: text for name, text in found.items() if job.has_backup or name not in BACKUP_UNITS}


def _service(name: str, job: SystemdJob) -> str:
    writes = list(job.writes)
    needed = [secret for secret in job.credentials if secret in ALERT_SECRETS or name == "drift-review.service"]
    if name == "drift-backup.service":
        writes.append(BACKUPS)
    if name == "drift-vacuum.service" and job.vacuum_application:
        writes += job.stores
    return marked(
        rendered(
            f"{name}.j2",
            made_by=heading(SYSTEMD, job.user, job.schedule),
            job=job,
            environment_file=ENVIRONMENT_FILE,
            credentials=CREDENTIALS,
            needed=needed,
            backups=BACKUPS,
            below_home=any(_below(path, _HOMES) for path in (*job.reads, *writes)),
            bound=[path for path in _outermost(job.reads) if _below(path, _TEMPORARY) and not _below(path, writes)],
            bound_writes=[path for path in _outermost(writes) if _below(path, _TEMPORARY)],
            cache=CACHE,
            # systemd itself creates the folders of state and cache at each start.
            writes=[path for path in _outermost(writes) if not _below(path, (*_TEMPORARY, STATE, CACHE))],
        )
    )


def _timer(job: SystemdJob, description: str, on_calendar: str, delay: str = "") -> str:
    made_by = heading(SYSTEMD, job.user, job.schedule)
    return marked(rendered("timer.j2", made_by=made_by, description=description, on_calendar=on_calendar, delay=delay))


def _below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Return the paths in order, without duplicates and those below another."""
    found = dict.fromkeys(paths)
    return [path for path in found if not any(path != other and path.is_relative_to(other) for other in found)]
