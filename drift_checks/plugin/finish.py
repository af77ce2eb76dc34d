"""The end of a run in a pytest session: the verdict, the exit code, the files and the summary."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import pytest

from drift_checks.core.errors import DriftError, StoreError
from drift_checks.core.instants import format_instant
from drift_checks.core.outcomes import Outcome, Result
from drift_checks.core.plain import from_plain, to_plain
from drift_checks.core.records import Record, RecordId
from drift_checks.core.text import visible
from drift_checks.plugin import xdist
from drift_checks.plugin.criterion_files import built_in_names
from drift_checks.plugin.facts import gather_facts, wraps_pytest
from drift_checks.plugin.findings import STANDS_FOR, critical_reports, one_per_record, remember
from drift_checks.plugin.gathered import Gathered, Selection, outcomes_of
from drift_checks.plugin.json_report import FINDINGS, mark_failed, run_document, withhold_texts
from drift_checks.plugin.keys import ERROR, EXIT_CODE, QUIET, REPORT, WARNINGS
from drift_checks.plugin.terminal import write_summary
from drift_checks.report.accuracy import accuracy_of_run
from drift_checks.report.change_points import with_agreement_changes
from drift_checks.report.detailing import detail, find_near
from drift_checks.report.details import Details, Near
from drift_checks.report.document import drift_document
from drift_checks.report.events import log_report
from drift_checks.report.folder import PAGE, ReportsFolder
from drift_checks.report.history.accuracy import Accuracy, why_not_judged
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.judged_reviews import of_present_texts
from drift_checks.report.judging import build_report
from drift_checks.report.keeping import Keeper
from drift_checks.report.label_issues import ids_to_show, texts_of
from drift_checks.report.listing import MOST_SHOWN, listed_records
from drift_checks.report.run import Facts, RunReport
from drift_checks.report.verdict import EXIT_INTERNAL_ERROR, EXIT_INTERRUPTED, Verdict
from drift_checks.report.write_back import write_to_store
from drift_checks.reviews.journal import JOURNAL_FILE, Journal
from drift_checks.reviews.judgements.judgement import said_of
from drift_checks.reviews.resuming import header
from drift_checks.reviews.run import Pipeline

if TYPE_CHECKING:
    from drift_checks.plugin.alerts import Alerting

_PYTEST_VERDICTS = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


class Finish:
    """Gathers the outcomes of the checks, judges the run, writes its folder and prints its summary."""

    def __init__(self, config: pytest.Config, pipeline: Pipeline, moment: datetime) -> None:
        self.config = config
        self.pipeline = pipeline
        self.gathered = Gathered()
        self.report: RunReport | None = None
        self.page: Path | None = None
        self.failure: DriftError | None = None
        self.refusal: tuple[str, int] | None = None
        self._counts: dict[str, Any] | None = None
        self._keeper: Keeper | None = None
        self._alerting: Alerting | None = None
        self._near: dict[RecordId, tuple[Near, ...]] = {}
        self._clock = time.monotonic()
        self._document: Any = None
        # They stand for the criteria that are CRITICAL.
        self._critical: list[pytest.TestReport] = []
        unfinished = pipeline.unfinished
        self._started = moment.replace(microsecond=0) if unfinished is None else unfinished.started
        # A program may begin two runs in a second, and ids sort in the order in which runs began.
        short = f"{moment.microsecond:05x}{token_hex(1)[:1]}"
        self.run_id = f"{self._started:%Y%m%dT%H%M%SZ}-{short}" if unfinished is None else unfinished.run_id
        self.interrupted: str | None = None
        self.ending = False
        self.folder = pipeline.settings.reports

    def hold_reports(self) -> None:
        """Lock the reports folder for this run.

        Raises:
            DriftError: The folder cannot be written to, another run holds it, or the alerts are misconfigured.
        """
        # A session that only collects the checks writes nothing, and need not import the channels.
        from drift_checks.plugin.alerts import Alerting

        self._alerting = Alerting(self.pipeline.settings)
        self._document = run_document(self.config)
        unfinished = None if self.pipeline.unfinished is None else self.pipeline.unfinished.folder
        reports = ReportsFolder(self.pipeline.settings.reports, unfinished)
        self.config.add_cleanup(reports.release)
        self.folder = reports.begin(self.run_id, unfinished)
        self._keeper = Keeper(reports, timedelta(days=self.pipeline.settings.retention_days))
        self.config.add_cleanup(self._keeper.close)
        self._alerting.open(self._keeper.alert_log())
        if unfinished is not None:
            self.journal().resume()

    def send_waiting_alerts(self) -> None:
        """Send the alerts that earlier runs could not deliver, unless this run is partial."""
        if self._alerting is not None and not self._is_partial():
            self._alerting.send_waiting()

    def stop_alerts(self) -> None:
        """Stop waiting for the channels of alerts."""
        if self._alerting is not None:
            self._alerting.stop()

    def journal(self) -> Journal:
        """Return the run's journal."""
        return Journal(xdist.journal_folder(self.config, self.folder) / JOURNAL_FILE)

    def header(self) -> dict[str, Any]:
        """Return the first line of the journal, in plain values."""
        pipeline, run_id = self.pipeline, xdist.run_id(self.config) or self.run_id
        return header(pipeline.given, pipeline.reviewer_names, run_id, self._started, pipeline.sample)

    def interrupt(self, reviewed: int, asked: int) -> None:
        """Note that the reviews were interrupted."""
        self.interrupted = f"{reviewed} of {asked} records were reviewed{self._how_to_resume()}"

    def _how_to_resume(self) -> str:
        return "; to resume, repeat the command with --drift-resume" if self.journal().path.exists() else ""

    def refuse(self, error: DriftError) -> None:
        """Note why a worker cannot go on; the controller reports it."""
        self.refusal = str(error), error.exit_code

    def contribution(self) -> dict[str, Any]:
        """Return what only a worker knows, in plain values."""
        return {
            **self._own_counts(),
            "selection": to_plain(self.gathered.selection),
            "refusal": self.refusal,
            "near": to_plain(list(self._find_near().items())),
        }

    def _own_counts(self) -> dict[str, Any]:
        vectors = self.pipeline.opened_vectors()
        return {
            "vectors": vectors.count if vectors else None,
            "comparison": to_plain(self.pipeline.comparison()),
            "cluster": to_plain(self.pipeline.used_cluster()),
            "concurrency": to_plain(self.pipeline.used_concurrency()),
            "predictions": to_plain(self.pipeline.label_predictions()),
            "totals": self.pipeline.ledger.totals(),
        }

    def take(self, contribution: dict[str, Any]) -> None:
        """Take what a worker hands over; all workers know the same, but only some of them may have searched vectors."""
        self.gathered.selection = from_plain(Selection, contribution["selection"])
        self.refusal = self.refusal or contribution["refusal"]
        compared = [item["comparison"] for item in (contribution, self._counts or {}) if item.get("comparison")]
        clusters = [item["cluster"] for item in (contribution, self._counts or {}) if item.get("cluster")]
        predicted = [item["predictions"] for item in (contribution, self._counts or {}) if item.get("predictions")]
        used = [item["concurrency"] for item in (contribution, self._counts or {}) if item.get("concurrency")]
        self._counts = contribution | {
            "comparison": max(compared, key=itemgetter("number"), default=None),
            "cluster": max(clusters, key=itemgetter("workers"), default=None),
            "concurrency": max(used, key=itemgetter("most"), default=None),
            "predictions": next(iter(predicted), None),
        }
        self._near |= from_plain(list[tuple[RecordId, tuple[Near, ...]]], contribution["near"])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather the outcome that the report of a check carries, unless the check is run again."""
        self.gathered.add(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Count records that fail a criterion as findings; show what stands for a criterion only in the summary."""
        if hasattr(report, STANDS_FOR):
            return "", "", "FAILED" if report.failed else ""
        is_finding = any(outcome.result is Result.FAILED for outcome in outcomes_of(report))
        return (FINDINGS, "f", "FINDING") if is_finding and report.passed else None

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Judge before other plugins read the exit code; write after pytest-json-report has built its document."""
        self.ending = True
        self.gathered.add_broken(redact=self.pipeline.settings.redact)
        if xdist.is_controller(self.config) and self._counts is None and self.gathered.failed:
            self.refusal = self.refusal or ("every worker crashed, so there is no verdict.", EXIT_INTERNAL_ERROR)
        if self.refusal:
            session.exitstatus = self.config.stash[EXIT_CODE] = self.refusal[1]
        if not (self.gathered.selection.criteria and self.gathered.outcomes and self._keeper):
            return (yield)
        if session.exitstatus == pytest.ExitCode.INTERRUPTED and self.pipeline.sample.is_large:
            # A report of so many records would not be written within the two seconds that are left.
            self.interrupted = self.interrupted or f"not all was checked{self._how_to_resume()}"
            return (yield)
        if session.exitstatus == pytest.ExitCode.INTERRUPTED and self.interrupted is None:
            self.interrupted = f"not all was checked{self._how_to_resume()}"
        self.report = self.config.stash[REPORT] = self._judge(session)
        session.exitstatus = exit_code = self.report.exit_code
        self._critical = list(critical_reports(self.report))
        for report in self._critical:
            self.config.hook.pytest_runtest_logreport(report=report)
        result = yield
        remember(self.config, self.gathered.outcomes, [item.nodeid for item in self._critical])
        # Some plugins combine the session's exit code with the one they were called with.
        session.exitstatus = self._write(self.report, self._keeper) or exit_code
        self.config.stash[EXIT_CODE] = int(session.exitstatus)
        return result

    @pytest.hookimpl(optionalhook=True)
    def pytest_json_modifyreport(self, json_report: dict[str, Any]) -> None:
        """Add the run to pytest-json-report's document."""
        if self.report is None:
            return
        stand_ins = {item.nodeid for item in self._critical}
        mark_failed(json_report, [*self.gathered.outcomes, *self.report.outcomes], stand_ins)
        json_report["drift"] = drift_document(self.report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the summary."""
        if self.refusal:
            terminalreporter.write_line(f"ERROR: {self.refusal[0]}", red=True)
        if self.report is None:
            if self.interrupted:
                terminalreporter.write_line(f"drift review: interrupted, without a report: {self.interrupted}")
            return
        # Not earlier, so that the last lines name them, but no traceback is shown.
        if failed := [item for item in self._critical if item.failed]:
            terminalreporter.stats.setdefault("failed", []).extend(failed)
        quiet = self.config.stash.get(QUIET, None)
        with quiet.summary() if quiet else nullcontext():
            write_summary(terminalreporter, self.report, self.page, self._alerting.lines() if self._alerting else ())
            for warning in self._keeper.warnings if self._keeper else ():
                terminalreporter.write_line(f"WARNING: {visible(warning)}", yellow=True)
            if self.failure is not None:
                terminalreporter.write_line(f"ERROR: {visible(str(self.failure))}", red=True)

    def _with_exit_code(self, report: RunReport, ended_with: int) -> RunReport:
        """Return the report with the exit code of the process, if pytest ended otherwise or another test failed."""
        if ended_with not in _PYTEST_VERDICTS:
            why = "" if ended_with == EXIT_INTERRUPTED else "pytest itself ended with this code, see above"
            return replace(report, exit_code=ended_with, exit_reason=why)
        others, in_part = self.gathered.other_failures(), report.facts.coverage.in_part
        if others and report.exit_code == 0:
            # Only pytest itself may exit with 1 for another reason than a verdict of CRITICAL.
            code = EXIT_INTERNAL_ERROR if wraps_pytest(self.config) else ended_with
            why = f"a test beside the criteria failed ({others[0]}); the verdict is {report.verdict}"
            return replace(report, exit_code=code, exit_reason=why)
        why = next(filter(None, (why_not_judged(item.message) for item in report.criteria)), "")
        if report.exit_code == Verdict.INCONCLUSIVE.exit_code and why:
            return replace(report, exit_reason=f"INCONCLUSIVE: {why}")
        undecided = {item.criterion.name for item in report.criteria if item.verdict is Verdict.INCONCLUSIVE}
        if report.exit_code == Verdict.INCONCLUSIVE.exit_code and undecided & in_part:
            return replace(report, exit_reason="INCONCLUSIVE: a part has no verdict on its rate; run the whole review")
        return report

    def _judge(self, session: pytest.Session) -> RunReport:
        coverage = self.gathered.coverage(self.pipeline.sample)
        if xdist.is_controller(self.config) and self.journal().path.exists():
            self.pipeline.use_journal(self.journal(), self.header())
        facts = gather_facts(
            self.config,
            self.pipeline,
            self._counts or self._own_counts(),
            run_id=self.run_id,
            started=format_instant(self._started),
            finished=format_instant(datetime.now(UTC).replace(microsecond=0)),
            partial=bool(coverage.cut_off) or session.exitstatus not in _PYTEST_VERDICTS or self._is_partial(),
            coverage=coverage,
            interrupted=self.interrupted,
        )
        assert self._keeper is not None
        duration = time.monotonic() - self._clock
        known = self._keeper.acknowledged(facts, self._started, self.pipeline.sample.records)
        outcomes = one_per_record(self.gathered.outcomes, [record.id for record in self.pipeline.sample.records])
        past = self._keeper.past(facts.store.identity, self.run_id)
        facts = replace(facts, accuracy=self._accuracy(facts, outcomes, past))
        report = build_report(facts, tuple(self.gathered.selection.criteria.values()), outcomes, duration, known)
        report = self._with_exit_code(report, int(session.exitstatus))
        texts = texts_of(self.pipeline, ids_to_show(report.criteria))
        judged = said_of(self._keeper.judged(facts.store.identity), texts, redacted=facts.redacted)
        known = replace(report.acknowledged, judged={**judged, **report.acknowledged.judged})
        report = replace(report, past=past, details=self._details(report), label_texts=texts, acknowledged=known)
        return with_agreement_changes(report)

    def _accuracy(self, facts: Facts, outcomes: Sequence[Outcome], past: Sequence[RecordedRun]) -> Accuracy | None:
        assert self._keeper is not None
        judged = self._keeper.judged(facts.store.identity)
        try:
            return accuracy_of_run(facts, outcomes, past, of_present_texts(judged, self.pipeline.store))
        except StoreError:
            # The checks have reported what is wrong with it.
            return Accuracy(missing="the store could not be read")

    def _is_partial(self) -> bool:
        named = any("::" in argument for argument in self.config.args)
        chosen = bool(self.pipeline.settings.records)
        selection = self.gathered.selection
        return named or chosen or bool(selection.left_out) or not built_in_names() <= selection.criteria.keys()

    def _details(self, report: RunReport) -> dict[RecordId, Details]:
        near = self._near or self._find_near()
        settings, reviews = self.pipeline.settings, self.pipeline.reviews
        return {
            record.id: detail(record, reviews.get(record.id), near.get(record.id, ()), settings, self.pipeline.slices)
            for record in self._not_passed(report.outcomes)
        }

    def _find_near(self) -> dict[RecordId, tuple[Near, ...]]:
        """Return the nearest records of those that the page will show, if the vectors are open anyway."""
        shown = {item.record_id for item in listed_records(self.gathered.outcomes)[:MOST_SHOWN]}
        not_passed = [record for record in self.pipeline.sample.records if record.id in shown]
        try:
            return find_near(not_passed, self.pipeline.similar(), redact=self.pipeline.settings.redact)
        except DriftError:
            # The checks have reported what is wrong with the vectors.
            return {}

    def _not_passed(self, outcomes: Iterable[Outcome]) -> list[Record]:
        ids = {item.record_id for item in outcomes if item.result not in (Result.PASSED, Result.NOT_NEEDED)}
        return [record for record in self.pipeline.sample.records if record.id in ids]

    def _write(self, report: RunReport, keeper: Keeper) -> int | None:
        """Write the run's files; return the exit code if that fails, unless it would hide a CRITICAL verdict."""
        document = dict(self._document.report or {})
        document.setdefault("drift", drift_document(report))
        if report.facts.redacted:
            withhold_texts(document, [*self.gathered.outcomes, *report.outcomes])
        try:
            self.page = keeper.keep(report, document)
            write_to_store(report, self.pipeline, self._started)
            journal = Journal(self.page.parent / JOURNAL_FILE)
            if self.interrupted is None and journal.path.exists():
                # Last, so that a run without a report can be resumed.
                journal.finish(inconclusive=report.verdict is Verdict.INCONCLUSIVE)
        except DriftError as error:
            self.failure = self.config.stash[ERROR] = error
        self._alert(report, keeper, document)
        failed = [str(self.failure)] if self.failure is not None else []
        log_report(report, self.page, [*keeper.warnings, *failed], built_in_names())
        if self.failure is not None:
            return None if report.verdict is Verdict.CRITICAL else self.failure.exit_code
        assert self.page is not None
        self.config.hook.pytest_drift_finished(verdict=str(report.verdict), folder=str(self.page.parent))
        if verdict_file := os.environ.get("DRIFT_VERDICT_FILE"):
            Path(verdict_file).write_text(f"{report.verdict}\n", encoding="utf-8")
        return None

    def _alert(self, report: RunReport, keeper: Keeper, document: dict[str, Any]) -> None:
        """Send the alerts, also if the report could not be written."""
        assert self._alerting is not None
        self._alerting.announce(report, self.page or self.pipeline.settings.reports / self.run_id / PAGE)
        self.config.stash.setdefault(WARNINGS, []).extend(f"drift review: {text}" for text in self._alerting.warnings)
        if self.failure is None and (alerts := self._alerting.document()):
            document["drift"]["alerts"] = alerts
            keeper.keep_alerts(report, document)
        if self.failure is None and not (report.facts.partial or self.pipeline.settings.alert_dry_run):
            keeper.end_acknowledgements(report)
