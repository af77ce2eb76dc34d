"""Logs, backups, retention, and a sample that fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drift_checks.operations.doctor import room, upkeep
from drift_checks.operations.doctor.upkeep import backup, logs, sample_size
from tests.support.doctoring import NOW, findings_of, put, settings, setup
from tests.support.processes import run_unprivileged

FILE = Path("/var/log/drift-checks/review.log")
CHECK = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from drift_checks.operations.doctor.check import NotChecked
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
def test_logs_must_be_kept_and_stay_small(
    file: Path | None, config: Path | None, under_systemd: bool, status: str
) -> None:
    """By a rotated file, the user's own configuration, or systemd's journal."""
    result = logs(file, config, under_systemd=under_systemd)
    assert (result.status, bool(result.remedy)) == (status, status == "warning")


@pytest.mark.parametrize(
    ("names", "content", "status", "message"),
    [
        (["drift-backup-20260115T003000Z.tar.gz", "drift-backup-20250101T003000Z.tar.gz"], "x", "ok", "9 hours ago"),
        (["drift-backup-20260105T003000Z.tar.gz"], "x", "warning", "10 days ago"),
        (["drift-backup-20260115T003000Z.tar.gz"], "", "error", "is empty"),
        (["other.tar.gz", "drift-backup-x.tar.gz"], "x", "warning", "none in"),
    ],
)
def test_the_newest_backup_must_be_recent(
    tmp_path: Path, names: list[str], content: str, status: str, message: str
) -> None:
    """Its name says when it was made."""
    for name in names:
        put(tmp_path / "backups" / name, content)
    result = backup(tmp_path / "backups", NOW)
    assert (result.status, message in result.message) == (status, True)
    assert (f"backup --to {tmp_path}/backups" in result.remedy) is (status != "ok")


def test_unreadable_backups_are_skipped(tmp_path: Path) -> None:
    """They belong to another user."""
    tmp_path.chmod(0)
    try:
        printed = run_unprivileged(CHECK, tmp_path)
    finally:
        tmp_path.chmod(0o755)
    assert printed == f"not checked: {tmp_path} is not readable by this user"


@pytest.mark.parametrize("name", ["a.csv", "b.parquet", "c.duckdb", "folder", "*.jsonl"])
def test_no_backup_is_demanded_of_other_files_than_sqlite(tmp_path: Path, name: str) -> None:
    """None can be made; the room for one does not matter either."""
    (tmp_path / "folder").mkdir()
    look = setup(tmp_path, db=tmp_path / name)
    found = findings_of(upkeep.checks(look))["backup"], findings_of(room.checks(look))["backups"]
    assert {(item.status, item.message) for item in found} == {
        ("skipped", "does not apply: the records are not in a SQLite file")
    }


@pytest.mark.parametrize(
    ("records", "given", "status"),
    [
        (120, {"sample_size": 40}, "ok"),
        (120, {"sample_size": 41}, "warning"),
        (13_083, {}, "ok"),
        (13_083, {"sample_size": 49}, "warning"),
        (13_083, {"sample_size": None}, "ok"),
        (2_000_000, {"sample_size": 50}, "warning"),
        (120, {"decision": "sequential"}, "ok"),
        (120, {"records": ("1",)}, "skipped"),
    ],
)
def test_the_sample_must_fit_the_store(records: int, given: dict[str, Any], status: str) -> None:
    """From half to twice the recommended size; large stores need more, and a review a week."""
    assert "200 a week are recommended" in sample_size(settings(sample_size=200), 2_000_000).message
    result = sample_size(settings(**given), records)
    assert (result.status, bool(result.remedy)) == (status, status == "warning")
