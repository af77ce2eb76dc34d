"""The hooks around each check: from what it raises to its outcome."""

from __future__ import annotations

import faulthandler
import os
import threading
import unittest
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from drift_checks.core.errors import DriftError, StoreError
from drift_checks.core.outcomes import Decision, Outcome, Result
from drift_checks.core.plain import to_plain
from drift_checks.core.records import Record, RecordId, Review
from drift_checks.core.redaction import withhold
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import shorten
from drift_checks.plugin import xdist
from drift_checks.plugin.batches import is_batch, records_of, summary
from drift_checks.plugin.collection import asks_for_reviews, is_check
from drift_checks.plugin.criterion_files import criterion_name
from drift_checks.plugin.findings import first_line, is_finding
from drift_checks.plugin.fixtures import review_of
from drift_checks.plugin.keys import BATCH, FINDING, OUTCOMES, STATISTICS
from drift_checks.plugin.sharing import SharedFixtures
from drift_checks.report.verdict import EXIT_INTERNAL_ERROR
from drift_checks.reviews.run import Pipeline

# A message may quote a text of any length.
_LONGEST_MESSAGE = 10_000
_SKIPS = (pytest.skip.Exception, pytest.xfail.Exception, unittest.SkipTest)
_UNMEASURED = {Result.UNMEASURED, Result.NOT_NEEDED}


class Checks:
    """The hooks around each check; other tests are none of its business."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        # The batch whose records are checked.
        self._in_progress: pytest.Item | None = None
        # All criteria share those of a record.
        self._decisions: dict[RecordId, Decision] = {}
        self._fixtures = SharedFixtures()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Forget what an earlier attempt found, if a plugin runs the check again."""
        item.stash[STATISTICS], item.stash[FINDING] = [], None
        if not isinstance(item, pytest.Function):
            return
        if is_batch(item):
            item.stash[BATCH] = []
            # Each record of the batch has its own.
            item.funcargs["review"] = None
        else:
            self._fixtures.fill(item, self._pipeline.reviews)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> object | None:
        """Call the check for each record of a batch; raise the first error that is no finding at the end."""
        if not is_batch(pyfuncitem):
            self._fixtures.note(pyfuncitem)
            return None
        if pyfuncitem is self._in_progress:
            return None
        first: BaseException | None = None
        self._in_progress = pyfuncitem
        try:
            for record in self._to_check(pyfuncitem):
                error = self._check_one(pyfuncitem, record)
                first = first or error
        finally:
            self._in_progress = None
        if first is not None:
            outcomes = pyfuncitem.stash[BATCH]
            first.add_note(f"The check broke for {summary(outcomes, Result.BROKEN)}")
            raise first
        return True

    def _to_check(self, item: pytest.Function) -> Iterator[Record]:
        """Yield the records of a batch, after an interruption only those that were reviewed if the check needs that."""
        needs_reviews, reviews = asks_for_reviews(item), self._pipeline.reviews
        return (record for record in records_of(item) if record.id in reviews or not needs_reviews)

    def _check_one(self, item: pytest.Function, record: Record) -> BaseException | None:
        """Check a record of a batch, and note its outcome; return the error if the check broke."""
        item.stash[STATISTICS], item.stash[FINDING] = [], None
        item.funcargs["record"] = record
        error: BaseException | None = None
        try:
            if "review" in item.fixturenames:
                item.funcargs["review"] = review_of(record, self._pipeline.reviews)
            item.ihook.pytest_pyfunc_call(pyfuncitem=item)
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise
        except BaseException as raised:
            error = raised
        found = _passed(item)
        if error is not None:
            found = _failed(item, error, first_line(error), is_skip=isinstance(error, _SKIPS))
        outcome = self._outcome(item, record, found, error)
        item.stash[BATCH].append(outcome)
        return error if outcome.result is Result.BROKEN else None

    @pytest.hookimpl(wrapper=True, trylast=True, specname="pytest_pyfunc_call")
    def pytest_note_finding(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Note a finding, so that pytest and its plugins see a test that passes.

        pytest takes only methods with this prefix for hooks.
        """
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
        if report.when != "call" and report.passed:
            return report
        if is_check(item) and (outcomes := self._outcomes(item, call, report)):
            setattr(report, OUTCOMES, to_plain(outcomes) if xdist.is_worker(item.config) else outcomes)
            results = {outcome.result for outcome in outcomes}
            if Result.FAILED in results and Result.BROKEN not in results:
                report.outcome, report.longrepr = "passed", None
            elif results <= _UNMEASURED and (report.failed or len(outcomes) > 1):
                report.outcome = "skipped"
                report.longrepr = (str(item.path), 0, outcomes[0].message)
        return report

    def _outcomes(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> list[Outcome]:
        error = call.excinfo.value if call.excinfo else None
        batch = item.stash.get(BATCH, []) if report.when == "call" else []
        if batch:
            # A plugin may have failed the report.
            is_broken = report.failed and all(outcome.result is not Result.BROKEN for outcome in batch)
            return [replace(outcome, result=Result.BROKEN) for outcome in batch] if is_broken else batch
        if report.passed:
            found = _passed(item)
        else:
            # Subtests and methods of a unittest.TestCase are reported without being raised.
            said = first_line(error or report.longreprtext)
            found = _failed(item, error, said, is_skip=report.skipped, in_call=report.when == "call")
        return [self._outcome(item, record, found, error) for record in records_of(item) or (None,)]

    def _outcome(
        self, item: pytest.Item, record: Record | None, found: tuple[Result, str], error: BaseException | None
    ) -> Outcome:
        result, message = found
        if message and self._pipeline.settings.redact:
            concerned = [record] if record else self._pipeline.sample.records
            message = withhold(message, "\n".join(item.text for item in concerned))
        statistics = item.stash.get(STATISTICS, [])
        review = self._pipeline.reviews.get(record.id) if record else None
        if result is Result.UNMEASURED and review and not review.needed:
            result = Result.NOT_NEEDED
        return Outcome(
            criterion_name(item.path),
            result,
            shorten(mask_secrets(message), _LONGEST_MESSAGE) if message else "",
            record.id if record else None,
            str(record.stratum) if record else None,
            self._decision(record, review) if record else None,
            tuple(statistics),
            item.nodeid,
            isinstance(error, StoreError),
        )

    def _decision(self, record: Record, review: Review | None) -> Decision:
        if record.id not in self._decisions:
            reviewed = (review.category, review.confidence) if review else ()
            self._decisions[record.id] = Decision(record.category, record.confidence, *reviewed)
        return self._decisions[record.id]


def _passed(item: pytest.Item) -> tuple[Result, str]:
    finding = item.stash.get(FINDING, None)
    return (Result.PASSED, "") if finding is None else (Result.FAILED, finding)


def _failed(
    item: pytest.Item, error: BaseException | None, message: str, *, is_skip: bool, in_call: bool = True
) -> tuple[Result, str]:
    if is_skip or isinstance(error, DriftError):
        return Result.UNMEASURED, message.removeprefix("Skipped: ")
    return Result.FAILED if in_call and is_finding(error, item) else Result.BROKEN, message
