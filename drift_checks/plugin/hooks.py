"""The hooks that a run offers to conftest files and plugins."""

from __future__ import annotations

import pytest


@pytest.hookspec(firstresult=True)
def pytest_drift_reviewer(config: pytest.Config) -> object | None:
    """Return a classifier of your own, made: a callable that takes a text, or an object or class with `classify`.

    It takes the place of the default reviewer; one that is set with `--drift-reviewer` wins. Called once a process,
    before anything is reviewed; None leaves it to others.
    """


def pytest_drift_finished(verdict: str, folder: str) -> None:
    """Be told that a run's folder was written, with its verdict (`OK`, `WARNING`, ...) and its path."""
