"""Options whose value is the next argument."""

from __future__ import annotations

from drift_checks.settings.apart import joined, values_apart

GIVEN = ["--drift-db", "a b.db", "own", "--drift-demo", "x", "--drift-chroma=c", "d", "--drift-table", "--drift-quiet"]


def test_settings_with_a_value_are_joined_with_it() -> None:
    """Switches take none, and an option is no value."""
    assert joined(GIVEN) == ["--drift-db=a b.db", *GIVEN[2:]]


def test_values_apart_are_found() -> None:
    """With their options."""
    assert list(values_apart(GIVEN)) == [("--drift-db", "a b.db")]
