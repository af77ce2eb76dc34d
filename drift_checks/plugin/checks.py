"""The hooks around each check: from what it raises to its outcome."""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Generator
from typing import Any

import pytest

from drift_checks.core.errors import DriftError, StoreError
from drift_checks.core.outcomes import Decision, Outcome, Result, Statistic
from drift_checks.core.plain import to_plain
from drift_checks.core.records import Record, Review
from drift_checks.core.redaction import withhold
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import shorten
from drift_checks.plugin.collection import criterion_name, is_check, record_of
from drift_checks.plugin.findings import first_line, is_finding
from drift_checks.plugin.keys import FINDING, OUTCOME, STATISTICS
from drift_checks.report.verdict import EXIT_INTERNAL_ERROR
from drift_checks.reviews.run import Pipeline

# A message may quote a text of any length.
_LONGEST_MESSAGE = 10_000


class Checks:
    """The hooks around each check; other tests are none of its business."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Forget what an earlier attempt found, if a plugin runs the check again."""
        item.stash[STATISTICS], item.stash[FINDING] = [], None

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Note a finding, so that pytest and its plugins see a test that passes."""
        try:
            return (yield)
        except (AssertionError, pytest.fail.Exception) as error:
            if not (is_check(pyfuncitem) and is_finding(error, pyfuncitem)):
                raise
            pyfuncitem.stash[FINDING] = first_line(error)
            return True

    @pytest.hookimpl(trylast=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str]:
        """Name an outcome for pytest-json-report, if pytest's terminal plugin is not loaded."""
        return report.outcome, "", ""

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> bool | None:
        """Exit with 3 after a timeout by a thread: pytest-timeout would exit with 1, which means CRITICAL."""
        if settings.method != "thread" or not is_check(item):
            return None

        def end() -> None:
            if capture := item.config.pluginmanager.get_plugin("capturemanager"):
                capture.suspend_global_capture()
            faulthandler.dump_traceback(2)
            os.write(2, f"\ndrift review: timeout of {settings.timeout:g} s in {item.nodeid}: no verdict.\n".encode())
            os._exit(EXIT_INTERNAL_ERROR)

        timer = threading.Timer(settings.timeout, end)
        timer.daemon = True
        timer.start()
        item.cancel_timeout = timer.cancel  # type: ignore[attr-defined]
        return True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach a check's outcome to its report, after all plugins that may change it."""
        if call.excinfo is not None and isinstance(call.excinfo.value, DriftError):
            # pytest reads the source of each line, which takes half a second for each of hundreds of checks.
            call.excinfo.traceback = call.excinfo.traceback[-1:]
        report = yield
        if is_check(item) and (outcome := self._outcome(item, call, report)):
            setattr(report, OUTCOME, to_plain(outcome))
            if outcome.result is Result.FAILED:
                report.outcome, report.longrepr = "passed", None
            elif outcome.result is Result.UNMEASURED and report.failed:
                report.outcome = "skipped"
                report.longrepr = (str(item.path), 0, outcome.message)
        return report

    def _outcome(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> Outcome | None:
        if report.when != "call" and report.passed:
            return None
        record = record_of(item)
        statistics: list[Statistic] = item.stash.get(STATISTICS, [])
        result, message = _result(item, call, report)
        if self._pipeline.settings.redact:
            concerned = [record] if record else self._pipeline.sample.records
            message = withhold(message, "\n".join(item.text for item in concerned))
        message = shorten(mask_secrets(message), _LONGEST_MESSAGE)
        review = self._pipeline.reviews.get(record.id) if record else None
        if result is Result.UNMEASURED and review and not review.needed:
            result = Result.NOT_NEEDED
        return Outcome(
            criterion_name(item.path),
            result,
            message,
            record.id if record else None,
            str(record.stratum) if record else None,
            _decision(record, review) if record else None,
            tuple(statistics),
            item.nodeid,
            bool(call.excinfo and isinstance(call.excinfo.value, StoreError)),
        )


def _decision(record: Record, review: Review | None) -> Decision:
    reviewed = (review.category, review.confidence) if review else ()
    return Decision(record.category, record.confidence, *reviewed)


def _result(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> tuple[Result, str]:
    if report.passed:
        finding = item.stash.get(FINDING, None)
        return (Result.PASSED, "") if finding is None else (Result.FAILED, finding)
    error = call.excinfo.value if call.excinfo else None
    message = first_line(error or report.longreprtext)
    if report.skipped or isinstance(error, DriftError):
        return Result.UNMEASURED, message.removeprefix("Skipped: ")
    # Subtests and methods of a unittest.TestCase are reported without being raised.
    if report.when == "call" and is_finding(error, item):
        return Result.FAILED, message
    return Result.BROKEN, message
