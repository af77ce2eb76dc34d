"""pytest-json-report, used for the document of a run."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pytest_jsonreport.plugin import JSONReport

from drift_checks.errors import SettingError

_LEFT_OUT = {"collectors", "keywords", "log", "streams"}


class RunDocument(JSONReport):  # type: ignore[misc]
    """The document of a run, kept in memory; the run's folder takes it up."""

    def __init__(self, config: pytest.Config) -> None:
        super().__init__(config)
        # It is registered during collection, after its own hook would have set this.
        self._start_time = time.time()

    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave pytest's options alone, of which some are missing without its terminal plugin."""

    def _must_omit(self, key: str) -> bool:
        return key in _LEFT_OUT

    def save_report(self, path: str) -> None:
        """Write nothing: the run's folder appears whole, later."""

    # It has nothing to say on the terminal.
    pytest_terminal_summary = None


def run_document(config: pytest.Config) -> Any:
    """Return what builds the document: the one that the user asked for with `--json-report`, or one of the run's own.

    Raises:
        SettingError: pytest-json-report is not loaded.
    """
    if not hasattr(config.option, "json_report"):
        raise SettingError("pytest-json-report is not loaded: install it, and add -p pytest_jsonreport if need be.")
    asked_for = getattr(config, "_json_report", None)
    if asked_for is not None:
        return asked_for
    document = RunDocument(config)
    config.pluginmanager.register(document, "drift_checks_document")
    return document
