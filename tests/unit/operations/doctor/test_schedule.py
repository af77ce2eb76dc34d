"""The schedule that is installed below a root."""

from __future__ import annotations

import hashlib
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from drift_checks.operations.doctor.finding import Finding, Status
from drift_checks.operations.doctor.schedule import (
    Schedule,
    checks,
    cron_runs,
    is_enabled,
    processes,
    timer_enabled,
    unchanged,
)
from tests.support.doctoring import (
    CRONTAB,
    NOW,
    TIMER,
    found,
    marked,
    put,
    put_crontab,
    put_timer,
    put_zone,
    said,
    setup,
)


def looked_at(root: Path) -> dict[str, Finding]:
    """Return what is found of the schedule, by name."""
    return found(checks(setup(root), Schedule(root, NOW)))


def test_no_schedule_is_a_warning(tmp_path: Path) -> None:
    """And nothing else of it is looked at."""
    told = looked_at(tmp_path)
    assert {name: line.status for name, line in told.items()} == {"installed": Status.WARNING}
    assert "python -m drift_checks install cron" in told["installed"].remedy


def test_a_timer_is_all_ticks(tmp_path: Path) -> None:
    """With whose reviews they are, and when the next one is."""
    put_timer(tmp_path)
    told = looked_at(tmp_path)
    assert {line.status for line in told.values()} == {"ok"}
    assert said(told["installed"])[1].endswith("drift-review.timer, for the user drift")
    assert said(told["next review"])[1] == "2026-01-16 02:00 UTC, up to 30min later, every day"


def test_a_weekly_timer(tmp_path: Path) -> None:
    """It says so."""
    put_timer(tmp_path, TIMER.replace("*-*-*", "Mon *-*-*").replace("RandomizedDelaySec=30min\n", ""))
    assert said(looked_at(tmp_path)["next review"])[1] == "2026-01-19 02:00 UTC, every week"


def test_a_timer_that_was_not_enabled(tmp_path: Path) -> None:
    """It never fires."""
    put_timer(tmp_path, enabled=False)
    told = looked_at(tmp_path)["enabled"]
    assert (told.status, told.remedy) == ("error", "systemctl enable --now drift-review.timer")


@pytest.mark.parametrize(("asked", "status"), [("enabled", "ok"), ("disabled", "error"), ("masked", "error")])
def test_systemd_has_the_last_word(tmp_path: Path, asked: str, status: str) -> None:
    """Where it runs."""
    put_timer(tmp_path)
    link = tmp_path / "etc/systemd/system/timers.target.wants/drift-review.timer"
    assert timer_enabled(link, asked).status == status


def test_a_crontab_is_all_ticks_but_for_its_daemon(tmp_path: Path) -> None:
    """Which cannot be told of another machine."""
    put_zone(tmp_path, "Europe/Berlin")
    put_crontab(tmp_path)
    told = looked_at(tmp_path)
    assert {name: str(line.status) for name, line in told.items()} == {
        "installed": "ok",
        "enabled": "skipped",
        "as installed": "ok",
        "next review": "ok",
    }
    assert said(told["installed"])[1].endswith("etc/cron.d/drift-checks, for the user drift")
    assert said(told["next review"])[1] == "2026-01-16 02:00 UTC, every day"


def test_the_lines_of_other_commands_are_not_the_review(tmp_path: Path) -> None:
    """Backups have times of their own."""
    put_zone(tmp_path, "UTC")
    before = "30 0 * * * drift python -m drift_checks backup /var/backups/drift-checks\n0 * * * *"
    put_crontab(tmp_path, CRONTAB.replace("0 * * * *", before))
    assert said(looked_at(tmp_path)["next review"])[1].startswith("2026-01-16 02:00 UTC")


@pytest.mark.parametrize(
    ("names", "status"),
    [(["init", "cron"], "ok"), (["crond"], "ok"), (["crony", "bash"], "error"), (None, "skipped")],
)
def test_the_cron_daemon(names: list[str] | None, status: str) -> None:
    """Without it nothing is ever begun."""
    assert cron_runs(names).status == status


def test_the_programs_of_this_machine_are_told() -> None:
    """This one is among them."""
    assert any("python" in name or "pytest" in name for name in processes())


def test_both_at_once_are_a_warning(tmp_path: Path) -> None:
    """Two reviews a night, one of which would find the other under way."""
    put_timer(tmp_path)
    put_crontab(tmp_path)
    told = looked_at(tmp_path)["installed"]
    assert (told.status, "two reviews a night" in told.message) == ("warning", True)
    assert "uninstall" in told.remedy


def test_a_change_by_hand_is_a_warning(tmp_path: Path) -> None:
    """With the names of the files."""
    put_timer(tmp_path)
    unit = tmp_path / "etc/systemd/system/drift-review.timer"
    unit.write_text(unit.read_text(encoding="utf-8").replace("02:00", "03:00"), encoding="utf-8")
    put(tmp_path / "etc/systemd/system/drift-backup.service", "[Service]\n")
    told = looked_at(tmp_path)["as installed"]
    assert said(told) == ("warning", "changed by hand since: drift-backup.service, drift-review.timer")


def test_a_credential_that_was_changed_is_a_warning(tmp_path: Path) -> None:
    """It bears no digest itself."""
    put_timer(tmp_path)
    secret = put(tmp_path / "etc/drift-checks/credentials/NAME", "one", 0o600)
    digest = hashlib.sha256(b"one").hexdigest()
    put(tmp_path / "etc/drift-checks/credentials.sha256", f"{digest}  /etc/drift-checks/credentials/NAME\n", 0o600)
    assert looked_at(tmp_path)["as installed"].status is Status.OK
    secret.write_text("another", encoding="utf-8")
    assert said(looked_at(tmp_path)["as installed"]) == ("warning", "changed by hand since: NAME")


def test_files_that_cannot_be_read_are_no_tick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a warning."""
    file = put(tmp_path / "review.env", marked("a\n"), 0o600)
    monkeypatch.setattr(os, "access", lambda *arguments, **options: False)
    assert unchanged({file: None}).status is Status.SKIPPED


def test_a_crontab_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """When the next review is, is not known."""
    put_crontab(tmp_path, "@daily drift python -m drift_checks\n")
    assert looked_at(tmp_path)["next review"].status is Status.SKIPPED
    assert Schedule(tmp_path, NOW).every is None


def test_how_often_reviews_are_made(tmp_path: Path) -> None:
    """It is told from the next two."""
    put_zone(tmp_path, "UTC")
    put_crontab(tmp_path, CRONTAB.replace(r"+\%H)\" = 02", "").replace(r"+\%H", r"+\%u\%H").replace("= 02", "= 102"))
    assert Schedule(tmp_path, NOW).every == timedelta(days=7)


def test_a_machine_without_systemctl_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known then."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert is_enabled() is None
