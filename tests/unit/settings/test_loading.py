"""Settings: their sources, priorities and defaults."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import tzlocal

from drift_checks.core.addresses import ServerURL
from drift_checks.settings.declarations import DATABASE_NAME, declared
from drift_checks.settings.loading import load
from tests.support.sources import FOLDER, INI, NOW, given, refusal

SETTINGS = {setting.key: setting for setting in declared()}
PATHS = ["db", "chroma", "snapshot_dir", "taxonomy", "reports"]
# Three texts for different values; one setting of each kind.
TEXTS = {
    "db": ("/a.db", "/b.db", "/c.db"),
    "table": ("a", "b", "c"),
    "columns": ("text=a", "text=b", "text=c"),
    "sample_size": ("1", "2", "3"),
    "low_confidence_share": ("0.1", "0.2", "0.3"),
    "seed": ("1", "2", "3"),
    "as_of": ("2026-01-01T00:00Z", "2026-01-02T00:00Z", "2026-01-03T00:00Z"),
    "naive_timezone": ("Europe/Berlin", "UTC", "Asia/Tokyo"),
    "records": ("1", "2", "3"),
    "demo": ("true", "false", "true"),
}


@pytest.mark.parametrize("key", TEXTS)
def test_options_override_variables_and_variables_the_ini_file(key: str) -> None:
    """The ini file overrides the default; each value names its source."""
    setting, (first, second, third) = SETTINGS[key], TEXTS[key]
    options, variables, ini = {key: first}, {setting.variable: second}, {key: third}
    for sources, text, source in (
        (given(options, variables, ini), first, setting.option),
        (given({}, variables, ini), second, f"the variable {setting.variable}"),
        (given({}, {}, ini), third, f"{setting.ini} in {INI}"),
    ):
        settings = load(sources, NOW)
        assert getattr(settings, key) == setting.kind.parse(text, FOLDER)
        assert settings.sources[key] == source


def test_names_of_a_setting() -> None:
    """Option, variable and ini key are derived from one name."""
    setting = SETTINGS["low_confidence_share"]
    assert (setting.name, setting.option, setting.variable, setting.ini) == (
        "low-confidence-share",
        "--drift-low-confidence-share",
        "DRIFT_LOW_CONFIDENCE_SHARE",
        "drift_low_confidence_share",
    )


@pytest.mark.parametrize("key", PATHS)
def test_relative_paths_start_from_the_folder_of_the_command_or_of_the_ini_file(key: str) -> None:
    """Options and variables are relative to the former; `..` is resolved."""
    assert getattr(load(given({key: "../there"}), NOW), key) == Path("/home/ann/there")
    assert getattr(load(given(environment={SETTINGS[key].variable: "there"}), NOW), key) == FOLDER / "there"
    assert getattr(load(given(ini={key: "there"}), NOW), key) == INI.parent / "there"


def test_links_in_paths_are_not_followed(tmp_path: Path) -> None:
    """The store is identified by its path as given."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert load(given({"chroma": "link"}, folder=tmp_path), NOW).chroma == tmp_path / "link"


def test_a_tilde_stands_for_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """No shell expands it in ini files and unit files."""
    monkeypatch.setenv("HOME", "/home/ann")
    assert load(given(ini={"db": "~/a.db"}), NOW).db == Path("/home/ann/a.db")


def test_chroma_defaults_to_the_applications_own_variable() -> None:
    """Relative to the folder of the command; every source overrides it."""
    variable = {"CHROMA_PERSIST_PATH": "vectors"}
    settings = load(given(environment=variable), NOW)
    assert (settings.chroma, settings.sources["chroma"]) == (FOLDER / "vectors", "the variable CHROMA_PERSIST_PATH")
    other = {"chroma": "/other"}
    own = given({}, variable | {"DRIFT_CHROMA": "/other"})
    for sources in (given(other, variable), own, given({}, variable, other)):
        assert load(sources, NOW).chroma == Path("/other")


def test_an_invalid_application_variable_is_refused() -> None:
    """The URL of a database there is refused as in the setting."""
    assert "CHROMA_PERSIST_PATH" in refusal(given(environment={"CHROMA_PERSIST_PATH": "postgresql://host/db"}))


def test_tenant_and_database_of_a_server_default_to_the_variables_of_its_client() -> None:
    """Those in a directory have other names."""
    cloud = {"CHROMA_TENANT": "acme", "CHROMA_DATABASE": "risks"}
    served = load(given({"chroma": "https://api.trychroma.com", "chroma_database": "other"}, cloud), NOW)
    assert (served.chroma_tenant, served.chroma_database) == ("acme", "other")
    assert (served.texts["chroma_tenant"], served.sources["chroma_tenant"]) == ("acme", "the variable CHROMA_TENANT")
    local = load(given({"chroma": "/vectors"}, cloud), NOW)
    assert (local.chroma_tenant, local.chroma_database) == (None, None)


def test_the_records_default_to_the_file_in_the_chroma_directory(tmp_path: Path) -> None:
    """Only if it exists."""
    assert load(given({"chroma": str(tmp_path)}), NOW).db is None
    (tmp_path / DATABASE_NAME).touch()
    assert load(given({"chroma": str(tmp_path)}), NOW).db == tmp_path / DATABASE_NAME


def test_without_any_setting_the_store_in_the_folder_database_is_used(tmp_path: Path) -> None:
    """Records and vectors, where the scheduler that this replaces had them; each is only a default."""
    folder = tmp_path / "database"
    folder.mkdir()
    (folder / DATABASE_NAME).touch()
    alone = load(given(folder=tmp_path), NOW)
    assert (alone.db, alone.chroma, alone.sources["db"]) == (folder / DATABASE_NAME, None, "the folder database")
    (folder / "chroma.sqlite3").touch()
    settings = load(given(folder=tmp_path), NOW)
    assert (settings.db, settings.chroma) == (folder / DATABASE_NAME, folder)
    assert settings.sources["chroma"] == "the folder of the records"
    assert load(given(environment={"CHROMA_PERSIST_PATH": "vectors"}, folder=tmp_path), NOW).db == settings.db
    other = load(given({"db": "other.db"}, folder=tmp_path), NOW)
    assert (other.db, other.chroma) == (tmp_path / "other.db", None)


def test_the_vectors_default_to_those_beside_the_records(tmp_path: Path) -> None:
    """Unless the application's variable names others."""
    (tmp_path / "chroma.sqlite3").touch()
    records = {"db": str(tmp_path / "a.db")}
    assert load(given(records), NOW).chroma == tmp_path
    assert load(given(records, {"CHROMA_PERSIST_PATH": "vectors"}), NOW).chroma == FOLDER / "vectors"


def test_a_folder_of_records_may_hold_the_vectors(tmp_path: Path) -> None:
    """Before those beside it."""
    for folder in (tmp_path, tmp_path / "exports"):
        folder.mkdir(exist_ok=True)
        (folder / "chroma.sqlite3").touch()
        assert load(given({"db": str(tmp_path / "exports")}), NOW).chroma == folder


def test_the_default_seed_is_the_date_of_the_reference_time_in_utc() -> None:
    """Not the local date; the default reference time is now, rounded down to the second."""
    assert load(given(), NOW).as_of == datetime(2026, 1, 16, 4, 30, tzinfo=UTC)
    assert load(given(), NOW).seed == 20260116
    assert load(given({"as_of": "2025-12-31T23:30:00-02:00"}), NOW).seed == 20260101


def test_the_default_zone_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """As tzlocal reports it."""
    monkeypatch.setattr(tzlocal, "get_localzone", lambda: ZoneInfo("Asia/Tokyo"))
    assert load(given(), NOW).naive_timezone.key == "Asia/Tokyo"


def test_a_machine_without_a_zone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the option."""

    def fail() -> ZoneInfo:
        raise LookupError("no zone")

    monkeypatch.setattr(tzlocal, "get_localzone", fail)
    assert "--drift-naive-timezone" in refusal(given())


def test_documented_defaults() -> None:
    """Users and schedulers rely on them; only other values have a source, and an empty variable is unset."""
    settings = load(given({"warn": "0.85"}, {"DRIFT_SAMPLE_SIZE": ""}), NOW)
    assert settings.sources == {"warn": "--drift-warn"}
    assert (settings.sample_size, settings.low_confidence_share, settings.low_confidence_below) == (50, 0.6, 0.75)
    assert (settings.old_days, settings.baseline) == (90, 10)
    assert (settings.warn, settings.critical, settings.min_reviewed) == (0.85, 0.75, 0.8)
    assert {settings.table, settings.collection} == {"risk_classifications"}
    assert settings.reviewer == "neighbours"
    assert settings.reports == FOLDER / "reports"


URL = "postgresql://me:s3cr3t-Passw0rd@host/db"


def test_the_url_of_a_database_may_hold_its_password_in_the_environment() -> None:
    """Where it came from is kept without it."""
    settings = load(given(environment={"DRIFT_DB": URL}), NOW)
    assert isinstance(settings.db, ServerURL)
    assert (str(settings.db), settings.db.complete) == ("postgresql://host/db", URL)
    assert settings.texts["db"] == "postgresql://me@host/db"


@pytest.mark.parametrize("source", ["options", "ini"])
def test_a_password_where_others_see_it_is_refused(source: str) -> None:
    """On the command line or in a file that belongs in the repository; the message shows where it may be."""
    message = refusal(given({"db": URL}) if source == "options" else given(ini={"db": URL}))
    assert "DRIFT_DB_PASSWORD" in message
    assert "s3cr3t" not in message


def test_a_program_may_give_a_password() -> None:
    """No list of processes shows the arguments of a function."""
    assert load(replace(given({"db": URL}), in_program=True), NOW).db == ServerURL.parse(URL)


def test_the_password_may_be_apart(tmp_path: Path) -> None:
    """In a variable or a file; the one in the URL has precedence."""
    (tmp_path / "password").write_text("of-the-file\n")
    for environment, password in (
        ({"DRIFT_DB_PASSWORD": "of-the-variable"}, "of-the-variable"),
        ({"DRIFT_DB_PASSWORD_FILE": str(tmp_path / "password")}, "of-the-file"),
        ({"DRIFT_DB_PASSWORD": "of-the-variable", "DRIFT_DB": URL}, "s3cr3t-Passw0rd"),
    ):
        options = {} if "DRIFT_DB" in environment else {"db": "postgresql://me@host/db"}
        found = load(given(options, environment=environment), NOW).db
        assert isinstance(found, ServerURL)
        assert found.password is not None
        assert found.password.reveal() == password


def test_a_misspelt_name_of_the_password_is_refused() -> None:
    """Rather than reviewing without a password."""
    assert "did you mean 'DRIFT_DB_PASSWORD'?" in refusal(given(environment={"DRIFT_DB_PASSWD": "secret"}))
