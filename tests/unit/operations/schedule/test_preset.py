"""What a scheduled run starts with."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drift_checks.commands.settings_options import add_settings, read_settings
from drift_checks.core.errors import SettingError
from drift_checks.operations.schedule.preset import Preset, make_preset
from drift_checks.settings.declarations import declared

NOW = datetime(2026, 1, 15, tzinfo=UTC)


def preset(folder: Path, *options: str, **environment: str) -> Preset:
    """Return the preset of a caller in this folder, with these options and variables."""
    parser = ArgumentParser()
    add_settings(parser)
    settings = read_settings(parser.parse_args(options), environment, NOW)
    return make_preset(settings, environment, folder)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the caller's folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_settings_come_from_every_source_with_absolute_paths(folder: Path) -> None:
    """Paths in the ini file start from its folder."""
    (folder / "conf").mkdir()
    (folder / "conf/my.ini").write_text(
        "[pytest]\ndrift_taxonomy = t.yaml\ndrift_thresholds =\n    trend=0.1:off\n    class_mix=0.2:0.5\n"
    )
    variables = preset(
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


def test_the_variables_mean_the_same_in_another_folder(folder: Path) -> None:
    """Reading them again changes nothing; variables of other names, as Chroma's own, are settings, too."""
    (folder / "risk_classifications.db").touch()
    variables = preset(folder, CHROMA_PERSIST_PATH=".").variables
    assert (variables["DRIFT_CHROMA"], variables["DRIFT_DB"]) == (str(folder), f"{folder}/risk_classifications.db")
    options = ["--drift-db", "x.db", "--drift-records", "1,2", "--drift-columns", "text=body", "--drift-seed", "3"]
    first = preset(folder, *options)
    (folder / "elsewhere").mkdir()
    again = preset(folder / "elsewhere", **first.variables)
    assert again.variables == first.variables


def test_secrets_are_kept_apart(folder: Path) -> None:
    """A secret's file is a variable, unless the secret itself is set."""
    found = preset(
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
    """The caller's folder is added to Python's path."""
    (folder / "mine.py").touch()
    options = ("--drift-db", "x.db", "--drift-reviewer")
    assert preset(folder, *options, "mine:classify").variables["PYTHONPATH"] == str(folder)
    assert "PYTHONPATH" not in preset(folder, *options, "installed.package:Classifier").variables
    assert preset(folder, *options, "neighbours", PYTHONPATH="lib:/x").variables["PYTHONPATH"] == f"{folder}/lib:/x"


def test_a_run_writes_reports_and_snapshots(folder: Path) -> None:
    """And to the store with write-back."""
    options = ("--drift-db", "/srv/app/x.db", "--drift-chroma", "/srv/chroma", "--drift-reports", "r")
    found = preset(folder, *options)
    assert found.writes == (folder / "r", Path("/var/cache/drift-checks/snapshots"))
    assert found.stores == (Path("/srv/app"), Path("/srv/chroma"))
    assert Path("/srv/app") in preset(folder, *options, "--drift-write-back").writes


def test_every_switch_is_passed_on(folder: Path) -> None:
    """By its variable."""
    for setting in declared():
        if setting.default is False:
            assert preset(folder, setting.option).variables[setting.variable] == "true"


def test_the_password_of_a_database_becomes_a_secret(folder: Path) -> None:
    """Wherever it came from; the URL is passed on without it, and the certificate that it names can be read."""
    certificate = folder / "db.pem"
    certificate.touch()
    plain = f"postgresql://me@host/db?sslrootcert={certificate}"
    of_url = preset(folder, DRIFT_DB=plain.replace("me@", "me:s3cr3t-Passw0rd@"))
    of_variable = preset(folder, f"--drift-db={plain}", DRIFT_DB_PASSWORD="s3cr3t-Passw0rd")
    for found in (of_url, of_variable):
        assert found.secrets["DRIFT_DB_PASSWORD"].reveal() == "s3cr3t-Passw0rd"
        assert "s3cr3t" not in str(found.variables)
        assert found.variables["DRIFT_DB"].startswith("postgresql://me@host/db?sslrootcert=")
        assert (found.reads, found.stores) == ((certificate,), ())


def test_the_file_of_a_password_is_passed_on(folder: Path) -> None:
    """In place of the password in it."""
    (folder / "password").write_text("s3cr3t-Passw0rd\n")
    found = preset(folder, "--drift-db=postgresql://me@host/db", DRIFT_DB_PASSWORD_FILE="password")
    assert found.variables["DRIFT_DB_PASSWORD_FILE"] == str(folder / "password")
    assert dict(found.secrets) == {}


def test_other_secrets_in_a_url_are_refused(folder: Path) -> None:
    """A schedule could only show them."""
    with pytest.raises(SettingError, match="sslpassword, for which a schedule has no safe place"):
        preset(folder, DRIFT_DB="postgresql://me@host/db?sslpassword=s3cr3t-Passw0rd")


def test_a_chroma_server_is_reached_as_by_the_caller(folder: Path) -> None:
    """Its tenant, its token, and the password of its URL, which becomes a secret."""
    given = {"CHROMA_TENANT": "acme", "DRIFT_CHROMA_TOKEN": "tok", "CHROMA_API_KEY": "ck"}
    found = preset(folder, DRIFT_CHROMA="https://me:p%40w@chroma.internal/base", **given)
    assert found.variables["DRIFT_CHROMA"] == "https://me@chroma.internal/base"
    assert found.variables["DRIFT_CHROMA_TENANT"] == "acme"
    assert {name: secret.reveal() for name, secret in found.secrets.items()} == {
        "DRIFT_CHROMA_TOKEN": "tok",
        "CHROMA_API_KEY": "ck",
        "DRIFT_CHROMA_BASIC": "me:p@w",
    }
    assert found.stores == ()
