"""Settings that are invalid, unknown or contradictory."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.settings.loading import load
from tests.support.sources import INI, NOW, given, refusal


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("db", "postgresql://host/risks"),
        ("chroma", "http://vectors:8000"),
        ("table", ""),
        ("sample_size", "fifty"),
        ("low_confidence_share", "1.1"),
        ("old_days", "-1"),
        ("seed", "today"),
        ("as_of", "2026-01-15T02:00:00"),
        ("naive_timezone", "Europe/Berlim"),
        ("reviewer", "neighbors"),
        ("columns", "categry=label"),
        ("records", "1,,2"),
        ("demo", "tru"),
        ("warn", "nan"),
    ],
)
def test_an_invalid_value_is_refused(key: str, text: str, snapshot: SnapshotAssertion) -> None:
    """The error names the setting, the source, the value, what it must be and the nearest match."""
    assert refusal(given({key: text})) == snapshot


def test_a_refusal_names_the_source() -> None:
    """A variable or an ini file."""
    assert "(from the variable DRIFT_SAMPLE_SIZE)" in refusal(given(environment={"DRIFT_SAMPLE_SIZE": "fifty"}))
    assert f"(from drift_sample_size in {INI})" in refusal(given(ini={"sample_size": "fifty"}))


def test_an_unknown_home_folder_is_refused() -> None:
    """As any other invalid path."""
    assert refusal(given({"db": "~no-such-user/a.db"})).startswith("db: ")


def test_the_nearest_match_is_that_of_the_misspelt_column() -> None:
    """Not of the whole text; a valid name is not suggested for itself."""
    assert "did you mean" not in refusal(given({"columns": "text"}))
    assert "did you mean 'text'?" in refusal(given({"columns": "txt=body"}))


@pytest.mark.parametrize("days", ["800000", "9999999999"])
def test_an_age_before_the_year_1_is_refused(days: str) -> None:
    """It does not end in an OverflowError."""
    assert refusal(given({"old_days": days})).startswith("old-days: ")


@pytest.mark.parametrize("variable", ["DRIFT_SAMPEL_SIZE", "DRIFT_OLD_DAY"])
def test_a_misspelt_variable_is_refused(variable: str, snapshot: SnapshotAssertion) -> None:
    """It would silently have no effect."""
    assert refusal(given(environment={variable: "1"})) == snapshot


@pytest.mark.parametrize(
    "variable",
    [
        *("DRIFT_LLM_API_KEY", "DRIFT_LLM_API_KEY_FILE", "DRIFT_VERDICT_FILE", "SAMPLE_SIZE", "drift_sample_size"),
        *("DRIFT_HOME", "DRIFT_CI"),
    ],
)
def test_other_programs_variables_are_ignored(variable: str) -> None:
    """Secrets, the scripts' own, and names that only share the prefix."""
    assert load(given(environment={variable: "1"}), NOW).sources == {}


def test_an_unknown_ini_key_is_refused(snapshot: SnapshotAssertion) -> None:
    """The error suggests the nearest setting."""
    assert refusal(given(ini={"sampel_size": "1"})) == snapshot


def test_thresholds_in_the_wrong_order_are_refused(snapshot: SnapshotAssertion) -> None:
    """Equal ones are allowed: there is no WARNING then."""
    assert refusal(given({"warn": "0.7", "critical": "0.8"})) == snapshot
    assert load(given({"warn": "0.8", "critical": "0.8"}), NOW).critical == 0.8


def test_demo_and_a_store_exclude_each_other(snapshot: SnapshotAssertion) -> None:
    """If both are options; a configured checkout can still show the demo."""
    assert load(given({"demo": "true"}, ini={"db": "/a.db"}), NOW).demo
    assert refusal(given({"demo": "true", "db": "/a.db"})) == snapshot
