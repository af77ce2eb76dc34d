"""Writes everything that a run leaves: its folder, the history, the metrics and the list of runs.

The run's folder comes first; the rest is derived from it and can be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from drift_checks.core.errors import ReportsError
from drift_checks.core.instants import read_instant
from drift_checks.core.records import Record
from drift_checks.core.text import count
from drift_checks.report.acknowledgements import Acknowledged, sort_out
from drift_checks.report.changes import versions_of
from drift_checks.report.folder import PAGE, ReportsFolder
from drift_checks.report.history.acknowledged import Acknowledgements
from drift_checks.report.history.alert_log import AlertLog, undelivered_alerts
from drift_checks.report.history.database import History
from drift_checks.report.history.kept import kept_runs
from drift_checks.report.history.recorded import RecordedRun, recorded_run
from drift_checks.report.metrics import write_metrics
from drift_checks.report.run import Facts, RunReport
from drift_checks.reviews.journal import first_of_future
from drift_checks.reviews.judgements.judgement import Judged, Judgement, said_of, settled_records
from drift_checks.stores.identity import StoreIdentity

Answer = TypeVar("Answer")
METRICS = "metrics.prom"
# Older runs say little about the present, and take long to draw.
_MOST_PAST = 400
# One run under a clock that is far ahead must not delete all others.
_MOST_PRUNED = 10


class Keeper:
    """Keeps runs in the folder of reports, which is locked. Errors become `warnings` and change no verdict."""

    def __init__(self, folder: ReportsFolder, retention: timedelta) -> None:
        self.warnings: list[str] = []
        self._folder = folder
        self._retention = retention
        self._history: History | None = None
        self._judged: dict[StoreIdentity, Judged] = {}
        self._try(self._open_history)

    def past(self, store: StoreIdentity, run_id: str) -> tuple[RecordedRun, ...]:
        """Return the other runs of the store, oldest first."""
        found = self._ask(lambda history: history.runs(store, _MOST_PAST)) or []
        # A clock that was wrong, and was put right, leaves runs of the future.
        future = first_of_future()
        return tuple(run for run in found if run.run_id != run_id and run.run_id < future)

    def acknowledged(self, facts: Facts, moment: datetime, records: Sequence[Record] = ()) -> Acknowledged:
        """Return the acknowledgements of the store when the run began, and what was judged of these records.

        The moment has a zone.
        """
        stored = self._ask(lambda history: Acknowledgements(history).of_store(facts.store.identity)) or []
        found = sort_out(stored, versions_of(facts), moment)
        judged = self.judged(facts.store.identity)
        texts = {record.id: record.text for record in records if judged.of_record(record.id)}
        said = said_of(judged, texts, redacted=facts.redacted)
        return replace(found, settled=settled_records(judged, records), judged=said)

    def judged(self, store: StoreIdentity) -> Judged:
        """Return the judgements of the store; none if they cannot be read."""
        if store not in self._judged:
            self._judged[store] = Judged(self._judgements(), store)
        return self._judged[store]

    def _judgements(self) -> Sequence[Judgement]:
        from drift_checks.reviews.judgements.file import JudgementFile

        file = JudgementFile(self._folder.path)
        try:
            content = file.read()
        except ReportsError as error:
            self.warnings.append(str(error))
            return ()
        if content.damaged:
            lines = count(content.damaged, "line")
            self.warnings.append(f"{file.path}: {lines} cannot be read; the other judgements count")
        return content.judgements

    def alert_log(self) -> AlertLog | None:
        """Return the log of alerts; None without a history."""
        return None if self._history is None else AlertLog(self._history)

    def keep(self, report: RunReport, document: Mapping[str, Any]) -> Path:
        """Write the run's folder, then update history, metrics and the list of runs; return the HTML report.

        Raises:
            ReportsError: The folder cannot be written.
        """
        page = self._folder.write(report, document)
        if not report.facts.partial:
            self._try(lambda: self._folder.point_latest_to(report.facts.run_id))
            self._try(lambda: self._record(document))
            self._try(lambda: self._prune(report))
        self._try(self._list_runs)
        return page

    def keep_alerts(self, report: RunReport, document: Mapping[str, Any]) -> None:
        """Update report.json, now with the alerts, and the metrics once the alerts of a whole run were sent."""
        self._try(lambda: self._folder.write_document(report.facts.run_id, document))
        self._try(lambda: self._write_metrics(recorded_run(document["drift"])))

    def end_acknowledgements(self, report: RunReport) -> None:
        """Store that the run has reported which acknowledgements have ended."""
        if ended := {item.number: why for item, why in report.acknowledged.ended}:
            self._ask(lambda history: Acknowledgements(history).end(ended, report.facts.run_id))

    def close(self) -> None:
        """Close the history."""
        if self._history is not None:
            self._history.close()
            self._history = None

    def _open_history(self) -> None:
        self._history = opened = History(self._folder.path)
        self._ask(lambda history: history.take_up_missing())
        self.warnings += opened.warnings

    def _record(self, document: Mapping[str, Any]) -> None:
        run = recorded_run(document["drift"])
        self._ask(lambda history: history.add(run))
        self._write_metrics(run)

    def _write_metrics(self, run: RecordedRun) -> None:
        of_all_stores = self._ask(lambda history: history.newest_of_each_store()) or []
        newest = {item.store.identity: item for item in of_all_stores} | {run.store.identity: run}
        undelivered = self._ask(undelivered_alerts) or {}
        write_metrics(self._folder.path / METRICS, list(newest.values()), undelivered)

    def _prune(self, report: RunReport) -> None:
        started = read_instant(report.facts.started, UTC) or datetime.now(UTC)
        if self._retention > started - datetime.min.replace(tzinfo=UTC):
            return
        before, run_id = started - self._retention, report.facts.run_id
        # First the folders: a folder without its row would be added to the history again.
        self._folder.prune(before, keep=run_id, most=_MOST_PRUNED)
        self._ask(lambda history: history.prune(before, keep=run_id, most=_MOST_PRUNED))
        self._ask(lambda history: AlertLog(history).prune(before))

    def _list_runs(self) -> None:
        from drift_checks.report.page.html import render_list

        recorded = self._ask(lambda history: history.runs()) or []
        kept = kept_runs(self._folder.path, recorded)
        # Without a history, list only the runs whose folders are kept.
        whole = recorded or [item.run for item in reversed(kept) if item.whole]
        self._folder.write_file(PAGE, render_list(kept, whole))

    def _ask(self, question: Callable[[History], Answer]) -> Answer | None:
        """Return the history's answer; after an error, as when it is locked, it is not asked again."""
        if self._history is None:
            return None
        try:
            return question(self._history)
        except ReportsError as error:
            self.warnings.append(str(error))
            self.close()
            return None

    def _try(self, step: Callable[[], object]) -> None:
        try:
            step()
        except ReportsError as error:
            self.warnings.append(str(error))
