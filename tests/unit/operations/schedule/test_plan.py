"""When the review, the backup and the clean-up run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.errors import SettingError
from drift_checks.operations.schedule.machine import zone_of
from drift_checks.operations.schedule.plan import DAY, WEEK, Schedule, read_schedule

NOW = datetime(2026, 1, 15, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham")


def firings(schedule: Schedule, zone: ZoneInfo, days: int) -> list[datetime]:
    """Return when the hourly line passes its guard, in UTC, trying every fifth minute."""
    minutes = {int(text) for text in schedule.cron_hourly(zone, NOW).split()[0].split(",")}
    form, expected = schedule.guard(zone, NOW)
    found = []
    for step in range(0, days * 24 * 60, 5):
        moment = NOW + timedelta(minutes=step)
        weekday = moment.strftime(form.replace("%u", str(moment.isoweekday())))
        if moment.astimezone(zone).minute in minutes and weekday == expected:
            found.append(moment)
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_the_hourly_line_fires_once_a_day_at_the_minute_in_utc(zone: str) -> None:
    """In every zone, through both changes of its clocks."""
    schedule = read_schedule("02:10", DAY)
    fired = firings(schedule, ZoneInfo(zone), 365)
    assert len(fired) == 365
    assert {f"{moment:%H:%M}" for moment in fired} == {"02:10"}


def test_the_hourly_line_fires_on_mondays() -> None:
    """In UTC, if it is weekly."""
    fired = firings(read_schedule("23:45", WEEK), ZoneInfo("Asia/Kolkata"), 28)
    assert [moment.isoweekday() for moment in fired] == [1, 1, 1, 1]


@pytest.mark.parametrize("at", ["24:00", "2", "02:60", "2am", "", "02:00:00", "-1:00", "02:00 ", "٠٢:٠٠"])
def test_anything_but_a_time_of_day_is_refused(at: str) -> None:
    """With the remedy."""
    with pytest.raises(SettingError, match=r"^--at: .* is invalid; it must be a time of day in UTC"):
        read_schedule(at, DAY)


@given(st.integers(0, 23), st.integers(0, 59))
def test_backup_and_clean_up_do_not_overlap_with_the_review(hour: int, minute: int) -> None:
    """One runs before it, the other after its last retry."""
    schedule = read_schedule(f"{hour}:{minute:02}", DAY)
    clocks = (schedule.backup_on_calendar, schedule.vacuum_on_calendar)
    before, after = (int(text.split()[-2][:2]) * 60 + int(text.split()[-2][3:5]) for text in clocks)
    assert ((schedule.minute - before) % 1440, (after - schedule.minute) % 1440) == (90, 180)


def test_times_are_written_for_timers_and_crontabs() -> None:
    """In their own forms."""
    schedule = read_schedule("2:00", DAY)
    assert schedule.on_calendar == "*-*-* 02:00:00 UTC"
    assert schedule.backup_on_calendar == "*-*-* 00:30:00 UTC"
    assert schedule.vacuum_on_calendar == "Sun *-*-* 05:00:00 UTC"
    assert read_schedule("02:00", WEEK).on_calendar == "Mon *-*-* 02:00:00 UTC"
    assert (schedule.cron_in_utc, read_schedule("13:05", WEEK).cron_in_utc) == ("0 2 * * *", "5 13 * * 1")


def test_the_zone_is_that_of_the_daemons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of the caller's shell."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/localtime").symlink_to("/usr/share/zoneinfo/Asia/Kolkata")
    assert zone_of(tmp_path) == ZoneInfo("Asia/Kolkata")
    (tmp_path / "etc/localtime").unlink()
    (tmp_path / "etc/timezone").write_text("Europe/Berlin\n")
    assert zone_of(tmp_path) == ZoneInfo("Europe/Berlin")
