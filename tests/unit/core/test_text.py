"""Numbers and text for people."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.text import confidence, count, percent, percent_range, printable, quoted, readable_size


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        *((0.0, "0 %"), (1.0, "100 %"), (0.845, "84 %"), (0.9949, "99 %"), (0.999, "99.9 %"), (0.99999, "99.9 %")),
        *((0.004, "0.4 %"), (0.00001, "0.1 %")),
    ],
)
def test_a_rate_is_a_percentage(rate: float, said: str) -> None:
    """Whole, except near 0 and 1."""
    assert percent(rate) == said


@given(st.floats(0, 1, exclude_min=True, exclude_max=True).filter(lambda rate: rate not in (0.005, 0.995)))
def test_only_0_and_1_become_0_and_100_percent(rate: float) -> None:
    """Rounding hides no failure."""
    assert percent(rate) not in ("0 %", "100 %", "0.0 %", "100.0 %")


@given(*[st.floats(0, 1).filter(lambda rate: rate not in (0.005, 0.995))] * 2)
def test_percentages_never_decrease(one: float, other: float) -> None:
    """Even where the number of decimals changes."""
    low, high = sorted((one, other))
    assert float(percent(low).removesuffix(" %")) <= float(percent(high).removesuffix(" %"))


def test_a_range_has_one_sign() -> None:
    """As intervals are written."""
    assert percent_range(0.69, 0.9) == "69–90 %"


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 records"), (1, "1 record"), (2, "2 records"), (13083, "13,083 records")]
)
def test_a_count_has_its_noun(number: int, said: str) -> None:
    """In the singular or plural."""
    assert count(number, "record") == said


@pytest.mark.parametrize(("value", "said"), [(None, "–"), (0.0, "0.00"), (0.625, "0.62"), (1.0, "1.00")])
def test_a_confidence_has_two_places(value: float | None, said: str) -> None:
    """A missing one is a dash."""
    assert confidence(value) == said


@given(st.text())
def test_printable_text_has_no_control_characters(text: str) -> None:
    """Nor direction, private or surrogate characters, nor line breaks."""
    shown = printable(text)
    assert all(unicodedata.category(letter)[0] != "C" for letter in shown)
    assert not {"\u2028", "\u2029", "\n", "\r", "\t"} & set(shown)
    assert len(shown) <= 60


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("abc\u202egpj.exe", "abc\ufffdgpj.exe"),
        ("one\n\ntwo\tthree\x07", "one two three\ufffd"),
        (None, "None"),
        ("é日本", "é日本"),
    ],
)
def test_a_stored_value_is_shown_on_one_line(text: object, shown: str) -> None:
    """Hostile characters become visible."""
    assert printable(text) == shown


def test_a_long_value_is_cut() -> None:
    """An ellipsis shows it, and quotes are closed."""
    assert printable("word " * 100, 10) == "word word…"
    assert quoted("word " * 100, 10) == "'word wo…'"
    assert quoted([1, 2, 3, 4], 6) == "[1, 2…"


@pytest.mark.parametrize(
    ("size", "told"),
    [(999, "999 bytes"), (1500, "1.5 kB"), (12_345_678, "12 MB"), (4_200_000_000, "4.2 GB"), (3 * 10**12, "3,000 GB")],
)
def test_sizes_are_readable(size: int, told: str) -> None:
    """With two significant digits, except for huge ones."""
    assert readable_size(size) == told
