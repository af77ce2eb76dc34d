"""The units checked by systemd's own tools: valid, at the right times, and well sandboxed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drift_checks.operations.schedule.plan import DAY, WEEK, read_schedule
from drift_checks.operations.schedule.systemd import SERVICES, TIMERS, SystemdJob, units

# Read before a fixture takes the machine's settings away.
pytestmark = pytest.mark.server

REQUIRED = os.environ.get("DRIFT_REQUIRE_SERVERS") == "1"
# In tenths: `systemd-analyze security` says "OK" up to 5.0.
MOST_EXPOSED = 15


def analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze; without it, skip the test, or fail if servers are required."""
    found = shutil.which("systemd-analyze")
    if found is None:
        reason = "systemd-analyze is missing: apt-get install --no-install-recommends systemd"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    command = [found, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


@pytest.fixture(params=["plain", "hostile"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a folder with the units for ordinary paths, or for paths with every special character."""
    interpreter = tmp_path / ("bin" if request.param == "plain" else "a b 100% \"q\" 'p' $x \\y %n;#é") / "python"
    interpreter.parent.mkdir()
    interpreter.symlink_to(sys.executable)
    plain = request.param == "plain"
    job = SystemdJob(
        schedule=read_schedule("02:00", DAY),
        user="root",
        interpreter=interpreter,
        credentials=("SLACK_WEBHOOK_URL",),
        reads=() if plain else (Path("/home/ann"), interpreter.parent),
        writes=(Path("/srv/reports"),) if plain else (interpreter.parent, Path("/home/a b%/r")),
        stores=(Path("/srv/app"), Path("/tmp/$x 5%")),
        vacuum_application=not plain,
    )
    for name, text in units(job).items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", [*SERVICES, *TIMERS])
def test_systemd_accepts_a_unit(written: Path, name: str) -> None:
    """Without errors, warnings or unknown settings."""
    done = analyze("verify", "--man=no", written / name)
    ours = [line for line in done.stderr.splitlines() if "drift" in line]
    assert (done.returncode, ours, done.stdout) == (0, [], "")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_sandboxed(written: Path, name: str) -> None:
    """As far as possible with access to the network."""
    done = analyze("security", "--offline=yes", "--no-pager", f"--threshold={MOST_EXPOSED}", written / name)
    assert done.returncode == 0, done.stdout[-200:]
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None
    assert float(found[1]) * 10 <= MOST_EXPOSED


def elapses(expression: str, count: int) -> list[str]:
    """Return the next times of a calendar expression after a Thursday."""
    done = analyze("calendar", "--base-time=2026-10-22 12:00:00 UTC", f"--iterations={count}", expression)
    assert done.returncode == 0, done.stderr
    return re.findall(r"(?:Next elapse|Iter(?:\.|ation) ?#\d+): (\w{3} [\d-]+ [\d:]+) UTC", done.stdout)


def test_the_review_is_once_a_day_through_a_change_of_the_clocks() -> None:
    """At its time in UTC."""
    days = ["Fri 2026-10-23", "Sat 2026-10-24", "Sun 2026-10-25", "Mon 2026-10-26"]
    assert elapses(read_schedule("02:00", DAY).on_calendar, 4) == [f"{day} 02:00:00" for day in days]


def test_weekly_timers_fire_once_a_week() -> None:
    """The review on Mondays, the clean-up on Sundays."""
    schedule = read_schedule("02:00", WEEK)
    assert elapses(schedule.on_calendar, 2) == ["Mon 2026-10-26 02:00:00", "Mon 2026-11-02 02:00:00"]
    assert elapses(schedule.vacuum_on_calendar, 2) == ["Sun 2026-10-25 05:00:00", "Sun 2026-11-01 05:00:00"]
