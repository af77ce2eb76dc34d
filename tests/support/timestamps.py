"""Strategies for timestamps in every form, and for invalid ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

NEW_YORK = ZoneInfo("America/New_York")
_HOURS, _DAYS = timedelta(hours=15), timedelta(days=4)
ZONES = st.sampled_from([UTC, NEW_YORK, ZoneInfo("Asia/Kolkata"), ZoneInfo("Pacific/Kiritimati")])
TIME_AFFINITIES = st.sampled_from(["", "TEXT", "DATETIME", "NUMERIC", "TEXT COLLATE NOCASE"])
_MARKS = st.sampled_from(["", "Z", "z", " Z", "  z", "+00:00", "-05:00", "+14:00", " +05:30", "+0530", "-12:00"])
# Including hour 24 and 30 February, which only SQLite accepts.
LIKE_ONE = st.from_regex(
    r"20[12][0-9]-[0-3][0-9]-[0-2][0-8]([T ]([01][0-9]|2[0-35-9])(:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,9})?)?)?)?"
    r"(Z|[+-](1[0-9]|0[0-9]):[0-6][0-9])?",
    fullmatch=True,
)
_NO_TIMESTAMPS = ("", "now", "last tuesday", "2460000.5", "1768442400", "2026", "12:00", "0000-00-00", "-2020-01-01")
_ODD_FORMS = ("٢٠٢٦-٠١-١٥", "２０２６-01-15", "2026-W03-4", "20260115T020000Z", "2026-01-15\u00a002:00", " 2026-01-15")
_ODD_TYPES = (2460000.5, 1768442400, 20260115, 0, None, b"2020-01-01", b"2025-12-20")
ODD = st.sampled_from((*_NO_TIMESTAMPS, *_ODD_FORMS, "2020-01-01 ", "2025-12-20 ", *_ODD_TYPES))


def near(
    bounds: Sequence[datetime], earliest: datetime = datetime(1000, 1, 1), latest: datetime = datetime(9999, 12, 30)
) -> st.SearchStrategy[datetime]:
    """Return a strategy for naive moments at these bounds, near them, and anywhere between two others."""
    places = [bound.astimezone(UTC).replace(tzinfo=None) for bound in bounds]
    offs = st.one_of(st.timedeltas(-_HOURS, _HOURS), st.timedeltas(-_DAYS, _DAYS), st.just(timedelta(0)))
    about = st.builds(lambda place, off: place + off, st.sampled_from(places), offs)
    return st.one_of(about, about, st.datetimes(earliest, latest))


def tidy(moments: st.SearchStrategy[datetime]) -> st.SearchStrategy[str]:
    """Return a strategy for these moments in ISO 8601, with and without an offset."""
    return st.builds(
        lambda moment, separator, mark, precision: moment.isoformat(separator, precision) + mark,
        moments,
        st.sampled_from(["T", "t", " "]),
        _MARKS,
        st.sampled_from(["auto", "minutes", "seconds", "milliseconds", "microseconds", "hours"]),
    )


def timestamps(bounds: Sequence[datetime]) -> st.SearchStrategy[object]:
    """Return a strategy for stored timestamps, readable or not, most of them near the bounds."""
    sound = tidy(near(bounds))
    untidy = st.builds(
        lambda text, at, put: text[:at] + put + text[at:],
        sound,
        st.integers(11, 30),
        st.sampled_from([" ", "\t", "x", "Z", ":", "-", ".", "0", "é"]),
    )
    return st.one_of(sound, sound, untidy, LIKE_ONE, ODD)
