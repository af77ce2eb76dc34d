"""What is kept of runs: their folders, the history, the metrics and the page that lists them all.

The folder of a run comes first and whole; what else is kept is made of it, and can be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from drift_checks.errors import ReportsError
from drift_checks.instants import read_instant
from drift_checks.reporting.folder import PAGE, ReportsFolder
from drift_checks.reporting.history.database import History
from drift_checks.reporting.history.kept import kept_runs
from drift_checks.reporting.history.recorded import RecordedRun, StoreIdentity, recorded_run
from drift_checks.reporting.metrics import write_metrics
from drift_checks.reporting.run import RunReport

Answer = TypeVar("Answer")
METRICS = "metrics.prom"
# More nights than this say little of now, and take long to draw.
_MOST_PAST = 400


class Keeper:
    """Keeps runs in the folder of reports; what goes wrong with it changes no verdict.

    Args:
        folder: Held by this run.
        retention: For how long runs are kept.

    Attributes:
        warnings: What could not be kept, a sentence each.
    """

    def __init__(self, folder: ReportsFolder, retention: timedelta) -> None:
        self.warnings: list[str] = []
        self._folder = folder
        self._retention = retention
        self._history: History | None = None
        self._try(self._open_history)

    def past(self, store: StoreIdentity, run_id: str) -> tuple[RecordedRun, ...]:
        """Return the other runs of the store, oldest first."""
        found = self._ask(lambda history: history.runs(store, _MOST_PAST)) or []
        return tuple(run for run in found if run.run_id != run_id)

    def keep(self, report: RunReport, document: Mapping[str, Any]) -> Path:
        """Write the run's folder, and bring up to date what tells of all runs.

        Args:
            report: The run.
            document: What goes into report.json.

        Returns:
            The HTML report.

        Raises:
            ReportsError: The folder cannot be written.
        """
        page = self._folder.write(report, document)
        if not report.facts.partial:
            self._try(lambda: self._record(document))
            self._try(lambda: self._prune(report))
        self._try(self._list_runs)
        return page

    def close(self) -> None:
        """Close the history."""
        if self._history is not None:
            self._history.close()
            self._history = None

    def _open_history(self) -> None:
        self._history = History(self._folder.path)
        self.warnings += self._history.warnings
        self._ask(lambda history: history.take_up_missing())

    def _record(self, document: Mapping[str, Any]) -> None:
        run = recorded_run(document["drift"])
        self._ask(lambda history: history.add(run))
        of_all_stores = self._ask(lambda history: history.newest_of_each_store()) or []
        newest = {item.store: item for item in of_all_stores} | {run.store: run}
        write_metrics(self._folder.path / METRICS, list(newest.values()))

    def _prune(self, report: RunReport) -> None:
        started = read_instant(report.facts.started, UTC) or datetime.now(UTC)
        if self._retention > started - datetime.min.replace(tzinfo=UTC):
            return
        before, run_id = started - self._retention, report.facts.run_id
        # A folder without its row would be taken up again.
        self._folder.prune(before, keep=run_id)
        self._ask(lambda history: history.prune(before, keep=run_id))

    def _list_runs(self) -> None:
        from drift_checks.reporting.page.html import render_list

        recorded = self._ask(lambda history: history.runs()) or []
        kept = kept_runs(self._folder.path, recorded)
        # Without a history, the runs that are kept are all there is to tell of.
        whole = recorded or [item.run for item in reversed(kept) if item.whole]
        self._folder.write_file(PAGE, render_list(kept, whole))

    def _ask(self, question: Callable[[History], Answer]) -> Answer | None:
        """Return what the history answers; one that fails once, as one that is locked, is asked no more."""
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
