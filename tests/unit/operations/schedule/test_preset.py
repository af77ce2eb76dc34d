"""What a scheduled run is given."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drift_checks.commands.settings_options import add_settings, read_settings
from drift_checks.operations.schedule.preset import Given, given
from drift_checks.settings.declarations import declared

NOW = datetime(2026, 1, 15, tzinfo=UTC)


def at_hand(folder: Path, *options: str, **environment: str) -> Given:
    """Return what is at hand in a folder, with these options and variables."""
    parser = ArgumentParser()
    add_settings(parser)
    settings = read_settings(parser.parse_args(options), environment, NOW)
    return given(settings, environment, folder)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The caller's."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_source_is_heeded_and_paths_are_absolute(folder: Path) -> None:
    """Options, variables and the ini file, whose paths start from its own folder."""
    (folder / "conf").mkdir()
    (folder / "conf/my.ini").write_text(
        "[pytest]\ndrift_taxonomy = t.yaml\ndrift_thresholds =\n    trend=0.1:off\n    class_mix=0.2:0.5\n"
    )
    variables = at_hand(
        folder, "--drift-db", "a b/x.db", "-c", "conf/my.ini", "--drift-redact", DRIFT_CHROMA="c", DRIFT_WARN="0.9"
    ).variables
    assert variables == {
        "DRIFT_DB": f"{folder}/a b/x.db",
        "DRIFT_CHROMA": f"{folder}/c",
        "DRIFT_TAXONOMY": f"{folder}/conf/t.yaml",
        "DRIFT_THRESHOLDS": "trend=0.1:off\nclass_mix=0.2:0.5",
        "DRIFT_REDACT": "true",
        "DRIFT_WARN": "0.9",
        "DRIFT_REPORTS": "/var/lib/drift-checks/reports",
        "DRIFT_SNAPSHOT_DIR": "/var/cache/drift-checks/snapshots",
    }


def test_variables_of_other_names_are_settings_too(folder: Path) -> None:
    """The Chroma directory, and the database in it."""
    (folder / "risk_classifications.db").touch()
    variables = at_hand(folder, CHROMA_PERSIST_PATH=".").variables
    assert variables["DRIFT_CHROMA"] == str(folder)
    assert variables["DRIFT_DB"] == f"{folder}/risk_classifications.db"


def test_what_was_read_is_read_again(folder: Path) -> None:
    """The variables give the same settings, in another folder."""
    options = ["--drift-db", "x.db", "--drift-records", "1,2", "--drift-columns", "text=body", "--drift-seed", "3"]
    first = at_hand(folder, *options)
    (folder / "elsewhere").mkdir()
    again = at_hand(folder / "elsewhere", **first.variables)
    assert again.variables == first.variables


def test_secrets_stand_apart(folder: Path) -> None:
    """Those that have a value; a file of one is named, where the secret itself is not given."""
    found = at_hand(
        folder,
        *("--drift-db", "x.db"),
        SLACK_WEBHOOK_URL="https://hooks.example.com/s3cret",
        SLACK_WEBHOOK_URL_FILE="other",
        PAGERDUTY_API_KEY="",
        OPENAI_API_KEY_FILE="keys/openai",
        DRIFT_APPRISE_URLS="json://a\njson://b",
    )
    assert {name: secret.reveal() for name, secret in found.secrets.items()} == {
        "SLACK_WEBHOOK_URL": "https://hooks.example.com/s3cret",
        "DRIFT_APPRISE_URLS": "json://a json://b",
    }
    assert found.variables["OPENAI_API_KEY_FILE"] == f"{folder}/keys/openai"
    assert "SLACK_WEBHOOK_URL_FILE" not in found.variables
    assert "s3cret" not in repr(found)


def test_a_classifier_beside_the_caller_is_found_at_night(folder: Path) -> None:
    """Python looks there, where the caller's folder has it."""
    (folder / "mine.py").touch()
    options = ("--drift-db", "x.db", "--drift-reviewer")
    assert at_hand(folder, *options, "mine:classify").variables["PYTHONPATH"] == str(folder)
    assert "PYTHONPATH" not in at_hand(folder, *options, "installed.package:Classifier").variables
    assert at_hand(folder, *options, "neighbours", PYTHONPATH="lib:/x").variables["PYTHONPATH"] == f"{folder}/lib:/x"


def test_what_is_written_is_known(folder: Path) -> None:
    """Reports and snapshots; the store only with write-back."""
    options = ("--drift-db", "/srv/app/x.db", "--drift-chroma", "/srv/chroma", "--drift-reports", "r")
    found = at_hand(folder, *options)
    assert found.writes == (folder / "r", Path("/var/cache/drift-checks/snapshots"))
    assert found.stores == (Path("/srv/app"), Path("/srv/chroma"))
    assert Path("/srv/app") in at_hand(folder, *options, "--drift-write-back").writes


def test_all_settings_pass_through(folder: Path) -> None:
    """None is forgotten: each that has a source has its variable."""
    for setting in declared():
        if setting.default is False:
            assert at_hand(folder, setting.option).variables[setting.variable] == "true"
