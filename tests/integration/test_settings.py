"""Settings as options, variables and ini keys, and refusals before anything runs."""

from __future__ import annotations

import re

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.session_runs import SMALL, Review
from tests.support.stores import NAME, BuiltStore

GROUPS = {
    "store": ("db", "chroma", "snapshot-dir", "collection", "table", "columns", "taxonomy"),
    "sample": (
        *("sample-size", "low-confidence-share", "low-confidence-below", "old-days", "baseline", "seed", "as-of"),
        *("naive-timezone", "records"),
    ),
    "reviewer": ("reviewer",),
    "verdict": ("warn", "critical", "min-reviewed"),
    "report": ("reports",),
    "demo": ("demo",),
}


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"DRIFT_{name.upper().replace('-', '_')}"


def ini_key(name: str) -> str:
    """Return the ini key of a setting."""
    return f"drift_{name.replace('-', '_')}"


def possible(review: Review, store: BuiltStore) -> dict[str, str]:
    """Return a valid value of each setting for a review of the store."""
    taxonomy = review.folder / "taxonomy.yaml"
    taxonomy.write_text("financial: Money\nregulatory: Law\noperational: Work\n", encoding="utf-8")
    return {
        "db": str(store.db),
        "chroma": str(store.chroma),
        "snapshot-dir": str(review.folder / "copies"),
        "collection": NAME,
        "table": NAME,
        "columns": "text=text",
        "taxonomy": str(taxonomy),
        "sample-size": "4",
        "low-confidence-share": "0.5",
        "low-confidence-below": "0.7",
        "old-days": "100",
        "baseline": "1",
        "seed": "7",
        "as-of": "2026-01-15T02:00:00Z",
        "naive-timezone": "UTC",
        "records": "1,2,3",
        "reviewer": "neighbours",
        "warn": "0.9",
        "critical": "0.8",
        "min-reviewed": "0.5",
        "reports": str(review.folder / "elsewhere"),
        "demo": "off",
    }


def test_invalid_option_is_refused(review: Review, snapshot: SnapshotAssertion) -> None:
    """The error names the setting, the option, the value and what it must be."""
    assert review("--drift-sample-size=0").refusal == snapshot


def test_every_setting_is_read_from_variable_and_ini_key(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report names the source of each, here every second one a variable."""
    values = possible(review, store)
    variables, keys = list(values)[::2], list(values)[1::2]
    for name in variables:
        monkeypatch.setenv(variable(name), values[name])
    review.pytester.makeini("\n".join(["[pytest]", *(f"{ini_key(name)} = {values[name]}" for name in keys)]))
    given = review(reports=review.folder / "elsewhere").drift["settings"]
    assert [name for name in variables if variable(name) not in given.get(name, "")] == []
    assert [name for name in keys if f"{ini_key(name)} in " not in given.get(name, "")] == []


def test_option_overrides_variable_and_variable_overrides_ini(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of three settings comes from the source with the highest priority."""
    ini = "drift_sample_size = 5\ndrift_baseline = 5\ndrift_seed = 5"
    review.pytester.makeini(f"[pytest]\n{ini}")
    monkeypatch.setenv("DRIFT_SAMPLE_SIZE", "6")
    monkeypatch.setenv("DRIFT_BASELINE", "2")
    paths = (f"--drift-db={store.db}", f"--drift-chroma={store.chroma}")
    pinned = ("--drift-as-of=2026-01-15T02:00:00Z", "--drift-naive-timezone=UTC")
    sample = review(*paths, *pinned, "--drift-sample-size=8").drift["sample"]
    assert (sample["size"], sample["strata"]["baseline"], sample["seed"]) == (10, 2, 5)


NATIVE_TOML = pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest reads such a file from 9.0")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("pyproject.toml", '[tool.pytest.ini_options]\ndrift_sample_size = "6"\ndrift_baseline = 0\n'),
        pytest.param(
            "pyproject.toml", '[tool.pytest]\ndrift_sample_size = "6"\ndrift_baseline = "0"\n', marks=NATIVE_TOML
        ),
        pytest.param("pytest.toml", '[pytest]\ndrift_sample_size = "6"\ndrift_baseline = "0"\n', marks=NATIVE_TOML),
        ("setup.cfg", "[tool:pytest]\ndrift_sample_size = 6\ndrift_baseline = 0\n"),
    ],
)
def test_every_ini_file_of_pytest_is_read(review: Review, store: BuiltStore, file: str, content: str) -> None:
    """Settings may be wherever pytest's own are."""
    (review.folder / file).write_text(content, encoding="utf-8")
    assert review(*store.options).drift["sample"]["size"] == 6


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("pytest.ini", "[pytest]\ndrift_sampel_size = 5\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\ndrift_sampel_size = 5\n"),
    ],
)
def test_unknown_ini_key_is_refused(
    review: Review, store: BuiltStore, snapshot: SnapshotAssertion, file: str, content: str
) -> None:
    """A misspelt key is refused with the nearest, in any ini file."""
    (review.folder / file).write_text(content, encoding="utf-8")
    assert review(*store.options).refusal == snapshot


def test_override_is_refused_or_read_like_a_key(review: Review, store: BuiltStore) -> None:
    """`-o drift_KEY=…` replaces the line of the file, and a misspelt key is refused."""
    assert review(*store.options, *SMALL, "-o", "drift_wran=0.9").exit_code == 4
    assert review(*store.options, "-o", "drift_sample_size=6", "--drift-baseline=0").drift["sample"]["size"] == 6


def test_help_shows_each_setting_in_its_group(review: Review) -> None:
    """`pytest --help` groups the settings, and lists the ini keys, where the criteria are named."""
    printed = review.pytest("--pyargs", "drift_checks", "--help").out
    section = re.split(r"^Drift Checks: ", printed, flags=re.MULTILINE)
    for group, names in GROUPS.items():
        (ours,) = [text for text in section if text.startswith(f"{group}:")]
        assert [name for name in names if f"--drift-{name}" not in ours or f"{ini_key(name)} " not in printed] == []


def test_help_of_another_project_has_a_few_lines(review: Review) -> None:
    """They say where the settings are explained."""
    ours, without = (review.pytest("--help", *off).out for off in ((), ("-p", "no:drift_checks")))
    assert 0 < len(ours.splitlines()) - len(without.splitlines()) <= 15
    assert "drift-checks settings" in " ".join(ours.split())
    assert "drift" not in without


def test_the_plugin_can_be_turned_off(review: Review) -> None:
    """Other tests run as if it were not installed, and its options are unknown."""
    (review.folder / "test_own.py").write_text("def test_own():\n    pass\n", encoding="utf-8")
    assert review.pytest("-p", "no:drift_checks", "test_own.py").exit_code == 0
    assert review.pytest("-p", "no:drift_checks", "test_own.py", "--drift-warn=0.5").exit_code == 4


def test_markers_lists_the_mark(review: Review) -> None:
    """`pytest --markers` explains how to declare a criterion."""
    assert "@pytest.mark.drift_" in review.pytest("--markers").out


def test_automatic_sample_size_depends_on_the_store(review: Review, store: BuiltStore) -> None:
    """In a small one, 20 beside the baseline."""
    run = review(*store.options, "--drift-sample-size=auto")
    assert run.drift["sample"]["strata"] == {"low_confidence": 12, "old": 8, "baseline": 10}
