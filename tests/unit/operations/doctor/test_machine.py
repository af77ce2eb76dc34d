"""The machine."""

from __future__ import annotations

from datetime import timedelta
from importlib import metadata
from pathlib import Path

import pytest

from drift_checks.operations.doctor.machine import checks, clock, packages, zone
from tests.support.doctoring import NOW, findings_of, setup


def test_this_machine_passes(tmp_path: Path) -> None:
    """With its versions."""
    found = findings_of(checks(setup(tmp_path)))
    assert {line.status for line in found.values()} == {"ok"}
    assert f"chromadb {metadata.version('chromadb')}" in found["packages"].message


def test_a_missing_package_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name."""

    def none(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", none)
    assert (packages().status, packages().message) == ("error", "pytest is not installed")


def test_the_zone_of_timestamps_is_reported() -> None:
    """With a hint if nobody set it."""
    assert zone("UTC", "--drift-naive-timezone").remedy == ""
    assert "--drift-naive-timezone" in zone("Europe/Berlin", None).remedy


@pytest.mark.parametrize(("days", "is_set", "status"), [(0, True, "ok"), (2, False, "ok"), (2, True, "warning")])
def test_a_fixed_reference_time_is_a_warning(days: int, is_set: bool, status: str) -> None:
    """Ages would never grow."""
    assert clock(NOW, NOW - timedelta(days=days), is_set).status == status
