"""Upkeep: log rotation, backups, retention, and a sample that fits the store."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from pathlib import Path

from drift_checks.operations.backup.retention import moment_of
from drift_checks.operations.doctor.check import Check, CheckResult, NotChecked, failed, passed, skipped, warning
from drift_checks.operations.doctor.runs import format_age
from drift_checks.operations.doctor.setup import Setup
from drift_checks.reviews.sampling import WEEKLY_SIZE, recommended_size
from drift_checks.settings.declarations import SEQUENTIAL, Settings
from drift_checks.settings.kinds import ALL

GROUP = "upkeep"
_BACKUP_AGE = timedelta(days=8)
_LEAST_DAYS = 30
# A sample may be from half to twice the recommended size.
_FEW, _MANY = 0.5, 2.0


def checks(setup: Setup) -> list[Check]:
    """Return the checks of what keeps reviews going."""
    settings = setup.settings
    return [
        Check(
            "logs",
            lambda: logs(settings.log_file, settings.log_config, under_systemd=setup.schedule.timer is not None),
            ("log_file", "log_config"),
        ),
        Check("backup", lambda: _backup(setup), ("db",)),
        # The setting itself enforces the minimum.
        Check(
            "retention",
            lambda: passed(f"{settings.retention_days} days; the minimum is {_LEAST_DAYS}"),
            ("retention_days",),
        ),
        Check(
            "sample size",
            lambda: sample_size(settings, setup.store.records),
            ("sample_size", "db", "table", "decision", "records"),
        ),
    ]


def logs(file: Path | None, config: Path | None, *, under_systemd: bool) -> CheckResult:
    """Check that logs are kept and stay small."""
    if file is not None:
        return passed(f"{file} is rotated at 10 MB, and 10 files are kept")
    if config is not None:
        return passed(f"as set in {config}")
    if under_systemd:
        return passed("in systemd's journal: journalctl -u drift-review")
    return warning(
        "no log file is set, and nothing else keeps the logs of a run",
        "--drift-log-file=/var/log/drift-checks/review.log, which is rotated",
    )


def _backup(setup: Setup) -> CheckResult:
    setup.refuse_unless_sqlite()
    return backup(setup.backups, setup.now)


def backup(folder: Path, now: datetime) -> CheckResult:
    """Check the age of the newest backup."""
    try:
        found = sorted((moment, path) for path in folder.iterdir() if (moment := moment_of(path.name)))
    except FileNotFoundError:
        found = []
    except PermissionError:
        raise NotChecked(f"{folder} is not readable by this user") from None
    command = f"python -m drift_checks backup --to {shlex.quote(str(folder))}"
    if not found:
        return warning(f"none in {folder}", f"{command}; --backups names another folder")
    moment, newest = found[-1]
    if not newest.stat().st_size:
        return failed(f"the newest is empty: {newest}", command)
    message = f"{newest.name} in {folder}, {format_age(now - moment)}"
    return warning(message, command) if now - moment > _BACKUP_AGE else passed(message)


def sample_size(settings: Settings, records: int) -> CheckResult:
    """Check that the sample fits the number of records."""
    if settings.records:
        return skipped("the setting records names the records to review")
    if settings.decision == SEQUENTIAL:
        return passed("as many records as the evidence needs (decision sequential)")
    size, recommended = settings.sample_size, recommended_size(records)
    often = "week" if recommended == WEEKLY_SIZE else "day"
    advice = f"for {records:,} records, {recommended} a {often} are recommended"
    if size is None:
        return passed(f"auto: {advice}")
    if size == ALL:
        return passed(f"all {records:,} records")
    if size > _MANY * recommended:
        return warning(f"{size}; {advice}", f"--drift-sample-size={recommended} costs less and tells as much")
    if size < _FEW * recommended:
        return warning(f"{size}; {advice}", f"--drift-sample-size={recommended} tells drift from chance sooner")
    return passed(f"{size}; {advice}")
