"""What keeps it going: logs that are rotated, backups, retention, and a sample that fits the store."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from drift_checks.operations.backup.retention import moment_of
from drift_checks.operations.doctor.finding import Check, NotChecked, Said, left_out, right, warned, wrong
from drift_checks.operations.doctor.runs import ago
from drift_checks.operations.doctor.setup import Setup
from drift_checks.review.sampling import WEEKLY_SIZE, recommended_size
from drift_checks.settings.declarations import SEQUENTIAL, Settings

GROUP = "upkeep"
_BACKUP_AGE = timedelta(days=8)
_LEAST_DAYS = 30
# A sample of this share of what is advised, or so many times as much, is another one.
_FEW, _MANY = 0.5, 2.0


def checks(setup: Setup, under_systemd: Callable[[], bool]) -> list[Check]:
    """Return the checks of what keeps reviews going.

    Args:
        setup: What is looked at.
        under_systemd: Says whether a timer begins the reviews.
    """
    settings = setup.settings
    logged = ("log_file", "log_config")
    return [
        Check(
            GROUP,
            "logs",
            lambda: logs(settings.log_file, settings.log_config, under_systemd=under_systemd()),
            logged,
        ),
        Check(GROUP, "backup", lambda: backup(setup.backups, setup.now)),
        Check(GROUP, "retention", lambda: retention(settings.retention_days), ("retention_days",)),
        Check(
            GROUP,
            "sample size",
            lambda: sample_size(settings, setup.store.counted()),
            ("sample_size", "db", "table", "decision", "records"),
        ),
    ]


def logs(file: Path | None, config: Path | None, *, under_systemd: bool) -> Said:
    """Say whether the logs stay small."""
    if file is not None:
        return right(f"{file} is rotated at 10 MB, and 10 are kept")
    if config is not None:
        return right(f"as {config} says")
    if under_systemd:
        return right("systemd's journal keeps them: journalctl -u drift-review")
    return warned(
        "no log file is set, and nothing else keeps what a run logs",
        "--drift-log-file /var/log/drift-checks/review.log, which rotates itself",
    )


def backup(folder: Path, now: datetime) -> Said:
    """Say how old the newest backup is."""
    try:
        found = sorted((moment, path) for path in folder.iterdir() if (moment := moment_of(path.name)))
    except FileNotFoundError:
        found = []
    except PermissionError:
        raise NotChecked(f"{folder} cannot be read by this user") from None
    make = f"python -m drift_checks backup --to {shlex.quote(str(folder))}"
    if not found:
        return warned(f"there is none in {folder}", f"{make}; --backups names another folder")
    moment, newest = found[-1]
    if not newest.stat().st_size:
        return wrong(f"the newest is empty: {newest}", make)
    age = now - moment
    if age > _BACKUP_AGE:
        return warned(f"the newest in {folder} is of {ago(age)}: {newest.name}", make)
    return right(f"{newest.name} in {folder}, {ago(age)}")


def retention(days: int) -> Said:
    """Say for how long runs are kept; the setting allows no less than the least."""
    return right(f"{days} days, of {_LEAST_DAYS} at the least")


def sample_size(settings: Settings, records: int) -> Said:
    """Say whether the sample fits the number of records."""
    if settings.records:
        return left_out("exactly these records are reviewed, whatever the size")
    if settings.decision == SEQUENTIAL:
        return right("as many as the evidence takes (decision sequential)")
    wanted = settings.sample_size
    advised = recommended_size(records)
    often = "weekly" if advised == WEEKLY_SIZE else "daily"
    said = f"{records:,} records call for {advised} {often}"
    if wanted is None:
        return right(f"auto: {said}")
    if wanted > _MANY * advised:
        return warned(f"{wanted}, where {said}", f"--drift-sample-size {advised} costs less and says as much")
    if wanted < _FEW * advised:
        return warned(f"{wanted}, where {said}", f"--drift-sample-size {advised} tells drift from chance sooner")
    return right(f"{wanted}; {said}")
