"""Every setting as option, variable and ini key, and what is refused before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.session_runs import SMALL, Review
from tests.support.stores import NAME, BuiltStore

# What no setting of the kind can be.
IMPOSSIBLE = {
    "db": "postgresql://host/store",
    "chroma": "https://host:8000",
    "snapshot-dir": "s3://bucket",
    "columns": "txt=body",
    "taxonomy": "https://host/taxonomy.yaml",
    "sample-size": "0",
    "low-confidence-share": "1.5",
    "low-confidence-below": "75%",
    "old-days": "-1",
    "baseline": "many",
    "seed": "1.5",
    "as-of": "2026-01-15T02:00:00",
    "naive-timezone": "Europe/Berlim",
    "records": "1,,2",
    "reviewer": "neighbors",
    "warn": "nan",
    "critical": "-0.1",
    "min-reviewed": "2",
    "reports": "file:///reports",
    "demo": "maybe",
}
# Any text can be the name of a table or a collection, but not of one that is there.
NAMES = {"table": "risk_clasifications", "collection": "risk_clasifications"}
GROUPS = {
    "store": ("db", "chroma", "snapshot-dir", "collection", "table", "columns", "taxonomy"),
    "sample": (
        "sample-size",
        "low-confidence-share",
        "low-confidence-below",
        "old-days",
        "baseline",
        "seed",
        "as-of",
        "naive-timezone",
        "records",
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
    """Return a value for each setting that a review of the store can have."""
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


@pytest.mark.parametrize("name", sorted(IMPOSSIBLE.keys() - {"demo"}))
def test_impossible_option_is_refused(review: Review, snapshot: SnapshotAssertion, name: str) -> None:
    """The refusal names the setting, the option, what was given and what is allowed."""
    assert review(f"--drift-{name}={IMPOSSIBLE[name]}").refusal == snapshot


def test_every_setting_is_read_from_the_environment(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each setting has its variable, and the report says that it came from there."""
    for name, value in possible(review, store).items():
        monkeypatch.setenv(variable(name), value)
    given = review(reports=review.folder / "elsewhere").drift["settings"]
    assert [name for name in possible(review, store) if variable(name) not in given.get(name, "")] == []


def test_every_setting_is_read_from_the_ini_file(review: Review, store: BuiltStore) -> None:
    """Each setting has its ini key, and the report says that it came from there."""
    lines = "\n".join(f"{ini_key(name)} = {value}" for name, value in possible(review, store).items())
    review.pytester.makeini(f"[pytest]\n{lines}")
    given = review(reports=review.folder / "elsewhere").drift["settings"]
    assert [name for name in possible(review, store) if f"{ini_key(name)} in " not in given.get(name, "")] == []


@pytest.mark.parametrize("name", ["db", "demo", "sample-size"])
def test_impossible_variable_is_refused(review: Review, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The refusal names the variable."""
    monkeypatch.setenv(variable(name), IMPOSSIBLE[name])
    refused = review()
    assert (refused.exit_code, f"from the variable {variable(name)}" in refused.refusal) == (4, True)


@pytest.mark.parametrize("name", ["db", "demo", "sample-size"])
def test_impossible_ini_value_is_refused(review: Review, name: str) -> None:
    """The refusal names the key and the file."""
    ini = review.pytester.makeini(f"[pytest]\n{ini_key(name)} = {IMPOSSIBLE[name]}")
    refused = review()
    assert (refused.exit_code, f"{ini_key(name)} in {ini}" in refused.err) == (4, True)


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("source", ["option", "variable", "ini"])
def test_names_are_taken_from_every_source(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch, name: str, source: str
) -> None:
    """A table or collection that is not there is refused wherever its name came from."""
    options = [*store.options, *SMALL]
    if source == "option":
        options.append(f"--drift-{name}={NAMES[name]}")
    elif source == "variable":
        monkeypatch.setenv(variable(name), NAMES[name])
    else:
        review.pytester.makeini(f"[pytest]\n{ini_key(name)} = {NAMES[name]}")
    refused = review(*options)
    assert (refused.exit_code, "did you mean 'risk_classifications'?" in refused.refusal) == (4, True)


def test_option_wins_over_variable_and_variable_over_ini(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three sources, three settings: each is read from the strongest source that gives it."""
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
    """Settings stand wherever pytest's own do."""
    (review.folder / file).write_text(content, encoding="utf-8")
    assert review(*store.options).drift["sample"]["size"] == 6


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("pytest.ini", "[pytest]\ndrift_sampel_size = 5\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\ndrift_sampel_size = 5\n"),
        pytest.param("pytest.toml", "[pytest]\ndrift_sampel_size = 5\n", marks=NATIVE_TOML),
        ("setup.cfg", "[tool:pytest]\ndrift_sampel_size = 5\n"),
    ],
)
def test_unknown_ini_key_is_refused(
    review: Review, store: BuiltStore, snapshot: SnapshotAssertion, file: str, content: str
) -> None:
    """A misspelt key in any ini file is refused with the nearest."""
    (review.folder / file).write_text(content, encoding="utf-8")
    assert review(*store.options).refusal == snapshot


def test_unknown_key_given_with_override_is_refused(review: Review, store: BuiltStore) -> None:
    """A misspelt `-o drift_KEY=…` is refused as in the file."""
    assert review(*store.options, *SMALL, "-o", "drift_wran=0.9").exit_code == 4


def test_known_key_given_with_override_is_read(review: Review, store: BuiltStore) -> None:
    """`-o drift_KEY=…` takes the place of the file's line."""
    assert review(*store.options, "-o", "drift_sample_size=6", "--drift-baseline=0").drift["sample"]["size"] == 6


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_help_shows_each_setting_in_its_group(review: Review, group: str) -> None:
    """`pytest --help` groups the settings."""
    printed = review.pytest("--help").out
    section = re.split(r"^Drift Checks: ", printed, flags=re.MULTILINE)
    (ours,) = [text for text in section if text.startswith(f"{group}:")]
    assert [name for name in GROUPS[group] if f"--drift-{name}" not in ours] == []


def test_help_explains_each_ini_key(review: Review) -> None:
    """`pytest --help` lists the ini keys."""
    printed = review.pytest("--help").out
    names = [name for group in GROUPS.values() for name in group]
    assert [name for name in names if f"{ini_key(name)} " not in printed] == []


def test_markers_lists_the_mark(review: Review) -> None:
    """`pytest --markers` explains how a criterion is declared."""
    assert "@pytest.mark.drift_" in review.pytest("--markers").out


def test_path_with_home_is_expanded(review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` in an ini file or a variable, which no shell expands, is the home folder."""
    monkeypatch.setenv("HOME", str(store.folder.parent))
    monkeypatch.setenv("DRIFT_CHROMA", f"~/{store.folder.name}")
    assert Path(review(*SMALL).drift["store"]["chroma"]) == store.chroma


def test_automatic_sample_follows_the_store(review: Review, store: BuiltStore) -> None:
    """A small one takes 20, beside the baseline."""
    run = review(*store.options, "--drift-sample-size=auto")
    assert run.drift["sample"]["strata"] == {"low_confidence": 12, "old": 8, "baseline": 10}
