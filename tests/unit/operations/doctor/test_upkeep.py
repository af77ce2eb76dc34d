"""Logs, backups, retention, and a sample that fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drift_checks.operations.doctor.upkeep import backup, logs, retention, sample_size
from tests.support.doctoring import NOW, put, settings
from tests.support.processes import run_unprivileged

FILE = Path("/var/log/drift-checks/review.log")
LOOK = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from drift_checks.operations.doctor.finding import NotChecked
from drift_checks.operations.doctor.upkeep import backup
try:
    print(backup(Path(sys.argv[1]), datetime.now(UTC)))
except NotChecked as error:
    print("not checked:", error)
"""


@pytest.mark.parametrize(
    ("file", "config", "under_systemd", "status"),
    [
        (FILE, None, False, "ok"),
        (None, Path("/etc/logging.yaml"), False, "ok"),
        (None, None, True, "ok"),
        (None, None, False, "warning"),
    ],
)
def test_logs_that_stay_small(file: Path | None, config: Path | None, under_systemd: bool, status: str) -> None:
    """A file that rotates itself, a configuration of one's own, or the journal."""
    told = logs(file, config, under_systemd=under_systemd)
    assert (str(told.status), bool(told.remedy)) == (status, status == "warning")


@pytest.mark.parametrize(
    ("names", "status", "told"),
    [
        (["drift-backup-20260115T003000Z.tar.gz", "drift-backup-20250101T003000Z.tar.gz"], "ok", "9 hours ago"),
        (["drift-backup-20260105T003000Z.tar.gz"], "warning", "10 days ago"),
        (["other.tar.gz", "drift-backup-x.tar.gz"], "warning", "there is none"),
        ([], "warning", "there is none"),
    ],
)
def test_the_newest_backup(tmp_path: Path, names: list[str], status: str, told: str) -> None:
    """It tells by its name when it was made."""
    for name in names:
        put(tmp_path / name, "content")
    line = backup(tmp_path, NOW)
    assert (str(line.status), told in line.message) == (status, True)
    assert bool(line.remedy) is (status != "ok")


def test_no_folder_of_backups(tmp_path: Path) -> None:
    """The remedy makes one."""
    line = backup(tmp_path / "none", NOW)
    assert (str(line.status), f"backup --to {tmp_path}/none" in line.remedy) == ("warning", True)


def test_an_empty_backup_is_a_cross(tmp_path: Path) -> None:
    """Nothing comes back of it."""
    put(tmp_path / "drift-backup-20260115T003000Z.tar.gz", "")
    assert str(backup(tmp_path, NOW).status) == "error"


def test_backups_of_another_user(tmp_path: Path) -> None:
    """They are not known of."""
    tmp_path.chmod(0)
    try:
        told = run_unprivileged(LOOK, tmp_path)
    finally:
        tmp_path.chmod(0o755)
    assert told == f"not checked: {tmp_path} cannot be read by this user"


def test_retention_says_the_figure() -> None:
    """The setting itself allows no less than the least."""
    assert retention(90).message == "90 days, of 30 at the least"


@pytest.mark.parametrize(
    ("records", "given", "status"),
    [
        (120, {"sample_size": 20}, "ok"),
        (120, {"sample_size": 40}, "ok"),
        (120, {"sample_size": 41}, "warning"),
        (13_083, {}, "ok"),
        (13_083, {"sample_size": 49}, "warning"),
        (13_083, {"sample_size": None}, "ok"),
        (2_000_000, {"sample_size": 50}, "warning"),
        (2_000_000, {"sample_size": 100}, "ok"),
        (120, {"decision": "sequential"}, "ok"),
        (120, {"records": ("1",)}, "skipped"),
    ],
)
def test_a_sample_that_fits_the_store(records: int, given: dict[str, Any], status: str) -> None:
    """From half of what is advised to twice as much."""
    told = sample_size(settings(**given), records)
    assert (str(told.status), bool(told.remedy)) == (status, status == "warning")


def test_large_stores_are_reviewed_weekly() -> None:
    """Their samples are larger."""
    assert "call for 200 weekly" in sample_size(settings(sample_size=200), 2_000_000).message
