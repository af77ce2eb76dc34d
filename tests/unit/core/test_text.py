"""Numbers and stored values as people read them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.text import confidence, count, percent, percent_range, printable, readable_size


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.06, "6 %"),
        (0.845, "84 %"),
        (0.9949, "99 %"),
        (0.999, "99.9 %"),
        (0.99999, "99.9 %"),
        (0.004, "0.4 %"),
        (0.00001, "0.1 %"),
    ],
)
def test_a_rate_is_a_percentage(rate: float, said: str) -> None:
    """Whole, but near the ends."""
    assert percent(rate) == said


@given(st.floats(0, 1, exclude_min=True, exclude_max=True).filter(lambda rate: rate not in (0.005, 0.995)))
def test_a_part_is_never_none_or_all(rate: float) -> None:
    """Rounding hides no failure."""
    assert percent(rate) not in ("0 %", "100 %", "0.0 %", "100.0 %")


@pytest.mark.parametrize("rate", [0.005, 0.995])
def test_half_a_percent_is_not_none_nor_all_but_half_a_percent(rate: float) -> None:
    """1 of 200 is some."""
    assert percent(rate) not in ("0 %", "100 %")


RATES = st.floats(0, 1).filter(lambda rate: rate not in (0.005, 0.995))


@given(RATES, RATES)
def test_a_higher_rate_reads_no_lower(one: float, other: float) -> None:
    """Wherever the number of places changes."""
    low, high = sorted((one, other))
    assert float(percent(low).removesuffix(" %")) <= float(percent(high).removesuffix(" %"))


def test_a_range_has_one_sign() -> None:
    """As an interval is written."""
    assert percent_range(0.69, 0.9) == "69–90 %"


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 records"), (1, "1 record"), (2, "2 records"), (13083, "13,083 records")]
)
def test_a_number_goes_with_its_noun(number: int, said: str) -> None:
    """One is one."""
    assert count(number, "record") == said


@pytest.mark.parametrize(("value", "said"), [(None, "–"), (0.0, "0.00"), (0.625, "0.62"), (1.0, "1.00")])
def test_a_confidence_has_two_places(value: float | None, said: str) -> None:
    """A missing one is a dash."""
    assert confidence(value) == said


@given(st.text())
def test_what_is_printed_steers_no_terminal(text: str) -> None:
    """No control, direction, private or half character, no line break."""
    shown = printable(text)
    assert all(unicodedata.category(letter)[0] != "C" for letter in shown)
    assert not {"\u2028", "\u2029", "\n", "\r", "\t"} & set(shown)
    assert len(shown) <= 60


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("abc\u202egpj.exe", "abc\ufffdgpj.exe"),
        ("\u2066hidden\u2069", "\ufffdhidden\ufffd"),
        ("one\n\ntwo\tthree\x07", "one two three\ufffd"),
        ("\x9b31m", "\ufffd31m"),
        (None, "None"),
        (12, "12"),
        ("é日本", "é日本"),
    ],
)
def test_a_stored_value_is_shown_on_one_line(text: object, shown: str) -> None:
    """What is hostile in it can be seen."""
    assert printable(text) == shown


def test_a_long_value_is_cut() -> None:
    """With a sign that it was."""
    assert printable("word " * 100, 10) == "word word…"


@pytest.mark.parametrize(
    ("size", "told"),
    [(999, "999 bytes"), (1500, "1.5 kB"), (12_345_678, "12 MB"), (4_200_000_000, "4.2 GB"), (3 * 10**12, "3,000 GB")],
)
def test_sizes_as_people_read_them(size: int, told: str) -> None:
    """Two digits, or a few more for what is huge."""
    assert readable_size(size) == told
