"""The hooks that conftest files and plugins can implement."""

from __future__ import annotations

import pytest


@pytest.hookspec(firstresult=True)
def pytest_drift_reviewer(config: pytest.Config) -> object | None:
    """Return your own classifier: a callable that takes a text, or an object or class with a method `classify`.

    It may also be a list of these and of names of reviewers, the first of which decides.
    It replaces the default reviewer; `--drift-reviewer` takes precedence. Called once per process, before anything is
    reviewed. Return None to leave the choice to others.
    """


def pytest_drift_finished(verdict: str, folder: str) -> None:
    """Called when a run's folder is written, with its verdict (`OK`, `WARNING`, ...) and its path."""
