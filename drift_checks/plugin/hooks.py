"""The hooks that a run offers to conftest files and plugins."""

from __future__ import annotations


def pytest_drift_finished(verdict: str, folder: str) -> None:
    """Be told that a run's folder was written, with its verdict (`OK`, `WARNING`, ...) and its path."""
