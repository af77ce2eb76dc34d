"""Where records of a kind are concentrated."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from scipy import stats

from drift_checks.statistics.concentration import concentrations
from tests.support.thorough import repetitions

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = [START + timedelta(days=day) for day in range(60)]


def test_a_version_and_a_date_are_named() -> None:
    """All marked records are of the version that decided since March."""
    models = ["v1"] * 48 + ["v2"] * 12
    marked = [False] * 46 + [True] * 14
    found = concentrations(marked, {"model": models}, DAYS)
    by_dimension = {item.dimension: item for item in reversed(found)}
    assert (by_dimension["model"].value, by_dimension["model"].inside, by_dimension["model"].number) == ("v2", 12, 12)
    assert by_dimension["since"].value == "2026-02-18"


def test_p_values_are_adjusted_for_all_that_is_searched() -> None:
    """Fisher's exact test, and Holm's method."""
    kinds = ["a"] * 20 + ["b"] * 40
    marked = [place % 2 == 0 or place < 14 for place in range(20)] + [False] * 40
    (found,) = concentrations(marked, {"kind": kinds}, [None] * 60)
    inside = sum(marked)
    assert found.p_value == pytest.approx(2 * stats.fisher_exact([[inside, 20 - inside], [0, 40]], "greater").pvalue)


def test_nothing_is_named_without_records_on_both_sides() -> None:
    """A value of all or of a few records is no slice."""
    assert concentrations([True] * 5 + [False] * 5, {"kind": ["a"] * 9 + ["b"], "none": [None] * 10}, [None] * 10) == []


def test_chance_is_named_rarely() -> None:
    """In at most one of twenty searches."""
    generator, runs = random.Random(3), repetitions(100, 2000)
    named = 0
    for _ in range(runs):
        marked = [generator.random() < 0.25 for _ in range(60)]
        dimensions = {name: [generator.choice("abcdef") for _ in range(60)] for name in ("x", "y")}
        named += bool(concentrations(marked, dimensions, DAYS))
    assert named <= 0.05 * runs + 3
