"""pytest-json-report, used for the document of a run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pytest
from pytest_jsonreport.plugin import JSONReport

from drift_checks.core.errors import SettingError
from drift_checks.core.outcomes import Outcome, Result

_STAGES = {"setup", "call", "teardown"}
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


def mark_failed(document: dict[str, Any], outcomes: Iterable[Outcome]) -> None:
    """Mark the checks failed of which a statistic is, which only the whole run could tell.

    Args:
        document: Of pytest-json-report; changed in place.
        outcomes: Of the run, as they were judged.
    """
    failed = {item.check: item.message for item in outcomes if item.statistics and item.result is Result.FAILED}
    summary = document.get("summary", {})
    for test in document.get("tests", []):
        if test["outcome"] == "passed" and test["nodeid"] in failed:
            test["outcome"] = "failed"
            test["call"] = {**test.get("call", {}), "outcome": "failed", "longrepr": failed[test["nodeid"]]}
            summary["passed"] = summary.get("passed", 1) - 1
            summary["failed"] = summary.get("failed", 0) + 1


def withhold_texts(document: dict[str, Any], outcomes: Iterable[Outcome]) -> None:
    """Leave out of the checks what may quote the text of a record: tracebacks, output, and all messages but ours.

    Args:
        document: Of pytest-json-report; changed in place.
        outcomes: Of the run, whose messages hold no text.
    """
    messages = {item.check: item.message for item in outcomes}
    for test in document.get("tests", []):
        for stage in _STAGES & test.keys():
            kept = {key: value for key, value in test[stage].items() if key in ("duration", "outcome")}
            said = {"longrepr": messages.get(test["nodeid"], "")} if kept.get("outcome") != "passed" else {}
            test[stage] = kept | said
    document.pop("warnings", None)


def run_document(config: pytest.Config) -> Any:
    """Return what builds the document: the one that the user asked for with `--json-report`, or one of the run's own.

    Raises:
        SettingError: pytest-json-report is not loaded.
    """
    if not hasattr(config.option, "json_report"):
        raise SettingError("pytest-json-report is not loaded", "install it, and add -p pytest_jsonreport if need be")
    asked_for = getattr(config, "_json_report", None)
    if asked_for is not None:
        return asked_for
    document = RunDocument(config)
    config.pluginmanager.register(document, "drift_checks_document")
    return document
