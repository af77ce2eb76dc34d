"""The machine itself."""

from __future__ import annotations

from datetime import timedelta
from importlib import metadata

import pytest

from drift_checks.operations.doctor.machine import checks, clock, packages, python, zone
from tests.support.doctoring import NOW, found, setup


def test_this_machine_is_all_ticks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """With its versions."""
    told = found(checks(setup(tmp_path_factory.mktemp("root"))))
    assert {line.status for line in told.values()} == {"ok"}
    assert f"chromadb {metadata.version('chromadb')}" in told["packages"].message


@pytest.mark.parametrize(
    ("version", "status"), [((3, 10, 9), "error"), ((3, 11, 0), "ok"), ((3, 14, 1), "ok"), ((4, 0, 0), "ok")]
)
def test_the_oldest_python(version: tuple[int, ...], status: str) -> None:
    """It is 3.11."""
    assert str(python(version).status) == status


def test_a_package_that_is_missing_is_a_cross(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name."""

    def none(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", none)
    assert (str(packages().status), packages().message) == ("error", "pytest is not installed")


def test_the_zone_of_naive_timestamps_is_told() -> None:
    """With a hint where nobody chose it."""
    assert zone("UTC", "--drift-naive-timezone").remedy == ""
    assert "--drift-naive-timezone" in zone("Europe/Berlin", "this machine's").remedy


@pytest.mark.parametrize(("days", "is_set", "status"), [(0, True, "ok"), (2, False, "ok"), (2, True, "warning")])
def test_a_reference_time_that_stays_is_a_warning(days: int, is_set: bool, status: str) -> None:
    """Each night would draw by the same."""
    assert str(clock(NOW, NOW - timedelta(days=days), is_set).status) == status
