"""Settings that are impossible, unknown, or at odds with each other."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.settings.loading import load
from tests.support.sources import NOW, given, refusal


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("db", "postgresql://host/risks"),
        ("chroma", "http://vectors:8000"),
        ("db", ""),
        ("table", ""),
        ("sample_size", "0"),
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
def test_an_impossible_value_is_refused_in_a_sentence(key: str, text: str, snapshot: SnapshotAssertion) -> None:
    """It names setting, source, value, what is allowed and the nearest."""
    assert refusal(given({key: text})) == snapshot


def test_a_refusal_names_the_variable(snapshot: SnapshotAssertion) -> None:
    """Where it came from."""
    assert refusal(given(environment={"DRIFT_SAMPLE_SIZE": "fifty"})) == snapshot


def test_a_refusal_names_the_ini_file(snapshot: SnapshotAssertion) -> None:
    """Where it came from."""
    assert refusal(given(ini={"sample_size": "fifty"})) == snapshot


def test_the_home_of_nobody_is_refused_in_a_sentence() -> None:
    """As any other impossible path."""
    assert refusal(given({"db": "~no-such-user/a.db"})).startswith("db: ")


def test_a_misspelt_column_is_told_its_nearest() -> None:
    """Not the whole text of the pairs, of which it is part."""
    assert "did you mean 'text'?" in refusal(given({"columns": "txt=body"}))


def test_a_column_without_a_pair_is_not_offered_itself() -> None:
    """It is spelt rightly; what it lacks is the other name."""
    assert "did you mean" not in refusal(given({"columns": "text"}))


@pytest.mark.parametrize("days", ["800000", "9999999999"])
def test_an_age_that_reaches_before_all_time_is_refused(days: str) -> None:
    """Before anything runs, and not as an overflow."""
    assert refusal(given({"old_days": days})).startswith("old-days: ")


@pytest.mark.parametrize("variable", ["DRIFT_SAMPEL_SIZE", "DRIFT_SAMPLESIZE", "DRIFT_CRITICL", "DRIFT_OLD_DAY"])
def test_a_misspelt_variable_is_refused(variable: str, snapshot: SnapshotAssertion) -> None:
    """Else it would silently do nothing."""
    assert refusal(given(environment={variable: "1"})) == snapshot


@pytest.mark.parametrize(
    "variable",
    [
        "DRIFT_SMTP_URL",
        "DRIFT_LLM_API_KEY",
        "DRIFT_LLM_API_KEY_FILE",
        "DRIFT_PYTHON",
        "DRIFT_VERDICT_FILE",
        "SAMPLE_SIZE",
        "drift_sample_size",
        "DRIFT_HOME",
        "DRIFT_CI",
    ],
)
def test_somebody_elses_variable_is_let_be(variable: str) -> None:
    """Secrets, the scripts' own, and names that only share the prefix."""
    assert load(given(environment={variable: "1"}), NOW).sources == {}


def test_an_unknown_ini_key_is_refused(snapshot: SnapshotAssertion) -> None:
    """With the nearest."""
    assert refusal(given(ini={"sampel_size": "1"})) == snapshot


def test_thresholds_in_the_wrong_order_are_refused(snapshot: SnapshotAssertion) -> None:
    """WARNING comes before CRITICAL."""
    assert refusal(given({"warn": "0.7", "critical": "0.8"})) == snapshot


def test_equal_thresholds_are_allowed() -> None:
    """A run may do without WARNING."""
    assert load(given({"warn": "0.8", "critical": "0.8"}), NOW).critical == 0.8


def test_demo_and_a_store_exclude_each_other(snapshot: SnapshotAssertion) -> None:
    """When both are asked for on the command line."""
    assert refusal(given({"demo": "true", "db": "/a.db"})) == snapshot


def test_demo_on_the_command_line_wins_over_a_store_in_the_ini() -> None:
    """A checkout that is set up can still show the demo."""
    assert load(given({"demo": "true"}, ini={"db": "/a.db"}), NOW).demo
