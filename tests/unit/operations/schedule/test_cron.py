"""The crontab."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.operations.schedule.cron import CronJob, crontab
from drift_checks.operations.schedule.machine import daemon_of, knows_zones
from drift_checks.operations.schedule.plan import DAY, WEEK, read_schedule

UTC_ZONE = ZoneInfo("UTC")


def made(
    interpreter: str = "/opt/v/bin/python",
    mail_to: str = "drift",
    zone: ZoneInfo | None = UTC_ZONE,
    at: str = "02:00",
    every: str = DAY,
    has_home: bool = True,
) -> str:
    """Return the crontab."""
    now = datetime(2026, 1, 15, tzinfo=UTC)
    return crontab(CronJob(read_schedule(at, every), "drift", Path(interpreter), mail_to, zone, now, has_home))


def job_line(text: str) -> str:
    """Return the line that runs a command."""
    (line,) = [line for line in text.splitlines() if line[0] in "0123456789"]
    return line


def command(line: str) -> str:
    """Return what the shell gets of a line: its command, up to the first unescaped percent sign."""
    return line.split(None, 6)[6].replace("\\%", "%") if "%" not in line.replace("\\%", "") else ""


def test_a_daemon_that_knows_zones_gets_a_time_in_utc() -> None:
    """Without a guard; a user without a home gets one, since some daemons run nothing otherwise."""
    text = made(zone=None)
    assert "\nHOME=" not in text
    assert "\nHOME=/\n" in made(zone=None, has_home=False)
    assert "\nCRON_TZ=UTC\n" in text
    run = "set -a && . /etc/drift-checks/review.env && exec /opt/v/bin/python -P -m drift_checks --run-once"
    assert job_line(text) == f"0 2 * * * drift {run}"


def test_any_other_daemon_gets_an_hourly_line() -> None:
    """Which checks the hour in UTC."""
    text = made()
    assert "CRON_TZ" not in text
    assert job_line(text).startswith('0 * * * * drift [ "$(date -u +\\%H)" = 02 ] && set -a && ')
    weekly = job_line(made(every=WEEK, zone=ZoneInfo("Asia/Kolkata")))
    assert weekly.startswith('30 * * * * drift [ "$(date -u +\\%u\\%H)" = 102 ] && ')


@pytest.mark.parametrize("path", ["/opt/100%/python", "/opt/my dir/python", '/opt/it\'s "$x" `y`/python'])
def test_cron_and_the_shell_find_the_interpreter(path: str) -> None:
    """The percent sign means something to cron, the others to the shell."""
    found = command(job_line(made(interpreter=path)))
    assert shlex.split(found.partition("exec ")[2])[0] == path


@pytest.mark.parametrize("path", ["/opt/a\\b/python", "/opt/a\nb/python"])
def test_a_path_that_no_crontab_can_contain_is_refused(path: str) -> None:
    """A line feed ends the line, and daemons differ about the backslash; cron cuts long lines."""
    with pytest.raises(SettingError, match="a crontab cannot contain"):
        made(interpreter=path)
    with pytest.raises(SettingError, match="too long"):
        made(interpreter=f"/{'a' * 950}/python")


@pytest.mark.parametrize("mail_to", ["a b", "a\nb", "$(id)", "", "ann@example.com; id"])
def test_an_address_that_cron_does_not_mail_to_is_refused(mail_to: str) -> None:
    """It would be part of a command line."""
    with pytest.raises(SettingError, match="--mail-to"):
        made(mail_to=mail_to)
    assert "\nMAILTO=ann@example.com,bob\n" in made(mail_to="ann@example.com,bob")


def test_a_daemon_knows_zones_if_its_program_names_the_variable(tmp_path: Path) -> None:
    """Debian's cron does not."""
    assert daemon_of(tmp_path) is None
    assert not knows_zones(None)
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/crond").write_bytes(b"\x7fELF\0MAILTO\0CRON_TZ\0")
    assert knows_zones(daemon_of(tmp_path))
    (tmp_path / "usr/sbin/cron").write_bytes(b"\x7fELF\0MAILTO\0")
    assert not knows_zones(daemon_of(tmp_path))
