"""report.json: the document of pytest-json-report, adapted."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import pytest
from pytest_jsonreport.plugin import JSONReport

from drift_checks.core.errors import SettingError
from drift_checks.core.outcomes import Outcome, Result
from drift_checks.plugin.batches import summary

# The category of failed checks in pytest's counts.
FINDINGS = "findings"
_STAGES = {"setup", "call", "teardown"}
_IN_WORDS_OF_PYTEST = {
    Result.PASSED: "passed",
    Result.UNMEASURED: "skipped",
    Result.NOT_NEEDED: "skipped",
}
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

    def pytest_json_runtest_stage(self, report: pytest.TestReport) -> dict[str, Any]:
        """Describe a stage; one that passed without rendering what it does not say."""
        if report.longrepr is None:
            return {"duration": report.duration, "outcome": report.outcome}
        stage: dict[str, Any] = super().pytest_json_runtest_stage(report)
        return stage

    def save_report(self, path: str) -> None:
        """Write nothing: the run's folder is written later, as a whole."""

    # It prints nothing.
    pytest_terminal_summary = None


def mark_failed(document: dict[str, Any], outcomes: Iterable[Outcome], stand_ins: Collection[str]) -> None:
    """Mark the checks that failed, which passed for pytest, in place; remove what stands for a criterion.

    A batch gets the outcome of each of its records.
    """
    by_check: defaultdict[str, list[Outcome]] = defaultdict(list)
    for item in outcomes:
        by_check[item.check].append(item)
    tests = [test for test in document.get("tests", []) if test["nodeid"] not in stand_ins]
    for test in tests:
        found = by_check[test["nodeid"]]
        of_records = {item.record_id: item for item in found if item.record_id is not None}
        if len(of_records) > 1:
            test["records"] = [_of_record(item) for item in of_records.values()]
            message = summary(list(of_records.values()), Result.FAILED)
        else:
            message = next((item.message for item in reversed(found) if item.result is Result.FAILED), None)
        if message is not None and test["outcome"] in ("passed", FINDINGS):
            test["outcome"] = "failed"
            test["call"] = {**test.get("call", {}), "outcome": "failed", "longrepr": message}
    document["tests"] = tests
    collected = {key: document["summary"][key] for key in ("collected", "deselected") if key in document["summary"]}
    document["summary"] = {**Counter(test["outcome"] for test in tests), "total": len(tests), **collected}


def _of_record(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome of a record of a batch, in pytest's words, with its message if it has one."""
    plain = {"record_id": outcome.record_id, "outcome": _IN_WORDS_OF_PYTEST.get(outcome.result, "failed")}
    return plain | ({"message": outcome.message} if outcome.message else {})


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
