"""A run in a pytest session: begun with the first criterion, then reviews, checks and their outcomes."""

from __future__ import annotations

import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

import pytest

from drift_checks.core.errors import DriftError
from drift_checks.core.outcomes import Decision, Outcome, Result, Statistic
from drift_checks.core.records import Record, RecordId
from drift_checks.core.redaction import withhold
from drift_checks.plugin import fixtures, parallel
from drift_checks.plugin.collecting import (
    asks_for_reviews,
    criterion_name,
    declared_criteria,
    is_check,
    item_id,
    record_of,
    slice_id,
)
from drift_checks.plugin.finishing import Finishing
from drift_checks.plugin.keys import CRITERIA, ENDED, OUTCOME, PIPELINE, STATISTICS
from drift_checks.plugin.logging import begin_logs, log_begin, log_refusal, log_reviews
from drift_checks.plugin.progress import progress
from drift_checks.plugin.settings import read_settings
from drift_checks.review.run import Pipeline
from drift_checks.review.slices import slice_sample
from drift_checks.settings.declarations import Settings

_VECTOR_FIXTURES = {"vectors", "dimension", "entries"}
_GRACE_SECONDS = 0.7


class Running:
    """The hooks of a run.

    Args:
        config: Of the session.
        pipeline: The run up to the reviews.
        finishing: What judges, writes and prints; it gathers the outcomes.
    """

    def __init__(self, config: pytest.Config, pipeline: Pipeline, finishing: Finishing) -> None:
        self.config = config
        self.pipeline = pipeline
        self.finishing = finishing
        # Set after an interruption: what can be checked until then is checked.
        self._check_until: float | None = None

    @classmethod
    def begin(cls, config: pytest.Config) -> None:
        """Read the settings, draw the sample and take the hooks of the session, once."""
        if PIPELINE in config.stash:
            return
        with told_in_a_sentence(config):
            moment = parallel.now(config)
            settings = read_settings(config, moment)
            if not only_looks(config):
                begin_logs(config, settings)
            pipeline = make_pipeline(config, settings)
            config.stash[PIPELINE] = pipeline
            config.add_cleanup(pipeline.close)
            pipeline.check()
            finishing = Finishing(config, pipeline, moment)
            if not only_looks(config) and not parallel.is_worker(config):
                finishing.hold_reports()
                log_begin(config, pipeline, finishing.run_id)
        register = config.pluginmanager.register
        register(fixtures, "drift_checks.plugin.fixtures")
        register(cls(config, pipeline, finishing), "drift_checks_running")
        if parallel.is_worker(config):
            register(parallel.Worker(config, finishing), "drift_checks_worker")
            return
        end_on_sigterm(config, finishing)
        register(finishing, "drift_checks_finishing")
        if parallel.is_controller(config):
            register(parallel.Controller(finishing, moment), "drift_checks_controller")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a check that takes `record` once for each record of the sample, or `sample_slice` for each slice."""
        if "record" in metafunc.fixturenames and is_check(metafunc.definition):
            records = self.pipeline.sample.records
            metafunc.parametrize("record", records, ids=[item_id(record) for record in records])
        if "sample_slice" in metafunc.fixturenames and is_check(metafunc.definition):
            slices = slice_sample(self.pipeline.sample, self.pipeline.settings)
            none = pytest.param(None, id="none", marks=pytest.mark.skip(reason="the sample is all of one kind"))
            metafunc.parametrize("sample_slice", slices or [none], ids=slice_id)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Take down which criteria are checked, after all deselection."""
        criteria = declared_criteria(filter(is_check, items), self.pipeline.settings)
        self.finishing.criteria = self.config.stash[CRITERIA] = criteria

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """A run of part of the checks is no whole review."""
        self.finishing.partial |= any(map(is_check, items))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Open the vectors and review the records that the selected checks ask for, before the first check."""
        if not only_looks(session.config):
            self.finishing.send_waiting_alerts()
            refused = self.finishing.refuse if parallel.is_worker(self.config) else None
            with told_in_a_sentence(self.config, refused), warnings.catch_warnings(action="ignore"):
                try:
                    self._prepare([item for item in session.items if is_check(item)])
                except KeyboardInterrupt:
                    self._keep_what_there_is(session)
        result = yield
        if self._check_until is not None:
            raise session.Interrupted(self.finishing.interrupted or "")
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Run no check on a worker that refused, since only the controller can end the session, nor after the grace."""
        if self._check_until is not None and time.monotonic() > self._check_until:
            return True
        return True if self.finishing.refusal and is_check(item) else None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the outcome of a check to its report, and say a failure in one line."""
        report = yield
        if is_check(item) and (outcome := self._outcome(item, call, report)):
            setattr(report, OUTCOME, outcome.as_plain())
            if outcome.result is Result.FAILED:
                report.outcome = "failed"
                report.longrepr = outcome.message
            elif outcome.result is Result.UNMEASURED and report.failed:
                report.outcome = "skipped"
                report.longrepr = (str(item.path), 0, outcome.message)
        return report

    def _prepare(self, checks: Sequence[pytest.Item]) -> None:
        asking = [item for item in checks if asks_for_reviews(item)]
        asked = {record.id: record for item in asking if (record := record_of(item))}
        if any(record_of(item) is None for item in asking):
            asked = {record.id: record for record in self.pipeline.sample.records}
        if asked:
            varied = any("variant_reviews" in getattr(item, "fixturenames", ()) for item in asking)
            self._review(asked, lambda: self._open_vectors(checks), varied=varied)
        else:
            self._open_vectors(checks)

    def _review(self, asked: dict[RecordId, Record], meanwhile: Callable[[], None], *, varied: bool) -> None:
        pipeline, journal = self.pipeline, self.finishing.journal()
        with journal.held():
            pipeline.keep_in(journal, self.finishing.header())
            total = len(asked) + len(pipeline.repeats_among(list(asked.values())))
            shown = not (parallel.is_worker(self.config) or pipeline.settings.quiet)
            try:
                with progress(asked, total, pipeline.ledger, shown=shown) as advance:
                    pipeline.review(list(asked.values()), advance, meanwhile)
                if varied:
                    pipeline.review_variants()
                log_reviews(pipeline)
            finally:
                pipeline.close_reviewer()

    def _open_vectors(self, checks: Sequence[pytest.Item]) -> None:
        # Opened here, what is wrong with them ends the run in one line.
        if any(_VECTOR_FIXTURES & set(getattr(item, "fixturenames", ())) for item in checks):
            _ = self.pipeline.vectors

    def _keep_what_there_is(self, session: pytest.Session) -> None:
        """After an interruption, check nothing but the reviews that were made, and not for long."""
        reviews = self.pipeline.reviews
        asking = [item for item in session.items if is_check(item) and asks_for_reviews(item)]
        records = {record.id for item in asking if (record := record_of(item))}
        self.finishing.interrupt(sum(key in reviews and reviews[key].made for key in records), len(records))
        session.items[:] = [item for item in asking if (record := record_of(item)) and record.id in reviews]
        self._check_until = time.monotonic() + _GRACE_SECONDS

    def _outcome(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> Outcome | None:
        if report.when != "call" and report.passed:
            return None
        record = record_of(item)
        measured: list[Statistic] = item.stash.get(STATISTICS, [])
        result, message = _result(call, report)
        if self.pipeline.settings.redact:
            concerned = [record] if record else self.pipeline.sample.records
            message = withhold(message, "\n".join(item.text for item in concerned))
        if result is Result.UNMEASURED and record and not self._was_needed(record):
            result = Result.NOT_NEEDED
        return Outcome(
            criterion_name(item.path),
            result,
            message,
            record.id if record else None,
            str(record.stratum) if record else None,
            self._decision(record) if record else None,
            tuple(measured),
            item.nodeid,
        )

    def _was_needed(self, record: Record) -> bool:
        review = self.pipeline.reviews.get(record.id)
        return review is None or review.needed

    def _decision(self, record: Record) -> Decision:
        review = self.pipeline.reviews.get(record.id)
        if review is None:
            return Decision(record.category, record.confidence)
        return Decision(record.category, record.confidence, review.category, review.confidence)


def _result(call: pytest.CallInfo[None], report: pytest.TestReport) -> tuple[Result, str]:
    if report.passed:
        return Result.PASSED, ""
    error = call.excinfo.value if call.excinfo else None
    message = next(iter(str(error).splitlines()), "") if error else ""
    if report.skipped or isinstance(error, DriftError):
        return Result.UNMEASURED, message.removeprefix("Skipped: ")
    if report.when == "call" and isinstance(error, AssertionError | pytest.fail.Exception):
        return Result.FAILED, message
    return Result.BROKEN, message


def only_looks(config: pytest.Config) -> bool:
    """Whether the session shows what there is and runs no check."""
    option = config.option
    return bool(option.collectonly or option.showfixtures or option.show_fixtures_per_test or option.setupplan)


@contextmanager
def told_in_a_sentence(config: pytest.Config, refuse: Callable[[DriftError], None] | None = None) -> Iterator[None]:
    """End the session with one sentence and an exit code where a user can mend what is wrong; or call `refuse`."""
    try:
        yield
    except DriftError as error:
        if refuse is not None:
            refuse(error)
            return
        log_refusal(str(error))
        config.stash[ENDED] = error.exit_code
        raise pytest.UsageError(str(error)) from None


def make_pipeline(config: pytest.Config, settings: Settings) -> Pipeline:
    """Return the run up to its reviews, with the classifier that a conftest gives; the demo has its own.

    Raises:
        DriftError: The settings do not allow it.
    """
    if settings.demo:
        from drift_checks.stores.demo.settings import demo_settings

        settings, given = demo_settings(settings), None
    else:
        given = config.hook.pytest_drift_reviewer(config=config)
    ini_folders = (config.inipath.parent,) if config.inipath and config.inipath.is_file() else ()
    folders = (config.invocation_params.dir, *ini_folders)
    return Pipeline(settings, given, folders, parallel.unfinished_run(config, settings))


def end_on_sigterm(config: pytest.Config, finishing: Finishing) -> None:
    """Have SIGTERM end the session as Ctrl-C does; while the report is written, the end is near."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        if not finishing.ending:
            raise pytest.Session.Interrupted("told to stop by SIGTERM")

    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGTERM, interrupt)
        config.add_cleanup(partial(_restore, before))


def _restore(handler: Any) -> None:
    signal.signal(signal.SIGTERM, handler)
