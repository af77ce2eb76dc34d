"""A run in a pytest session: begun with the first criterion, then reviews, checks and their outcomes."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from drift_checks.errors import DriftError
from drift_checks.pipeline import Pipeline
from drift_checks.plugin import fixtures, parallel
from drift_checks.plugin.collecting import (
    asks_for_reviews,
    criterion_name,
    declared_criteria,
    is_check,
    item_id,
    record_of,
)
from drift_checks.plugin.finishing import Finishing
from drift_checks.plugin.keys import ENDED, OUTCOME, PIPELINE, STATISTICS
from drift_checks.plugin.settings import read_settings
from drift_checks.records import Record, Review
from drift_checks.reporting.outcome import Decision, Outcome, Result, Statistic

_VECTOR_FIXTURES = {"vectors", "dimension", "entries"}


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

    @classmethod
    def begin(cls, config: pytest.Config) -> None:
        """Read the settings, draw the sample and take the hooks of the session, once."""
        if PIPELINE in config.stash:
            return
        with told_in_a_sentence(config):
            moment = parallel.now(config)
            pipeline = Pipeline.of(read_settings(config, moment))
            config.stash[PIPELINE] = pipeline
            config.add_cleanup(pipeline.close)
            pipeline.check()
            finishing = Finishing(config, pipeline)
            if not only_looks(config) and not parallel.is_worker(config):
                finishing.hold_reports()
        register = config.pluginmanager.register
        register(fixtures, "drift_checks.plugin.fixtures")
        register(cls(config, pipeline, finishing), "drift_checks_running")
        if parallel.is_worker(config):
            register(parallel.Worker(config, finishing), "drift_checks_worker")
            return
        register(finishing, "drift_checks_finishing")
        if parallel.is_controller(config):
            register(parallel.Controller(finishing, moment), "drift_checks_controller")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a check that takes `record` once for each record of the sample."""
        if "record" in metafunc.fixturenames and is_check(metafunc.definition):
            records = self.pipeline.sample.records
            metafunc.parametrize("record", records, ids=[item_id(record) for record in records])

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Take down which criteria are checked, after all deselection."""
        settings = self.pipeline.settings
        self.finishing.criteria = declared_criteria(filter(is_check, items), settings.warn, settings.critical)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """A run of part of the checks is no whole review."""
        self.finishing.partial |= any(map(is_check, items))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Open the vectors and review the records that the selected checks ask for, before the first check."""
        if not only_looks(session.config):
            refused = self.finishing.refuse if parallel.is_worker(self.config) else None
            with told_in_a_sentence(self.config, refused), warnings.catch_warnings(action="ignore"):
                self._prepare([item for item in session.items if is_check(item)])
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Run no check on a worker that refused: only the controller can end the session."""
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
        asked = {record.id: record for item in checks if asks_for_reviews(item) and (record := record_of(item))}
        if asked:
            with progress(len(asked), self.config) as advance:
                parallel.review_once(self.config, self.pipeline, list(asked.values()), advance)
        elif any(_VECTOR_FIXTURES & set(getattr(item, "fixturenames", ())) for item in checks):
            # Opened here, what is wrong with them ends the run in one line.
            _ = self.pipeline.vectors

    def _outcome(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> Outcome | None:
        if report.when != "call" and report.passed:
            return None
        record = record_of(item)
        measured: list[Statistic] = item.stash.get(STATISTICS, [])
        criterion = self.finishing.criteria[criterion_name(item.path)]
        result, message = _result(call, report)
        low = [item.message for item in measured if item.rate is not None and item.rate < self._warn(criterion.warn)]
        if result is Result.PASSED and low:
            result, message = Result.FAILED, "; ".join(low)
        return Outcome(
            criterion.name,
            result,
            message,
            record.id if record else None,
            str(record.stratum) if record else None,
            self._decision(record) if record else None,
            tuple(measured),
        )

    def _warn(self, own: float | None) -> float:
        return self.pipeline.settings.warn if own is None else own

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
        config.stash[ENDED] = error.exit_code
        raise pytest.UsageError(str(error)) from None


@contextmanager
def progress(total: int, config: pytest.Config) -> Iterator[Any]:
    """Yield what is called after each review: it moves a bar on a terminal, and does nothing elsewhere."""
    if not sys.stderr.isatty() or parallel.is_worker(config):
        yield lambda review: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reviewing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reviewing", total=total)

        def advance(_: Review) -> None:
            bar.advance(task)

        yield advance
