"""The settings and their sources, including unusable ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.errors import SettingError
from drift_checks.operations.doctor.environment import with_env_file
from drift_checks.operations.doctor.settings import checks
from drift_checks.operations.doctor.setup import DoctorOptions, Setup
from drift_checks.settings import loading
from drift_checks.settings.loading import Sources
from drift_checks.settings.usable import Configured, configure
from tests.support.doctoring import NOW, findings_of, outcome, put

PLACE = Path("/srv/reviews")


def sources(
    options: dict[str, str] | None = None, environment: dict[str, str] | None = None, ini: dict[str, str] | None = None
) -> Sources:
    """Return where settings are, with a fixed time zone."""
    zone = {"drift_naive_timezone": "UTC"}
    return Sources(zone | (options or {}), environment or {}, ini or {}, PLACE, PLACE / "pytest.ini")


def configured(**given: dict[str, str]) -> Configured:
    """Return the settings in these sources."""
    return configure(sources(**given), NOW)


def lines(found: Configured) -> dict[str, tuple[str, str]]:
    """Return status and message of each line but the time zone's."""
    findings = findings_of(checks(Setup(found, {}, DoctorOptions(), NOW)))
    return {name: outcome(line) for name, line in findings.items() if name != "naive-timezone"}


def test_each_setting_is_listed_with_its_source() -> None:
    """Option, variable or ini file; paths are absolute, passwords are not shown, and defaults are not listed."""
    found = configured(
        options={"drift_db": "a.db"},
        environment={"DRIFT_WARN": "0.9", "CHROMA_PERSIST_PATH": "/data/chroma"},
        ini={"drift_sample_size": "20", "drift_critical": "0.75", "drift_llm_base_url": "https://me:hunter2@host/v1"},
    )
    assert lines(found) == {
        "db": ("ok", "/srv/reviews/a.db (--drift-db)"),
        "chroma": ("ok", "/data/chroma (the variable CHROMA_PERSIST_PATH)"),
        "sample-size": ("ok", "20 (drift_sample_size in /srv/reviews/pytest.ini)"),
        "warn": ("ok", "0.9 (the variable DRIFT_WARN)"),
        "llm-base-url": (
            "error",
            "'https://…@host/v1' (from drift_llm_base_url in /srv/reviews/pytest.ini) is invalid",
        ),
    }
    assert list(lines(configure(replace(sources(), options={}), NOW))) == ["all"]


def test_every_unusable_setting_fails(snapshot: SnapshotAssertion) -> None:
    """All at once, misspelt keys and variables included; the others keep their values."""
    found = configured(
        options={"drift_warn": "x", "drift_critical": "0.5"},
        environment={"DRIFT_SAMPLE_SZE": "20", "DRIFT_OLD_DAYS": "-1"},
        ini={"drift_basline": "5"},
    )
    assert lines(found) == snapshot
    assert (found.settings.critical, found.settings.warn, found.settings.old_days) == (0.5, 0.85, 90)


def test_the_line_of_an_unusable_setting_fails() -> None:
    """Even if it only contradicts another, or comes from Chroma's own variable; nothing replaces a bad directory."""
    assert lines(configured(options={"drift_critical": "0.9"}))["critical"][0] == "error"
    assert lines(configured(environment={"CHROMA_PERSIST_PATH": "postgresql://host/db"}))["chroma"][0] == "error"
    found = configured(options={"drift_chroma": "postgresql://host/db"}, environment={"CHROMA_PERSIST_PATH": "/data"})
    assert found.settings.chroma is None
    assert {"chroma", "db"} <= found.broken


def test_an_unknown_machine_zone_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is checked all the same."""

    def unknown() -> None:
        raise SettingError("naive-timezone", "is unknown", "set it")

    monkeypatch.setattr(loading, "machine_zone", unknown)
    found = configure(replace(sources(), options={"drift_warn": "0.9"}), NOW)
    assert found.settings.naive_timezone.utcoffset(NOW) == UTC.utcoffset(NOW)
    findings = findings_of(checks(Setup(found, {}, DoctorOptions(), NOW)))
    assert {name: str(line.status) for name, line in findings.items()} == {"naive-timezone": "error", "warn": "ok"}


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    """A missing file adds nothing."""
    file = put(tmp_path / "review.env", "DRIFT_WARN=0.9\nDRIFT_CRITICAL=0.5\n")
    environment, taken = with_env_file({"DRIFT_WARN": "0.8"}, file)
    assert environment == {"DRIFT_WARN": "0.8", "DRIFT_CRITICAL": "0.5"}
    found = lines(replace(configured(environment=environment), env_file=file, taken=taken))
    assert found["critical"] == ("ok", f"0.5 (DRIFT_CRITICAL in {file})")
    assert found["warn"] == ("ok", "0.8 (the variable DRIFT_WARN)")
    assert with_env_file({"A": "1"}, tmp_path / "none") == ({"A": "1"}, frozenset())
