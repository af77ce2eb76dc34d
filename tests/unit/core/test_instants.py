"""Timestamps as stores write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.instants import (
    LONGEST_PAUSE,
    format_instant,
    read_instant,
    requested_delay,
    retry_after_seconds,
)

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from([UTC, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), ZoneInfo("Pacific/Apia")])
MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
SEPARATORS = st.sampled_from(["T", "t", " ", "  ", "\t", "T "])
IN_UTC = st.sampled_from(["Z", "z", " Z", "+00:00", "-00:00", " +0000"])


def text_of(moment: datetime, separator: str) -> str:
    """Return the moment as ISO 8601 with this separator."""
    return moment.isoformat().replace("T", separator)


@given(moment=MOMENTS, zone=ZONES, separator=SEPARATORS)
def test_a_naive_timestamp_is_in_the_given_zone(moment: datetime, zone: tzinfo, separator: str) -> None:
    """The earlier of two when clocks are set back."""
    assert read_instant(text_of(moment, separator), zone) == moment.replace(tzinfo=zone).astimezone(UTC)


@given(moment=MOMENTS, offset=OFFSETS, zone=ZONES, separator=SEPARATORS)
def test_an_offset_overrides_the_zone(moment: datetime, offset: timezone, zone: tzinfo, separator: str) -> None:
    """Whatever the separator."""
    aware = moment.replace(tzinfo=offset)
    assert read_instant(text_of(aware, separator), zone) == aware


@given(moment=MOMENTS, mark=IN_UTC, zone=ZONES, separator=SEPARATORS)
def test_a_mark_of_utc_overrides_the_zone(moment: datetime, mark: str, zone: tzinfo, separator: str) -> None:
    """In either case, with or without a space."""
    assert read_instant(text_of(moment, separator) + mark, zone) == moment.replace(tzinfo=UTC)


@given(moment=MOMENTS, digits=st.integers(1, 6), mark=st.sampled_from(["", "Z"]))
def test_a_fraction_may_have_any_number_of_digits(moment: datetime, digits: int, mark: str) -> None:
    """Databases and languages differ."""
    whole = moment.replace(microsecond=0)
    fraction = f"{moment.microsecond:06}"[:digits]
    expected = whole.replace(tzinfo=UTC) + timedelta(microseconds=int(fraction.ljust(6, "0")))
    assert read_instant(f"{whole.isoformat()}.{fraction}{mark}", UTC) == expected


@given(day=st.dates(date(1900, 1, 2), date(2200, 1, 1)), zone=ZONES)
def test_a_date_alone_means_midnight(day: date, zone: tzinfo) -> None:
    """In the given zone."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    assert read_instant(day.isoformat(), zone) == midnight.astimezone(UTC)


@given(moment=MOMENTS, padding=st.sampled_from([" ", "\n", "\t "]))
def test_surrounding_white_space_is_ignored(moment: datetime, padding: str) -> None:
    """Exports add it."""
    assert read_instant(f"{padding}{moment.isoformat()}Z{padding}", UTC) == moment.replace(tzinfo=UTC)


@given(moment=MOMENTS, offset=OFFSETS)
def test_a_formatted_instant_is_read_back(moment: datetime, offset: timezone) -> None:
    """It is in UTC, with a `Z`."""
    aware = moment.replace(tzinfo=offset)
    assert format_instant(aware).endswith("Z")
    assert read_instant(format_instant(aware), BERLIN) == aware


LIKE_TIMESTAMPS = st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]{0,15}(Z|z|[+-][0-9:]{0,8})?", fullmatch=True)
OTHERS = st.one_of(st.text(), st.binary(), st.integers(), st.floats(), st.none(), st.booleans())


@given(value=st.one_of(LIKE_TIMESTAMPS, OTHERS), zone=ZONES)
def test_no_stored_value_raises(value: object, zone: tzinfo) -> None:
    """The result is an instant in UTC, or None, even at the ends of the calendar."""
    moment = read_instant(value, zone)
    assert moment is None or moment.tzinfo is UTC


INVALID = (
    *("", "last tuesday", "2026-02-30", "2026-01-15T25:00:00", "2026-01-15T02:00:00+25:00", "15.01.2026", "2026"),
    *("1768442400", "٢٠٢٦-٠١-١٥", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2026-01-15T02:00:00Zulu"),
    *("2026-01-15\0", "2026-01-15x02:00:00", "2026-01-15-02:00", "2026-01-15+01:00", 1768442400, None, b"2026-01-15"),
)


@pytest.mark.parametrize("value", INVALID)
def test_an_invalid_timestamp_is_no_instant(value: object) -> None:
    """Only `T` or white space may separate date and time."""
    assert read_instant(value, UTC) is None


NOW = datetime(2026, 1, 15, 2, tzinfo=UTC)


@given(st.integers(-100, 300 * 86_400))
def test_a_pause_is_asked_for_in_seconds_or_until_a_date(seconds: int) -> None:
    """A time that has passed means no pause."""
    until = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_seconds(f" {seconds} ") == retry_after_seconds(until, NOW) == max(0, seconds)


@pytest.mark.parametrize(
    "value",
    [
        "9" * 20,
        "9" * 500,
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 99999 23:59:59 GMT",
        f"Fri, 31 Dec {'9' * 500} 23:59:59 GMT",
    ],
)
def test_a_pause_of_more_than_a_year_is_a_year(value: str) -> None:
    """Also one that ends after the last date of Python."""
    assert retry_after_seconds(value, NOW) == LONGEST_PAUSE


@pytest.mark.parametrize("value", ["-1", f"-{'9' * 500}", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_pause_that_is_over_is_none(value: str) -> None:
    """Whatever its length."""
    assert retry_after_seconds(value, NOW) == 0


@pytest.mark.parametrize("value", ["", "soon", "nan", "inf", "1e400", "1_000", "٥", "Fri, 99 Zzz 2026", "0x10"])
def test_another_value_asks_for_no_pause(value: str) -> None:
    """It is neither a number nor a date."""
    assert retry_after_seconds(value, NOW) is None


@given(st.text())
def test_no_header_raises(value: str) -> None:
    """The result is finite."""
    seconds = retry_after_seconds(value)
    assert seconds is None or 0 <= seconds <= LONGEST_PAUSE


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("You exceeded your current quota. Please retry in 27.4s.", 27.4),
        ("Please try again in 1m3.5s. Visit https://host/2", 63.5),
        ("'retryDelay': '27s'", 27),
        ('"retry_after_ms": 500', 0.5),
        ("Try again in 20ms", 0.02),
        ("retry after 5 minutes", 300),
        ("Please wait for 1 hour 5 mins", 3900),
        ("Retry after 12", 12),
        ("retry in 0s", 0),
        ("Please try again later", None),
        ("retry after 30 records", None),
        ("retry after 2026-11-27", None),
        ("the limit is 27 s", None),
        ("retry in " + "9" * 400 + "s", None),
    ],
)
def test_reads_the_delay_that_an_error_asks_for(text: str, seconds: float | None) -> None:
    """In the units that endpoints write."""
    assert requested_delay(text) == (None if seconds is None else pytest.approx(seconds))


@given(st.text() | st.from_regex(r"retry (in|after) [0-9.]{1,9} ?[a-z]{0,8}"))
def test_any_text_asks_for_a_delay_or_none(text: str) -> None:
    """Which is never negative."""
    delay = requested_delay(text)
    assert delay is None or delay >= 0


@pytest.mark.parametrize("year", ["0000", "0001", "9999", "99999"])
@pytest.mark.parametrize("offset", ["-2359", "+2359", "GMT", "+99999999999"])
def test_a_date_to_retry_after_may_be_out_of_range(year: str, offset: str) -> None:
    """It is an instant or none."""
    delay = retry_after_seconds(f"Fri, 31 Dec {year} 23:59:59 {offset}")
    assert delay is None or delay >= 0
