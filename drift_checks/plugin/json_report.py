"""report.json: the document of pytest-json-report, adapted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

import pytest
from pytest_jsonreport.plugin import JSONReport

from drift_checks.core.errors import SettingError
from drift_checks.core.outcomes import Outcome, Result

# The category of failed checks in pytest's counts.
FINDINGS = "findings"
_STAGES = {"setup", "call", "teardown"}
_LEFT_OUT = {"collectors", "keywords", "log", "streams"}


class RunDocument(JSONReport):  # type: ignore[misc]
    """The document of a run, kept in memory until the run's folder is written."""

    def __init__(self, config: pytest.Config) -> None:
        super().__init__(config)
        # Its own hook sets this before collection; it is registered later.
        self._start_time = time.time()

    def pytest_configure(self, config: pytest.Config) -> None:
        """Read none of pytest's options: some are missing without its terminal plugin."""

    def _must_omit(self, key: str) -> bool:
        return key in _LEFT_OUT

    def save_report(self, path: str) -> None:
        """Write nothing: the run's folder is written later, as a whole."""

    # It prints nothing.
    pytest_terminal_summary = None


def mark_failed(document: dict[str, Any], outcomes: Iterable[Outcome], stand_ins: Collection[str]) -> None:
    """Mark the checks that failed, which passed for pytest, in place; remove what stands for a criterion."""
    failed = {item.check: item.message for item in outcomes if item.result is Result.FAILED}
    tests = [test for test in document.get("tests", []) if test["nodeid"] not in stand_ins]
    for test in tests:
        if test["nodeid"] in failed and test["outcome"] in ("passed", FINDINGS):
            test["outcome"] = "failed"
            test["call"] = {**test.get("call", {}), "outcome": "failed", "longrepr": failed[test["nodeid"]]}
    document["tests"] = tests
    collected = {key: document["summary"][key] for key in ("collected", "deselected") if key in document["summary"]}
    document["summary"] = {**Counter(test["outcome"] for test in tests), "total": len(tests), **collected}


def withhold_texts(document: dict[str, Any], outcomes: Iterable[Outcome]) -> None:
    """Remove what may quote a record's text, in place: tracebacks, output, and all messages but those of outcomes."""
    messages = {item.check: item.message for item in outcomes}
    for test in document.get("tests", []):
        for stage in _STAGES & test.keys():
            kept = {key: value for key, value in test[stage].items() if key in ("duration", "outcome")}
            said = {"longrepr": messages.get(test["nodeid"], "")} if kept.get("outcome") != "passed" else {}
            test[stage] = kept | said
    document.pop("warnings", None)


def run_document(config: pytest.Config) -> Any:
    """Return the plugin that builds the document: the user's, if `--json-report` is given, or the run's own.

    Raises:
        SettingError: pytest-json-report is not loaded.
    """
    if not hasattr(config.option, "json_report"):
        raise SettingError("pytest-json-report", "is not loaded", "load it with -p pytest_jsonreport, or install it")
    asked_for = getattr(config, "_json_report", None)
    if asked_for is not None:
        return asked_for
    document = RunDocument(config)
    config.pluginmanager.register(document, "drift_checks_document")
    return document
