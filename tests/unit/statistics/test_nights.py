"""Comparison of a share with those of earlier nights."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.statistics.nights import FEWEST_NIGHTS, rise_above

SHARES = st.lists(st.floats(0, 1), min_size=FEWEST_NIGHTS, max_size=40)


def test_rise_far_above_the_usual_share_is_significant() -> None:
    """Twenty nights with 1 %, then 5 % of 10,000 records."""
    found = rise_above([0.01] * 20, 0.05, 10_000)
    assert found is not None
    assert [found.usual, found.difference] == pytest.approx([0.01, 0.04])
    assert found.p_value < 1e-9


def test_same_share_every_night_leaves_room_for_chance() -> None:
    """Nights that never vary do not make the smallest rise significant: 12 in place of 10 of 1,000 records."""
    found = rise_above([0.01] * 20, 0.012, 1000)
    assert found is not None
    assert found.p_value > 0.1


def test_nights_that_vary_widely_explain_a_large_share() -> None:
    """Although so many records would make it significant by themselves."""
    found = rise_above([0.01, 0.09, 0.02, 0.08, 0.03, 0.07], 0.09, 100_000)
    assert found is not None
    assert found.p_value > 0.05


def test_few_nights_are_not_compared() -> None:
    """Five are needed."""
    assert rise_above([0.01] * (FEWEST_NIGHTS - 1), 0.5, 100) is None


@given(SHARES, st.floats(0, 1), st.integers(1, 10**6))
def test_p_value_is_small_only_above_the_usual_share(past: list[float], share: float, number: int) -> None:
    """For any shares."""
    found = rise_above(past, share, number)
    assert found is not None
    assert 0 <= found.p_value <= 1
    assert found.p_value >= 0.499 or found.difference > 0
