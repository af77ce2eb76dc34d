"""The forms of timestamps and confidences."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.stores.columns.confidences import ConfidenceForm, confidence_form
from drift_checks.stores.columns.timestamps import FORMS, ISO, Count, timestamp_form, written_like

BERLIN = ZoneInfo("Europe/Berlin")
BY_NAME = {form.name: form for form in FORMS}
MOMENTS = st.datetimes(datetime(1980, 1, 2), datetime(2099, 12, 30)).map(lambda moment: moment.replace(tzinfo=UTC))
COUNTS = st.sampled_from([form for form in FORMS if isinstance(form, Count)])
ANYTHING = st.one_of(st.text(), st.binary(), st.integers(), st.floats(), st.none(), st.booleans())
TEXTS: dict[str, Callable[[datetime], str]] = {
    "go": lambda moment: f"{moment:%Y-%m-%d %H:%M:%S.%f} +0000 UTC",
    "go with a clock": lambda moment: f"{moment:%Y-%m-%d %H:%M:%S.%f}999 +0000 UTC m=+0.000012",
    "utc": lambda moment: f"{moment:%Y-%m-%d %H:%M:%S.%f} UTC",
    "compact": lambda moment: f"{moment:%Y%m%dT%H%M%S.%f}Z",
    "nine digits": lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S.%f}789Z",
    "decimal comma": lambda moment: f"{moment:%Y-%m-%d %H:%M:%S,%f}Z",
    "java": lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z[Etc/UTC]",
}


@given(form=COUNTS, moments=st.lists(MOMENTS, min_size=1, max_size=5), as_text=st.booleans())
def test_numbers_are_read_in_the_only_unit_they_fit(form: Count, moments: list[datetime], *, as_text: bool) -> None:
    """As numbers or as text."""
    numbers = [form.number(moment) for moment in moments]
    stored: list[object] = [str(number) for number in numbers] if as_text else list(numbers)
    assert timestamp_form(stored) is form
    for value, moment in zip(stored, moments, strict=True):
        found = form.read(value, BERLIN)
        assert found is not None
        assert abs(found - moment) < timedelta(milliseconds=1)


@given(moment=MOMENTS, kind=st.sampled_from(["<q", "<d"]), form=COUNTS)
def test_the_bytes_of_numpy_are_read(moment: datetime, kind: str, form: Count) -> None:
    """As sqlite3 stores its numbers."""
    number = form.number(moment.replace(microsecond=0))
    stored = struct.pack(kind, int(number) if kind == "<q" else number)
    assert timestamp_form([stored]) is form


@pytest.mark.parametrize("text", TEXTS)
@given(moment=MOMENTS)
def test_languages_write_iso_8601_in_their_own_ways(text: str, moment: datetime) -> None:
    """Each means the same instant in any zone."""
    stored = TEXTS[text](moment)
    assert timestamp_form([stored]) is ISO
    assert ISO.read(stored, BERLIN) == moment


@given(moment=MOMENTS.map(lambda moment: moment.replace(microsecond=0)), gmt=st.booleans())
def test_mail_and_http_dates_are_read(moment: datetime, *, gmt: bool) -> None:
    """With `GMT` or an offset."""
    stored = format_datetime(moment, usegmt=gmt)
    form = timestamp_form([stored])
    assert form is BY_NAME["RFC 2822"]
    assert form.read(stored, BERLIN) == moment
    assert form.written(moment, stored, BERLIN) == stored


@given(value=ANYTHING)
def test_no_stored_value_raises(value: object) -> None:
    """Whatever its type."""
    for form in FORMS:
        moment = form.read(value, BERLIN)
        assert moment is None or moment.tzinfo is UTC
    confidence_form([value])


@pytest.mark.parametrize(
    "values", [[], [0, -1], ["garbage", True], ["11/27/2026"], [20261127], [46353.5], [b"\xff" * 16]]
)
def test_what_fits_no_form_is_not_guessed(values: Sequence[object]) -> None:
    """It is left to the user."""
    assert timestamp_form(values) is None


@pytest.mark.parametrize(
    ("like", "written"),
    [
        (1764201600000, 1768442400000),
        ("1764201600000", "1768442400000"),
        (1764201600, 1768442400),
        (1764201600.25, 1768442400.0),
        ("2025-11-27 00:00:00", "2026-01-15 03:00:00"),
        ("2025-11-27T00:00:00.123456", "2026-01-15T03:00:00.000000"),
        ("2025-11-27T00:00:00.123Z", "2026-01-15T02:00:00.000Z"),
        ("2025-11-27T00:00:00-05:00", "2026-01-14T21:00:00-05:00"),
        ("20251127T000000Z", "2026-01-15T02:00:00+00:00"),
        ("Thu, 27 Nov 2025 00:00:00 GMT", "Thu, 15 Jan 2026 02:00:00 GMT"),
    ],
)
def test_an_instant_is_written_as_the_others_are(like: object, written: object) -> None:
    """In form and type."""
    found = written_like([like], datetime(2026, 1, 15, 2, tzinfo=UTC), BERLIN)
    assert (found, type(found)) == (written, type(written))


@given(moment=MOMENTS)
def test_an_instant_is_written_as_most_others_are(moment: datetime) -> None:
    """And read as the same instant."""
    values = ["2025-11-27T00:00:00+00:00", None, "2025-11-27T01:00:00.5", "2025-11-27T02:00:00.5", "?"]
    found = written_like(values, moment, UTC)
    assert ISO.read(found, UTC) == moment
    assert "+" not in str(found)
    assert written_like([None, "?"], moment, UTC) is None


@pytest.mark.parametrize("value", ["nan", "inf", "high", "True", True, "", None, "-inf", b"", "0.5x"])
def test_what_is_no_number_is_no_confidence(value: object) -> None:
    """In no form."""
    assert confidence_form([value]) is None


@given(bound=st.floats(0, 1), divisor=st.sampled_from([1.0, 7.0, 10.0, 100.0, 255.0]), steps=st.integers(-3, 3))
def test_a_bound_on_stored_numbers_separates_as_one_on_confidences(bound: float, divisor: float, steps: int) -> None:
    """However division rounds."""
    form = ConfidenceForm(divisor=divisor)
    stored = form.stored_bound(bound)
    number = stored + steps * 1e-17 * divisor
    assert (number <= stored) == (number / divisor <= bound) or not bound
