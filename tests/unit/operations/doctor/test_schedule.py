"""The schedule that is installed below a root."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from drift_checks.operations.doctor.check import Finding, Status
from drift_checks.operations.doctor.schedule import (
    checks,
    cron_runs,
    process_names,
    timer_enabled,
    timer_state,
    unchanged,
)
from tests.support.doctoring import (
    CRONTAB,
    findings_of,
    marked,
    outcome,
    put,
    put_crontab,
    put_timer,
    put_zone,
    setup,
    statuses,
)


def schedule(root: Path) -> dict[str, Finding]:
    """Return the findings about the schedule, by name."""
    return findings_of(checks(setup(root)))


def test_no_schedule_is_a_warning(tmp_path: Path) -> None:
    """There is nothing else to check."""
    found = schedule(tmp_path)
    assert statuses(found) == {"installed": "warning"}
    assert "python -m drift_checks install cron" in found["installed"].remedy


def test_a_timer_passes(tmp_path: Path) -> None:
    """With its user, and the next review."""
    put_timer(tmp_path)
    found = schedule(tmp_path)
    assert set(statuses(found).values()) == {"ok"}
    assert found["installed"].message.endswith("drift-review.timer, for the user drift")
    assert found["next review"].message == "2026-01-16 02:00 UTC, up to 30min later, every day"


@pytest.mark.parametrize(
    ("linked", "state", "status"),
    [
        (True, None, "ok"),
        (False, None, "error"),
        (False, "enabled", "ok"),
        (True, "disabled", "error"),
    ],
)
def test_a_timer_must_be_enabled(tmp_path: Path, linked: bool, state: str | None, status: str) -> None:
    """Systemd has the last word, if it runs."""
    put_timer(tmp_path, enabled=linked)
    result = timer_enabled(tmp_path / "etc/systemd/system/timers.target.wants/drift-review.timer", state)
    remedy = "" if status == "ok" else "systemctl enable --now drift-review.timer"
    assert (result.status, result.remedy) == (status, remedy)


def test_a_crontab_passes_except_for_its_daemon(tmp_path: Path) -> None:
    """Which is unknown on another machine."""
    put_zone(tmp_path, "Europe/Berlin")
    put_crontab(tmp_path)
    found = schedule(tmp_path)
    assert statuses(found) == {"installed": "ok", "enabled": "skipped", "as installed": "ok", "next review": "ok"}
    assert found["installed"].message.endswith("etc/cron.d/drift-checks, for the user drift")
    assert found["next review"].message == "2026-01-16 02:00 UTC, every day"


@pytest.mark.parametrize(
    ("crontab", "status", "message"),
    [
        ("30 0 * * * drift python -m drift_checks backup\n" + CRONTAB, "ok", "2026-01-16 02:00 UTC, every day"),
        (CRONTAB.replace(r"+\%H", r"+\%u\%H").replace("= 02", "= 102"), "ok", "2026-01-19 02:00 UTC, every week"),
        ("0 2 * * mon-fri drift python -m drift_checks\n", "ok", "2026-01-16 02:00 UTC, every 72 hours"),
        ("@reboot drift python -m drift_checks\n", "warning", "only when the machine boots (@reboot)"),
        ("@never drift python -m drift_checks\n", "skipped", "unknown: the schedule cannot be read"),
    ],
)
def test_the_next_review_is_that_of_the_line_that_reviews(
    tmp_path: Path, crontab: str, status: str, message: str
) -> None:
    """Backups have their own times."""
    put_zone(tmp_path, "UTC")
    put_crontab(tmp_path, crontab)
    assert outcome(schedule(tmp_path)["next review"]) == (status, message)


@pytest.mark.parametrize(
    ("names", "status"), [(["init", "cron"], "ok"), (["crond"], "ok"), (["crony", "bash"], "error"), (None, "skipped")]
)
def test_the_cron_daemon_must_run(names: list[str] | None, status: str) -> None:
    """Without it no review ever starts."""
    assert cron_runs(names).status == status
    assert any("python" in name or "pytest" in name for name in process_names())


def test_two_schedules_at_once_are_a_warning(tmp_path: Path) -> None:
    """One of two reviews a night would find the other one running."""
    put_timer(tmp_path)
    put_crontab(tmp_path)
    found = schedule(tmp_path)["installed"]
    assert (found.status, "two reviews a night" in found.message) == ("warning", True)
    assert "uninstall" in found.remedy


def test_a_change_by_hand_is_a_warning(tmp_path: Path) -> None:
    """With the names of the files."""
    put_timer(tmp_path)
    unit = tmp_path / "etc/systemd/system/drift-review.timer"
    unit.write_text(unit.read_text(encoding="utf-8").replace("02:00", "03:00"), encoding="utf-8")
    put(tmp_path / "etc/systemd/system/drift-backup.service", "[Service]\n")
    message = "changed by hand since: drift-backup.service, drift-review.timer"
    assert outcome(schedule(tmp_path)["as installed"]) == ("warning", message)


def test_a_changed_credential_is_a_warning(tmp_path: Path) -> None:
    """Its digest is in a file of its own."""
    put_timer(tmp_path)
    secret = put(tmp_path / "etc/drift-checks/credentials/NAME", "one", 0o600)
    digest = hashlib.sha256(b"one").hexdigest()
    put(tmp_path / "etc/drift-checks/credentials.sha256", f"{digest}  /etc/drift-checks/credentials/NAME\n", 0o600)
    assert schedule(tmp_path)["as installed"].status is Status.OK
    secret.write_text("another", encoding="utf-8")
    assert outcome(schedule(tmp_path)["as installed"]) == ("warning", "changed by hand since: NAME")


def test_what_cannot_be_read_or_asked_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of another user, and the timer of a machine without systemctl."""
    file = put(tmp_path / "review.env", marked("a\n"), 0o600)
    monkeypatch.setattr(os, "access", lambda *arguments, **options: False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert (unchanged({file: None}).status, timer_state()) == (Status.SKIPPED, None)
