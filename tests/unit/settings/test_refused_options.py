"""Settings that are invalid, unknown or contradictory."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from drift_checks.settings.loading import load
from tests.support.sources import INI, NOW, given, refusal


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("db", "http://host/risks"),
        ("chroma", "postgresql://vectors:8000"),
        ("chroma", "vectors:8000"),
        ("table", ""),
        ("sample_size", "fifty"),
        ("low_confidence_share", "1.1"),
        ("old_days", "-1"),
        ("seed", "today"),
        ("as_of", "2026-01-15T02:00:00"),
        ("naive_timezone", "Europe/Berlim"),
        ("reviewer", "neighbors"),
        ("reviewer", "models/model.joblib"),
        ("reviewer", "my_package/classifier.py:Classifier"),
        ("reviewer", "classifier.py"),
        ("reviewer", "my_package.classifier.Classifier"),
        ("reviewer", "neighbours,neighbours"),
        ("reviewer", "neighbours,,llm"),
        ("reviewer", "llm,neighbors"),
        ("reviewer", "llm,models/model.joblib"),
        ("reviewer", "llm=small,neighbours"),
        ("reviewer", "neighbours,llm="),
        ("record_url", "https://ann:secret@app/{id}"),
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


def test_reviews_that_stop_early_do_not_tell_the_accuracy(snapshot: SnapshotAssertion) -> None:
    """The records that they reviewed are no random part of the store."""
    assert refusal(given({"judge": "accuracy", "decision": "sequential"})) == snapshot
    assert load(given({"judge": "accuracy"}), NOW).judge == "accuracy"


def test_a_run_does_not_start_above_its_maximum(snapshot: SnapshotAssertion) -> None:
    """If both are set; otherwise the other one is only a default."""
    assert refusal(given({"concurrency_max": "8"}, ini={"concurrency": "9"})) == snapshot
    assert load(given({"concurrency_max": "8", "concurrency": "8"}), NOW).concurrency_max == 8
    assert load(given({"concurrency": "100"}), NOW).concurrency == 100


def test_demo_and_a_store_exclude_each_other(snapshot: SnapshotAssertion) -> None:
    """If both are options; a configured checkout can still show the demo."""
    assert load(given({"demo": "true"}, ini={"db": "/a.db"}), NOW).demo
    assert refusal(given({"demo": "true", "db": "/a.db"})) == snapshot


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
SCHEMES = st.sampled_from(["postgresql://", "http://", "https:/", "mysql:", "//", "", " https://", "smtp://", "x y://"])
BEFORE = st.builds("{}{}:{}".format, SCHEMES, st.sampled_from(["user", "", "a@b", "a/b", "é"]), WORDS)
AFTER = st.builds("{}@{}".format, WORDS, st.sampled_from(["host/db", "host:80/v1", "", "[::1]/x", "host?key=1", "a b"]))


@hypothesis.given(
    st.sampled_from(["db", "chroma", "taxonomy", "reports", "llm_base_url", "pagerduty_url", "report_url", "email_to"]),
    BEFORE,
    AFTER,
)
def test_a_refusal_never_repeats_a_password(key: str, before: str, after: str) -> None:
    """In whatever looks like a URL."""
    assert "pa55-w0rd" not in refusal(given({key: f"{before}pa55-w0rd{after}"}))


def test_a_file_whose_name_looks_like_a_url_is_a_file(tmp_path: Path) -> None:
    """If it exists."""
    (tmp_path / "10:00@host.db").touch()
    assert load(given({"db": "10:00@host.db"}, folder=tmp_path), NOW).db == tmp_path / "10:00@host.db"
