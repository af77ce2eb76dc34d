"""Scales, axes and fitted labels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.report.page.charts.picture import fitted, rounded, text_width
from drift_checks.report.page.charts.scales import Scale, round_up, ticks, time_ticks

NUMBERS = st.floats(-1e6, 1e6)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_a_scale_keeps_order_and_stays_within_its_ends(low: float, high: float, first: float, second: float) -> None:
    """Values outside are clamped."""
    scale = Scale(low, high, 10, 90)
    assert 10 <= scale(min(first, second)) <= scale(max(first, second)) <= 90


@given(st.floats(0, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_few_and_between_the_ends(low: float, span: float) -> None:
    """Five parts have at most six ticks."""
    found = ticks(low, low + span)
    assert len(found) <= 6
    assert all(low - span * 1e-3 <= tick <= low + span * 1.001 for tick in found)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0.7, 1, [0.7, 0.8, 0.9, 1]), (0, 37, [0, 10, 20, 30]), (2, 2, [2])],
)
def test_ticks_are_round(low: float, high: float, found: list[float]) -> None:
    """They are multiples of 1, 2 or 5."""
    assert ticks(low, high) == found


@given(st.floats(1e-6, 1e6))
def test_an_axis_reaches_its_largest_value(value: float) -> None:
    """Rounding up is never below the value, nor far above it."""
    assert value * 0.999 <= round_up(value) <= value * 2.1


@given(MOMENTS, MOMENTS)
def test_moments_are_few_and_between_the_ends(first: datetime, last: datetime) -> None:
    """Whether they span minutes or a century."""
    found = [moment for moment, _ in time_ticks(min(first, last), max(first, last))]
    assert all(min(first, last) <= moment <= max(first, last) for moment in found)
    assert found == sorted(found)
    assert len(found) <= 12


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(minutes=40), ["01:00", "01:15", "01:30"]),
        (timedelta(hours=13), ["03:00", "06:00", "09:00", "12:00"]),
        (timedelta(days=4), ["31 Dec 2025", "1 Jan 2026", "2 Jan", "3 Jan"]),
        (timedelta(days=40), ["5 Jan 2026", "12 Jan", "19 Jan", "26 Jan", "2 Feb"]),
        (timedelta(days=150), ["Jan 2026", "Feb", "Mar", "Apr", "May"]),
        (timedelta(days=900), ["Jan 2026", "Jul", "Jan 2027", "Jul", "Jan 2028"]),
        (timedelta(days=4000), ["2026", "2028", "2030", "2032", "2034", "2036"]),
        (timedelta(0), []),
    ],
)
def test_moments_are_round(length: timedelta, words: list[str]) -> None:
    """Hours, days, weeks that start on Mondays, months or years, with the year when it changes."""
    first = datetime(2025, 12, 30, 0, 50, tzinfo=UTC)
    assert [text for _, text in time_ticks(first, first + length)] == words


@given(st.text(min_size=1), st.floats(20, 300))
def test_a_name_fits_its_width(name: str, width: float) -> None:
    """It is cut, to two letters and an ellipsis at least."""
    label = fitted(name, 0, 0, width)
    assert text_width(label.text) <= max(width, text_width("WW…") * 1.5)


def test_a_cut_name_keeps_both_ends_and_the_full_text() -> None:
    """Similar names may differ at either end."""
    label = fitted("a very long name of a category, number 17", 0, 0, 100)
    assert (label.text[:6], label.text[-2:]) == ("a very", "17")
    assert label.full == "a very long name of a category, number 17"


@pytest.mark.parametrize(("value", "text"), [(12.0, "12"), (12.34, "12.3"), (-0.04, "0"), (12.96, "13")])
def test_positions_are_short(value: float, text: str) -> None:
    """They have one decimal, or none if it is zero."""
    assert f"{rounded(value)}" == text
