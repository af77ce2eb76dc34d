"""When the installed schedule next starts a review."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from drift_checks.operations.doctor.installed import compute_calendar, cron_lines, next_of_calendar

# A Thursday.
NOW = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)


def next_of(crontab: str, zone: str = "UTC", now: datetime = NOW) -> str | None:
    """Return when the first line of a crontab next fires."""
    line = next(iter(cron_lines(crontab, ZoneInfo(zone))), None)
    moment = line.next_after(now) if line else None
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ('0 * * * * me [ "$(date -u +\\%H)" = 02 ] && run', "2026-01-16 02:00"),
        ('30 * * * * me [ "$(date -u +\\%H)" = 09 ] && run', "2026-01-16 09:30"),
        ('0 * * * * me [ "$(date -u +\\%u\\%H)" = 102 ] && run', "2026-01-19 02:00"),
        ('0,30 * * * * me [ "$(date -u +\\%H\\%M)" = 0230 ] && run', "2026-01-16 02:30"),
        ("0 * * * * me test $(date -u +\\%H) = 02 && run", "2026-01-16 02:00"),
        ('0 * * * * me [ "$(date -u +\\%H)" = 25 ] && run', None),
        ("0 2 * * * me run", "2026-01-16 02:00"),
        ("0 2 * * mon-fri me run", "2026-01-16 02:00"),
        ("*/20 * * * * me run", "2026-01-15 09:40"),
        ("0 2 17 * 5 me run", "2026-01-16 02:00"),
        ("0 2 1 jun * me run", "2026-06-01 02:00"),
        ("@hourly me run", "2026-01-15 10:00"),
        ("@daily me run", "2026-01-16 00:00"),
        ("@weekly me run", "2026-01-18 00:00"),
        ("@reboot me run", None),
    ],
)
def test_a_line_fires_next_at_its_times_and_when_its_guard_holds(line: str, moment: str | None) -> None:
    """Lines written by `install` have a guard that asks for the hour in UTC."""
    assert next_of(line) == moment


@pytest.mark.parametrize(
    ("crontab", "moment"),
    [
        ("0 2 * * * me run", "2026-01-16 01:00"),
        ("CRON_TZ=UTC\n0 2 * * * me run", "2026-01-16 02:00"),
        ('CRON_TZ = "Asia/Tokyo"\n@daily me run', "2026-01-15 15:00"),
        ("CRON_TZ=Asia/Tokyo\nCRON_TZ=\n0 2 * * * me run", "2026-01-16 01:00"),
    ],
)
def test_times_are_in_the_zone_of_the_crontab_or_of_the_machine(crontab: str, moment: str) -> None:
    """CRON_TZ applies to the lines below it; summer time makes no difference to a guarded line."""
    assert next_of(crontab, "Europe/Berlin") == moment
    guarded = '0 * * * * me [ "$(date -u +\\%H)" = 02 ] && run'
    assert next_of(guarded, "Europe/Berlin", datetime(2026, 7, 15, 9, 30, tzinfo=UTC)) == "2026-07-16 02:00"


@pytest.mark.parametrize(
    "crontab",
    [
        "",
        "# 0 2 * * * me run\nMAILTO=me\nMAILTO = a b c d e f g\n",
        "0 2 * * *",
        "0 2 * * * me",
        "99 2 * * * me run",
        "0 2 * * noday me run",
        "@never me run",
        "CRON_TZ=No/Where\n0 2 * * * me run",
    ],
)
def test_an_unreadable_line_is_skipped(crontab: str) -> None:
    """As are comments and variables; any other line keeps its user and its command."""
    assert next_of(crontab) is None
    (line,) = cron_lines(f"{crontab}\nCRON_TZ=\n@reboot ann run this", UTC)
    assert (line.times, line.user, line.command) == ("", "ann", "run this")


@pytest.mark.parametrize(
    ("expression", "zone", "moment"),
    [
        ("*-*-* 10:15", "Europe/Berlin", "2026-01-16 09:15"),
        ("Mon *-*-* 02:00:00 UTC", "UTC", "2026-01-19 02:00"),
        ("Thu *-*-* 02:00:00 UTC", "UTC", "2026-01-22 02:00"),
        ("*-*-* 18:00:00 Asia/Tokyo", "UTC", "2026-01-16 09:00"),
    ],
)
def test_a_calendar_of_the_usual_form_is_computed(expression: str, zone: str, moment: str) -> None:
    """For machines without systemd; any other form is left to systemd."""
    others = ("hourly", "*-*-1 02:00", "*-*-* 99:00", "*-*-* 02:00 No/Where", "")
    assert {compute_calendar(other, NOW, UTC) for other in others} == {None}
    assert compute_calendar(expression, NOW, ZoneInfo(zone)) == datetime.fromisoformat(f"{moment}Z")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
@pytest.mark.parametrize("expression", ["*-*-* 02:00:00 UTC", "Mon *-*-* 02:00:00 UTC", "Thu *-*-* 23:59:00 UTC"])
def test_systemd_agrees(expression: str) -> None:
    """With what is computed, from the same moment."""
    assert next_of_calendar(expression, NOW, UTC) == compute_calendar(expression, NOW, UTC)


@pytest.mark.parametrize(
    "answer",
    [
        subprocess.TimeoutExpired("systemd-analyze", 1),
        FileNotFoundError(),
        subprocess.CompletedProcess([], 1, "", "no such thing"),
        subprocess.CompletedProcess([], 0, "Next elapse: never\n", ""),
    ],
)
def test_a_calendar_is_computed_if_systemd_does_not_answer(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    """It may be too old, too slow, or missing."""

    def run(*arguments: object, **options: object) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    assert next_of_calendar("*-*-* 02:00:00 UTC", NOW, UTC) == datetime(2026, 1, 16, 2, 0, tzinfo=UTC)
