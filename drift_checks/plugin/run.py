"""A run in a pytest session: it begins with the first criterion, reviews the records, and gathers the outcomes."""

from __future__ import annotations

import atexit
import os
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from types import FrameType

import pytest

from drift_checks.core.errors import DriftError, ReviewerError, StoreAway
from drift_checks.core.records import Record, RecordId, item_name
from drift_checks.core.secrets import export_secrets, know_secrets
from drift_checks.core.signals import on_sigterm
from drift_checks.core.text import visible
from drift_checks.plugin import batches, fixtures, xdist
from drift_checks.plugin.batches import RecordBatch, records_of
from drift_checks.plugin.checks import Checks
from drift_checks.plugin.collection import (
    asks_for_reviews,
    check_identity,
    declared_criteria,
    is_check,
    slice_id,
)
from drift_checks.plugin.criterion_files import criterion_name
from drift_checks.plugin.finish import Finish
from drift_checks.plugin.gathered import Selection
from drift_checks.plugin.keys import CALL, CRITERIA, ERROR, EXIT_CODE, LOGS, PIPELINE
from drift_checks.plugin.settings import read_settings
from drift_checks.plugin.terminal import end_line
from drift_checks.report.events import log_begin, log_progress, log_refusal, log_reviews
from drift_checks.report.logs import open_logs
from drift_checks.report.progress import Tally, progress
from drift_checks.report.verdict import EXIT_INTERRUPTED
from drift_checks.reviews.reviewers.failures import told
from drift_checks.reviews.run import Pipeline
from drift_checks.settings.declarations import Settings

_VECTOR_FIXTURES = {"vectors", "dimension", "entries", "link"}
_GRACE_SECONDS = 0.7
# A run ends within two seconds of SIGTERM.
_END_SECONDS, _REPORT_SECONDS = 1.5, 10.0
_CUT_OFF = (
    "\ndrift review: stopped by SIGTERM, without a report; --drift-resume continues with the reviews that were made."
)


def begin(config: pytest.Config) -> None:
    """Begin the run of this session: read the settings, draw the sample, register the hooks.

    Raises:
        pytest.UsageError: The settings or the store do not allow the run.
    """
    with refusal_in_a_sentence(config):
        know_secrets()
        moment = xdist.now(config)
        settings = read_settings(config, moment)
        # The events of a worker are its controller's.
        if not only_looks(config) and not xdist.is_worker(config):
            config.stash[LOGS] = open_logs(settings.log_config, settings.log_file, quiet=settings.quiet)
            config.stash[LOGS].end_line = partial(end_line, config)
            config.add_cleanup(config.stash[LOGS].close)
        pipeline = make_pipeline(config, settings)
        config.stash[PIPELINE] = pipeline
        finish = Finish(config, pipeline, moment)
        if not (xdist.is_worker(config) or CALL in config.stash):
            # Before the first query, which may take long; and cleaned up last.
            end_on_sigterm(config, finish)
        config.add_cleanup(pipeline.close)
        pipeline.check()
        if LOGS in config.stash:
            finish.hold_reports()
            config.stash[LOGS].run_id = finish.run_id
            log_begin(pipeline)
    register = config.pluginmanager.register
    register(fixtures, "drift_checks.plugin.fixtures")
    register(Checks(pipeline), "drift_checks_checks")
    register(Run(config, pipeline, finish), "drift_checks_run")
    if xdist.is_worker(config):
        worker = xdist.Worker(config, finish.pytest_runtest_logreport, finish.contribution)
        register(worker, "drift_checks_worker")
        return
    register(finish, "drift_checks_finish")
    if xdist.is_controller(config):
        controller = xdist.Controller(moment, finish.folder, finish.run_id, finish.take)
        register(controller, "drift_checks_controller")


class Run:
    """The hooks of a run, up to its outcomes."""

    def __init__(self, config: pytest.Config, pipeline: Pipeline, finish: Finish) -> None:
        self.config = config
        self.pipeline = pipeline
        self.finish = finish
        # The fixtures of each function, without those that a plugin adds to repeat it.
        self._fixtures: dict[str, frozenset[str]] = {}
        # The checks of each criterion, whether they are chosen or not.
        self._offered: defaultdict[str, set[Hashable]] = defaultdict(set)
        # Set after an interruption: until then, the reviews that were made are checked.
        self._check_until: float | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a check that takes `record` once per record of the sample, or `sample_slice` once per slice."""
        self._fixtures[metafunc.definition.nodeid] = frozenset(metafunc.fixturenames)
        if "record" in metafunc.fixturenames and is_check(metafunc.definition):
            self._parametrize(metafunc)
        if "sample_slice" in metafunc.fixturenames and is_check(metafunc.definition):
            none = pytest.param(None, id="none", marks=pytest.mark.skip(reason="the sample is all of one kind"))
            metafunc.parametrize("sample_slice", self.pipeline.slices or [none], ids=slice_id)

    def _parametrize(self, metafunc: pytest.Metafunc) -> None:
        """Make an item for each record, or for each batch of many."""
        records = self.pipeline.sample.records
        if len(records) > batches.MOST_ITEMS and batches.can_be_batched(metafunc):
            metafunc.parametrize("record", self._batches, ids=[batch.name for batch in self._batches])
        else:
            metafunc.parametrize("record", records, ids=[item_name(record.id, record.category) for record in records])

    @cached_property
    def _batches(self) -> list[RecordBatch]:
        return batches.batches_of(self.pipeline.sample.records)

    @pytest.hookimpl(wrapper=True)
    def pytest_pycollect_makeitem(self) -> Generator[None, object, object]:
        """Note the checks that there are, of which only some may be chosen."""
        made = yield
        for item in made if isinstance(made, list) else [made]:
            if isinstance(item, pytest.Item) and is_check(item):
                self._offered[criterion_name(item.path)].add(check_identity(item, self._fixtures))
        return made

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep each check once, however often a plugin or the command line repeats it."""
        chosen: dict[Hashable, pytest.Item] = {}
        for item in items:
            chosen.setdefault(check_identity(item, self._fixtures) if is_check(item) else item, item)
        items[:] = chosen.values()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which checks are chosen, after all deselection, and how many are left out."""
        checks = [item for item in session.items if is_check(item)]
        criteria = declared_criteria(checks, self.pipeline.settings)
        chosen = {check_identity(item, self._fixtures) for item in checks}
        left_out = {name: len(self._offered[name] - chosen) for name in criteria}
        self.finish.gathered.selection = Selection(
            criteria,
            {item.nodeid: criterion_name(item.path) for item in checks},
            {name: number for name, number in left_out.items() if number},
        )
        self.config.stash[CRITERIA] = criteria

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Open the vectors and review the records that the selected checks need, before the first check."""
        if not only_looks(session.config):
            self.finish.send_waiting_alerts()
            refuse = self.finish.refuse if xdist.is_worker(self.config) else None
            with refusal_in_a_sentence(self.config, refuse), warnings.catch_warnings(action="ignore"):
                try:
                    self._prepare([item for item in session.items if is_check(item)])
                except KeyboardInterrupt:
                    self._keep_made_reviews(session)
        result = yield
        if self._check_until is not None:
            raise session.Interrupted(self.finish.interrupted or "")
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Skip checks after the grace period, and on a worker that refused, since only the controller can end it."""
        if self._check_until is not None and time.monotonic() > self._check_until:
            return True
        return True if self.finish.refusal and is_check(item) else None

    def _prepare(self, checks: Sequence[pytest.Item]) -> None:
        asking = [item for item in checks if asks_for_reviews(item)]
        asked = {record.id: record for item in asking for record in records_of(item)}
        if not all(records_of(item) for item in asking):
            asked = {record.id: record for record in self.pipeline.sample.records}
        wants_anchors = any("anchor_answers" in getattr(item, "fixturenames", ()) for item in checks)
        anchors = self.pipeline.anchors_to_review(asked) if wants_anchors else []
        if asked or anchors:
            varied = any("variant_reviews" in getattr(item, "fixturenames", ()) for item in asking)
            self._review(asked, lambda: self._open_vectors(checks), anchors, varied=varied)
        else:
            self._open_vectors(checks)

    def _review(
        self, asked: dict[RecordId, Record], meanwhile: Callable[[], None], anchors: Sequence[Record], *, varied: bool
    ) -> None:
        pipeline, journal = self.pipeline, self.finish.journal()
        with journal.locked():
            pipeline.use_journal(journal, self.finish.header())
            total = len(asked) + len(pipeline.repeats_among(list(asked.values())))
            shown = not (xdist.is_worker(self.config) or pipeline.settings.quiet)
            try:
                with progress(Tally(asked, pipeline.ledger), total, log_progress, shown=shown) as advance:
                    pipeline.review(list(asked.values()), advance, meanwhile, anchors)
                if varied:
                    pipeline.review_variants()
                log_reviews(pipeline)
            finally:
                pipeline.close_reviewer()

    def _open_vectors(self, checks: Sequence[pytest.Item]) -> None:
        # If they are damaged, the run ends here in one line. A server that does not answer leaves checks unmeasured:
        # reviews may be paid for already, and show drift.
        in_table = self.pipeline.store.has("embedding_json")
        needing = _VECTOR_FIXTURES if in_table else {*_VECTOR_FIXTURES, "windows"}
        if any(needing & set(getattr(item, "fixturenames", ())) for item in checks):
            with suppress(StoreAway):
                _ = self.pipeline.vectors

    def _keep_made_reviews(self, session: pytest.Session) -> None:
        """After an interruption, check only the reviews that were made, and not for long; none of a large sample."""
        reviews = self.pipeline.reviews
        asking = [item for item in session.items if is_check(item) and asks_for_reviews(item)]
        keys = {record.id for item in asking for record in records_of(item)}
        self.finish.interrupt(sum(key in reviews and reviews[key].made for key in keys), len(keys))
        checked = [] if self.pipeline.sample.is_large else asking
        session.items[:] = [item for item in checked if any(record.id in reviews for record in records_of(item))]
        self._check_until = time.monotonic() + _GRACE_SECONDS


def only_looks(config: pytest.Config) -> bool:
    """Whether the session only shows something and runs no check, as with `--collect-only`."""
    option = config.option
    return bool(option.collectonly or option.showfixtures or option.show_fixtures_per_test or option.setupplan)


@contextmanager
def refusal_in_a_sentence(config: pytest.Config, refuse: Callable[[DriftError], None] | None = None) -> Iterator[None]:
    """End the session with one sentence and an exit code if the user can fix the cause; or call `refuse`."""
    try:
        yield
    except DriftError as error:
        if refuse is not None:
            refuse(error)
            return
        log_refusal(str(error))
        config.stash[ERROR] = error
        raise pytest.UsageError(visible(str(error))) from None


def make_pipeline(config: pytest.Config, settings: Settings) -> Pipeline:
    """Return the run up to its reviews, with the classifier of a hook; the demo's is not that of a conftest.

    Raises:
        DriftError: The settings do not allow it.
    """
    is_called, classifier = CALL in config.stash, None
    if not settings.demo:
        config.add_cleanup(export_secrets(os.environ))
    if is_called or not settings.demo:
        classifier = _classifier_of_hook(config)
    if settings.demo:
        from drift_checks.stores.demo.settings import demo_settings

        settings = demo_settings(settings)
    ini_folders = (config.inipath.parent,) if config.inipath and config.inipath.is_file() else ()
    folders = (config.invocation_params.dir, *ini_folders)
    table = config.stash[CALL].table if is_called else None
    return Pipeline(settings, classifier, folders, xdist.unfinished_run(config, settings), table)


def _classifier_of_hook(config: pytest.Config) -> object | None:
    try:
        classifier: object | None = config.hook.pytest_drift_reviewer(config=config)
    except (DriftError, pytest.UsageError, pytest.exit.Exception):
        raise
    except Exception as error:
        raise ReviewerError("reviewer", f"the hook pytest_drift_reviewer failed ({told(error)})", "fix it") from None
    return classifier


def end_on_sigterm(config: pytest.Config, finish: Finish) -> None:
    """End the session on SIGTERM as on Ctrl-C; if the report is being written already, only stop sending alerts.

    What does not end in time is cut off; the report of a small sample may take its time on a busy machine.
    """

    def leave() -> None:
        # The interpreter may take seconds to free what a large review holds.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash.get(EXIT_CODE, EXIT_INTERRUPTED))

    def interrupt(number: int, frame: FrameType | None) -> None:
        atexit.register(leave)
        if not finish.ending:
            raise pytest.Session.Interrupted("stopped by SIGTERM")
        finish.stop_alerts()

    def limit() -> float:
        drawn = finish.pipeline.drawn
        return _END_SECONDS if drawn is None or drawn.is_large else _REPORT_SECONDS

    config.add_cleanup(on_sigterm(interrupt, lambda: finish.ending, limit, _CUT_OFF))
