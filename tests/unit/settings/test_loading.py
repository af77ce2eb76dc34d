"""Settings: where they come from, which source wins, and what fills the gaps."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import tzlocal

from drift_checks.settings.declarations import DATABASE_NAME, Setting, Settings, declared
from drift_checks.settings.loading import Sources, load
from tests.support.sources import FOLDER, INI, NOW, given, refusal

SETTINGS = {setting.key: setting for setting in declared()}
# Three texts that stand for different values, where the kind has three.
TEXTS = {
    "db": ("/a.db", "/b.db", "/c.db"),
    "chroma": ("/a", "/b", "/c"),
    "snapshot_dir": ("/a", "/b", "/c"),
    "collection": ("a", "b", "c"),
    "table": ("a", "b", "c"),
    "columns": ("text=a", "text=b", "text=c"),
    "taxonomy": ("/a.yaml", "/b.yaml", "/c.yaml"),
    "sample_size": ("1", "2", "3"),
    "low_confidence_share": ("0.1", "0.2", "0.3"),
    "low_confidence_below": ("0.1", "0.2", "0.3"),
    "old_days": ("1", "2", "3"),
    "baseline": ("1", "2", "3"),
    "seed": ("1", "2", "3"),
    "as_of": ("2026-01-01T00:00Z", "2026-01-02T00:00Z", "2026-01-03T00:00Z"),
    "naive_timezone": ("Europe/Berlin", "UTC", "Asia/Tokyo"),
    "records": ("1", "2", "3"),
    "warn": ("0.8", "0.9", "0.95"),
    "critical": ("0.1", "0.2", "0.3"),
    "min_reviewed": ("0.1", "0.2", "0.3"),
    "reports": ("/a", "/b", "/c"),
    "demo": ("true", "false", "true"),
}


def value_of(setting: Setting, text: str) -> object:
    """Return what the setting is when this text alone is given, as an option."""
    return getattr(load(given({setting.key: text}), NOW), setting.key)


@pytest.mark.parametrize("key", TEXTS)
def test_an_option_wins_over_variable_and_ini(key: str) -> None:
    """Whatever the other two say."""
    setting, (first, second, third) = SETTINGS[key], TEXTS[key]
    settings = load(given({key: first}, {setting.variable: second}, {key: third}), NOW)
    assert getattr(settings, key) == value_of(setting, first)
    assert settings.sources[key] == setting.option


@pytest.mark.parametrize("key", TEXTS)
def test_a_variable_wins_over_the_ini(key: str) -> None:
    """Where there is no option."""
    setting, (_, second, third) = SETTINGS[key], TEXTS[key]
    settings = load(given({}, {setting.variable: second}, {key: third}), NOW)
    assert getattr(settings, key) == value_of(setting, second)
    assert setting.variable in settings.sources[key]


@pytest.mark.parametrize("key", TEXTS)
def test_the_ini_wins_over_the_default(key: str) -> None:
    """Where nothing else is given."""
    setting, text = SETTINGS[key], TEXTS[key][2]
    settings = load(given(ini={key: text}), NOW)
    assert getattr(settings, key) == value_of(setting, text)
    assert str(INI) in settings.sources[key]


def test_names_of_a_setting() -> None:
    """Option, variable and ini key follow from one name."""
    setting = SETTINGS["low_confidence_share"]
    assert (setting.name, setting.option, setting.variable, setting.ini) == (
        "low-confidence-share",
        "--drift-low-confidence-share",
        "DRIFT_LOW_CONFIDENCE_SHARE",
        "drift_low_confidence_share",
    )


def test_an_empty_variable_is_no_setting() -> None:
    """Unset in a shell's usual way."""
    assert load(given(environment={"DRIFT_SAMPLE_SIZE": ""}), NOW).sample_size == 50


@pytest.mark.parametrize("key", ["db", "chroma", "snapshot_dir", "taxonomy", "reports"])
def test_relative_paths_of_options_start_from_the_folder_of_the_command(key: str) -> None:
    """And `..` is taken out."""
    assert getattr(load(given({key: "../there"}), NOW), key) == Path("/home/ann/there")


@pytest.mark.parametrize("key", ["db", "chroma", "snapshot_dir", "taxonomy", "reports"])
def test_relative_paths_of_variables_start_from_the_folder_of_the_command(key: str) -> None:
    """As those of options."""
    settings = load(given(environment={SETTINGS[key].variable: "there"}), NOW)
    assert getattr(settings, key) == FOLDER / "there"


@pytest.mark.parametrize("key", ["db", "chroma", "snapshot_dir", "taxonomy", "reports"])
def test_relative_paths_of_an_ini_file_start_from_its_folder(key: str) -> None:
    """Wherever the command was given."""
    assert getattr(load(given(ini={key: "there"}), NOW), key) == INI.parent / "there"


def test_links_in_paths_are_not_followed(tmp_path: Path) -> None:
    """The store's identity is its name as it was given."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert load(given({"chroma": "link"}, folder=tmp_path), NOW).chroma == tmp_path / "link"


def test_the_home_folder_can_be_written_as_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ini files and unit files have no shell to do it."""
    monkeypatch.setenv("HOME", "/home/ann")
    assert load(given(ini={"db": "~/a.db"}), NOW).db == Path("/home/ann/a.db")


def test_chroma_is_by_default_the_applications_own_variable() -> None:
    """It is relative to the folder of the command too."""
    settings = load(given(environment={"CHROMA_PERSIST_PATH": "vectors"}), NOW)
    assert settings.chroma == FOLDER / "vectors"
    assert settings.sources["chroma"] == "the variable CHROMA_PERSIST_PATH"


@pytest.mark.parametrize(
    "sources",
    [
        given({"chroma": "/other"}, {"CHROMA_PERSIST_PATH": "/vectors"}),
        given({}, {"CHROMA_PERSIST_PATH": "/vectors", "DRIFT_CHROMA": "/other"}),
        given({}, {"CHROMA_PERSIST_PATH": "/vectors"}, {"chroma": "/other"}),
    ],
    ids=["option", "variable", "ini"],
)
def test_every_source_wins_over_the_applications_variable(sources: Sources) -> None:
    """It is a default."""
    assert load(sources, NOW).chroma == Path("/other")


def test_an_impossible_default_variable_is_refused_in_a_sentence() -> None:
    """An address there is refused like one in the setting."""
    assert "CHROMA_PERSIST_PATH" in refusal(given(environment={"CHROMA_PERSIST_PATH": "http://vectors:8000"}))


def test_the_records_are_by_default_in_the_chroma_directory(tmp_path: Path) -> None:
    """Where the application puts them."""
    (tmp_path / DATABASE_NAME).touch()
    assert load(given({"chroma": str(tmp_path)}), NOW).db == tmp_path / DATABASE_NAME


def test_without_a_file_beside_the_vectors_there_are_no_records(tmp_path: Path) -> None:
    """The default is not made up."""
    assert load(given({"chroma": str(tmp_path)}), NOW).db is None


def test_the_default_seed_is_the_reference_times_date_in_utc() -> None:
    """Which may be another than the local one."""
    assert load(given(), NOW).seed == 20260116
    assert load(given({"as_of": "2025-12-31T23:30:00-02:00"}), NOW).seed == 20260101


def test_the_default_reference_time_is_now() -> None:
    """In UTC, to the second."""
    assert load(given(), NOW).as_of == datetime(2026, 1, 16, 4, 30, tzinfo=UTC)


def test_the_default_zone_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """As tzlocal tells it."""
    monkeypatch.setattr(tzlocal, "get_localzone", lambda: ZoneInfo("Asia/Tokyo"))
    assert load(given(), NOW).naive_timezone.key == "Asia/Tokyo"


def test_a_machine_without_a_zone_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the remedy."""

    def fail() -> ZoneInfo:
        raise LookupError("no zone")

    monkeypatch.setattr(tzlocal, "get_localzone", fail)
    assert "--drift-naive-timezone" in refusal(given())


def test_the_defaults_of_the_documents() -> None:
    """Numbers that schedulers rely on."""
    settings = load(given(), NOW)
    assert (settings.sample_size, settings.low_confidence_share, settings.low_confidence_below) == (50, 0.6, 0.75)
    assert (settings.old_days, settings.baseline) == (90, 10)
    assert (settings.warn, settings.critical, settings.min_reviewed) == (0.85, 0.75, 0.8)
    assert (settings.table, settings.collection, settings.reviewer) == (
        "risk_classifications",
        "risk_classifications",
        "neighbours",
    )
    assert settings.reports == FOLDER / "reports"


def test_settings_are_frozen() -> None:
    """Nothing changes them on the way."""
    with pytest.raises(FrozenInstanceError):
        load(given(), NOW).seed = 1  # type: ignore[misc]


def test_sources_name_only_what_was_given() -> None:
    """Defaults came from nowhere."""
    assert load(given({"warn": "0.9"}), NOW).sources == {"warn": "--drift-warn"}


def test_every_setting_has_a_default_a_group_and_a_help() -> None:
    """The help lists them."""
    assert [setting.key for setting in declared() if not (setting.group and setting.help)] == []
    assert {"sources"}.isdisjoint(SETTINGS)
    assert isinstance(load(given(), NOW), Settings)
