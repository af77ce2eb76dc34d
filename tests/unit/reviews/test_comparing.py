"""How two sides of a comparison share what limits both."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from drift_checks.reviews.comparing import _budgeted, sides_in_words
from drift_checks.settings.declarations import Settings
from drift_checks.settings.loading import Sources, load


def settings(**options: str) -> Settings:
    """Return settings with these options."""
    given = {f"drift_{name}": text for name, text in options.items()}
    return load(Sources(options=given, environment={}, ini={}, folder=Path("/")), datetime(2026, 1, 15, tzinfo=UTC))


def priced(price: str) -> Settings:
    """Return the settings of an endpoint with a price, within a budget."""
    return settings(reviewer="llm", llm_model="small", llm_price=price, max_calls="101", max_cost="10")


def test_calls_are_divided_equally_and_the_cost_by_the_prices() -> None:
    """So that the dear side does not end the comparison early, and both together keep to the budget."""
    first, second = _budgeted(priced("1,2"), priced("3,6"))
    assert (first.max_calls, second.max_calls) == (50, 50)
    assert [first.max_cost, second.max_cost] == pytest.approx([2.5, 7.5])


def test_the_whole_budget_is_for_the_only_side_that_makes_calls() -> None:
    """The vote of the neighbours costs nothing."""
    neighbours, endpoint = _budgeted(settings(max_calls="101"), priced("1,2"))
    assert (neighbours.max_calls, endpoint.max_calls, endpoint.max_cost) == (101, 101, 10)


def test_other_classifiers_are_another_comparison() -> None:
    """Also if they are the same two, exchanged."""
    neighbours, endpoint = settings(), priced("1,2")
    assert sides_in_words(neighbours, endpoint) != sides_in_words(endpoint, neighbours)
