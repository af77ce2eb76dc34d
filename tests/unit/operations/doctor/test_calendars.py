"""When a schedule fires next."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from drift_checks.operations.doctor.calendars import computed, cron_lines, next_of_calendar, next_of_cron

# A Thursday.
NOW = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def next_of(line: str, zone: str = "UTC", now: datetime = NOW) -> str | None:
    """Return when the first line of a crontab fires next."""
    lines = list(cron_lines(line, ZoneInfo(zone)))
    moment = next_of_cron(lines[0], now) if lines else None
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ('0 * * * * me [ "$(date -u +\\%H)" = 02 ] && run', "2026-01-16 02:00"),
        ('30 * * * * me [ "$(date -u +\\%H)" = 09 ] && run', "2026-01-16 09:30"),
        ('0 * * * * me [ "$(date -u +\\%u\\%H)" = 102 ] && run', "2026-01-19 02:00"),
        ('0,30 * * * * me [ "$(date -u +\\%H\\%M)" = 0230 ] && run', "2026-01-16 02:30"),
        ("0 * * * * me test $(date -u +\\%H) = 02 && run", "2026-01-16 02:00"),
        ("0 2 * * * me run", "2026-01-16 02:00"),
        ("31 9 * * * me run", "2026-01-15 09:31"),
        ("0 2 * * 1 me run", "2026-01-19 02:00"),
        ("0 2 * * 7 me run", "2026-01-18 02:00"),
        ("0 2 * * 1-5 me run", "2026-01-16 02:00"),
        ("*/20 * * * * me run", "2026-01-15 09:40"),
        ("0 2 17 * * me run", "2026-01-17 02:00"),
        ("0 2 17 * 5 me run", "2026-01-16 02:00"),
        ("0 2 * 6 * me run", None),
    ],
)
def test_a_line_of_cron(line: str, moment: str | None) -> None:
    """With the guard that asks for the hour in UTC, or without; None beyond nine days."""
    assert next_of(line) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0 2 * * * me run", "2026-01-16 01:00"),
        ("CRON_TZ=UTC\n0 2 * * * me run", "2026-01-16 02:00"),
        ('CRON_TZ="Asia/Tokyo"\n0 2 * * * me run', "2026-01-15 17:00"),
        ('0 * * * * me [ "$(date -u +\\%H)" = 02 ] && run', "2026-01-16 02:00"),
    ],
)
def test_a_line_in_another_zone(text: str, moment: str) -> None:
    """That of the crontab, else of the machine."""
    assert next_of(text, "Europe/Berlin") == moment


def test_a_guarded_line_fires_at_the_same_time_all_year() -> None:
    """The clock of the machine may change."""
    line = '0 * * * * me [ "$(date -u +\\%H)" = 02 ] && run'
    summer = datetime(2026, 7, 15, 9, 30, tzinfo=UTC)
    assert next_of(line, "Europe/Berlin", summer) == "2026-07-16 02:00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# a comment\nMAILTO=me\n",
        "0 2 * * mon me run",
        "@daily me run",
        "0 2 * * *",
        "CRON_TZ=No/Where\n0 2 * * * me run",
    ],
)
def test_a_line_in_another_form_is_not_read(text: str) -> None:
    """Nothing is said of it."""
    assert next_of(text) is None


@pytest.mark.parametrize(
    ("expression", "moment"),
    [
        ("*-*-* 02:00:00 UTC", "2026-01-16 02:00"),
        ("*-*-* 10:15", "2026-01-15 09:15"),
        ("Mon *-*-* 02:00:00 UTC", "2026-01-19 02:00"),
        ("Thu *-*-* 02:00:00 UTC", "2026-01-22 02:00"),
        ("Thu *-*-* 12:00:00 UTC", "2026-01-15 12:00"),
        ("*-*-* 18:00:00 Asia/Tokyo", "2026-01-16 09:00"),
    ],
)
def test_a_calendar_of_the_usual_form(expression: str, moment: str) -> None:
    """It is computed where systemd is not there to be asked."""
    found = computed(expression, NOW, ZoneInfo("UTC") if "10:15" not in expression else BERLIN)
    assert found is not None
    wanted = datetime.strptime(moment, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert found == wanted + (timedelta(days=1) if "10:15" in expression else timedelta())


@pytest.mark.parametrize("expression", ["hourly", "*-*-1 02:00", "*-*-* 99:00", "*-*-* 02:00 No/Where", ""])
def test_a_calendar_of_another_form_is_left_to_systemd(expression: str) -> None:
    """Which is not there."""
    assert computed(expression, NOW, UTC) is None


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
@pytest.mark.parametrize("expression", ["*-*-* 02:00:00 UTC", "Mon *-*-* 02:00:00 UTC", "Thu *-*-* 23:59:00 UTC"])
def test_systemd_says_the_same(expression: str) -> None:
    """As of the same moment."""
    assert next_of_calendar(expression, NOW, UTC) == computed(expression, NOW, UTC)


@pytest.mark.parametrize(
    "answer",
    [
        subprocess.TimeoutExpired("systemd-analyze", 1),
        FileNotFoundError(),
        subprocess.CompletedProcess([], 1, "", "no such thing"),
        subprocess.CompletedProcess([], 0, "Next elapse: never\n", ""),
    ],
)
def test_where_systemd_does_not_answer_it_is_computed(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    """Too old, too slow, or not there."""

    def run(*arguments: object, **options: object) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    assert next_of_calendar("*-*-* 02:00:00 UTC", NOW, UTC) == datetime(2026, 1, 16, 2, 0, tzinfo=UTC)
