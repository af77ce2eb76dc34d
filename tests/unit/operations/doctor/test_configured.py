"""Settings and their sources, those included that cannot be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.errors import SettingError
from drift_checks.operations.doctor.configured import checks, with_env_file
from drift_checks.settings import loading as options_module
from drift_checks.settings.loading import Sources
from drift_checks.settings.usable import Configured, configure
from tests.support.doctoring import NOW, found, put, said

ZONE = {"drift_naive_timezone": "UTC"}
PLACE = Path("/srv/reviews")


def sources(
    options: dict[str, str] | None = None,
    environment: dict[str, str] | None = None,
    ini: dict[str, str] | None = None,
) -> Sources:
    """Return where settings are, with a zone that is the same on every machine."""
    return Sources({**ZONE, **(options or {})}, environment or {}, ini or {}, PLACE, PLACE / "pytest.ini")


def configured(**given: dict[str, str]) -> Configured:
    """Return what these sources configure."""
    return configure(sources(**given), NOW)


def lines(told: Configured) -> dict[str, tuple[str, str]]:
    """Return status and message of each line but the zone's."""
    return {name: said(line) for name, line in found(checks(told)).items() if name != "naive-timezone"}


def test_each_setting_is_told_with_its_source() -> None:
    """Option, variable or ini file; paths whole."""
    told = configured(
        options={"drift_db": "a.db"},
        environment={"DRIFT_WARN": "0.9", "CHROMA_PERSIST_PATH": "/data/chroma"},
        ini={"drift_sample_size": "20"},
    )
    assert lines(told) == {
        "db": ("ok", "/srv/reviews/a.db (--drift-db)"),
        "chroma": ("ok", "/data/chroma (the variable CHROMA_PERSIST_PATH)"),
        "sample-size": ("ok", "20 (drift_sample_size in /srv/reviews/pytest.ini)"),
        "warn": ("ok", "0.9 (the variable DRIFT_WARN)"),
    }


def test_a_default_that_was_given_is_none_to_tell() -> None:
    """It changes nothing."""
    assert lines(configured(options={"drift_warn": "0.85"})) == {}


def test_without_any_there_is_a_line_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group is never empty."""
    told = configure(replace(sources(), options={}), NOW)
    assert [said(line)[0] for line in found(checks(told)).values()] == ["ok"]


def test_each_that_cannot_be_used_is_a_cross(snapshot: SnapshotAssertion) -> None:
    """All of them at once, misspelt keys and variables included; the others are as they were set."""
    told = configured(
        options={"drift_warn": "x", "drift_critical": "0.5"},
        environment={"DRIFT_SAMPLE_SZE": "20", "DRIFT_OLD_DAYS": "-1"},
        ini={"drift_basline": "5"},
    )
    assert lines(told) == snapshot
    assert (told.settings.critical, told.settings.warn, told.settings.old_days) == (0.5, 0.85, 90)


def test_settings_at_odds_are_a_cross() -> None:
    """With what both are."""
    told = lines(configured(options={"drift_critical": "0.9"}))
    assert told["critical"][0] == "error"


def test_a_directory_that_cannot_be_used_is_not_replaced_by_another() -> None:
    """Nor do the records in it count as not configured."""
    told = configured(options={"drift_chroma": "http://host"}, environment={"CHROMA_PERSIST_PATH": "/data"})
    assert told.settings.chroma is None
    assert {"chroma", "db"} <= told.broken


def test_a_variable_that_names_no_directory_is_a_cross() -> None:
    """The variable of Chroma's own is one of the sources."""
    told = configured(environment={"CHROMA_PERSIST_PATH": "http://host"})
    assert lines(told)["chroma"][0] == "error"


def test_a_machine_that_does_not_know_its_zone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is checked all the same."""

    def unknown() -> None:
        raise SettingError("naive-timezone", "cannot be determined", "set it")

    monkeypatch.setattr(options_module, "machine_zone", unknown)
    told = configure(replace(sources(), options={"drift_warn": "0.9"}), NOW)
    assert [(line.name, line.status) for line in found(checks(told)).values()] == [
        ("naive-timezone", "error"),
        ("warn", "ok"),
    ]


def test_what_must_not_be_repeated_is_not() -> None:
    """An address with a password is refused, and not shown."""
    told = configured(options={"drift_llm_base_url": "https://me:hunter2@host/v1"})
    assert "hunter2" not in str(found(checks(told)))


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """A variable of the file is taken where there is none."""
    file = put(tmp_path / "review.env", "DRIFT_WARN=0.9\nDRIFT_CRITICAL=0.5\n")
    environment, taken = with_env_file({"DRIFT_WARN": "0.8"}, file)
    assert environment == {"DRIFT_WARN": "0.8", "DRIFT_CRITICAL": "0.5"}
    told = replace(configured(environment=environment), env_file=file, taken=taken)
    assert lines(told)["critical"] == ("ok", f"0.5 (DRIFT_CRITICAL in {file})")
    assert lines(told)["warn"] == ("ok", "0.8 (the variable DRIFT_WARN)")


def test_a_file_that_is_not_there_adds_nothing(tmp_path: Path) -> None:
    """Nor is that a fault: only a schedule has one."""
    assert with_env_file({"A": "1"}, tmp_path / "none") == ({"A": "1"}, frozenset())
