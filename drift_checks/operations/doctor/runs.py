"""The last runs: their verdicts, how long ago they were, and alerts that were not delivered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

from drift_checks.core.errors import ReportsError
from drift_checks.core.text import count
from drift_checks.operations.doctor.check import Check, CheckResult, NotChecked, failed, passed, warning
from drift_checks.operations.doctor.setup import Setup
from drift_checks.report.folder import PAGE
from drift_checks.report.history.alert_log import undelivered_alerts
from drift_checks.report.history.reading import HistoryView, read_history
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity

Result = TypeVar("Result")
GROUP = "runs"
_DAILY_AGE, _WEEKLY_AGE = timedelta(hours=36), timedelta(days=8)
_DAY = timedelta(days=1, hours=12)
# Enough to tell how long an outage has lasted.
_MOST_RUNS = 60
_OUTAGE = 3
_RUN = "python -m drift_checks --run-once"


class PastRuns:
    """The history of a store, read once."""

    def __init__(self, reports: Path, store: StoreIdentity) -> None:
        self.reports = reports
        self._store = store

    @cached_property
    def runs(self) -> Sequence[RecordedRun]:
        """The newest runs of the store, oldest first; raises ReportsError if the history cannot be read."""
        return self._read(lambda history: history.runs(self._store, _MOST_RUNS)) or ()

    def known(self) -> Sequence[RecordedRun]:
        """Return the runs; raise NotChecked if there are none, or the history cannot be read."""
        runs = self._known(lambda: self.runs)
        if not runs:
            raise NotChecked("there is no run yet")
        return runs

    def undelivered(self) -> int:
        """Return how many alerts are not delivered yet; raise NotChecked if the history cannot be read."""
        counts = self._known(lambda: self._read(undelivered_alerts)) or {}
        return sum(number for channels in counts.values() for number in channels.values())

    def _read(self, query: Callable[[HistoryView], Result]) -> Result | None:
        found = read_history(self.reports)
        if found is None:
            return None
        with found as history:
            return query(history)

    def _known(self, read: Callable[[], Result]) -> Result:
        try:
            return read()
        except ReportsError:
            raise NotChecked("unknown: the history cannot be read") from None


def checks(setup: Setup) -> list[Check]:
    """Return the checks of the runs."""
    settings, schedule = setup.settings, setup.schedule
    past = PastRuns(settings.reports, StoreIdentity(str(settings.db), settings.table, settings.collection))
    needs = ("reports", "db", "table", "collection", "demo")
    return [
        Check("history", lambda: history(past), needs),
        Check("last run", lambda: last_run(past.known()[-1], setup.now, schedule.every), needs),
        Check("verdict", lambda: verdict(past.known(), past.reports), needs),
        Check("alerts", lambda: undelivered(past.undelivered()), needs),
    ]


def history(past: PastRuns) -> CheckResult:
    """Report how many runs are kept."""
    runs = past.runs
    if not runs:
        return warning(f"no run of this store in {past.reports} yet", f"make the first one: {_RUN}")
    least = "at least " if len(runs) == _MOST_RUNS else ""
    return passed(f"{least}{count(len(runs), 'run')} in {past.reports}, since {runs[0].started:%Y-%m-%d}")


def last_run(run: RecordedRun, now: datetime, every: timedelta | None) -> CheckResult:
    """Check that the last run is recent, given the time between two scheduled reviews, if known."""
    age = now - run.started
    started = f"{run.started:%Y-%m-%d %H:%M} UTC"
    if age < timedelta(minutes=-5):
        return warning(f"{started}, which is in the future", "set the machine's clock")
    message = f"{started}, {format_age(age)}"
    daily = every is not None and every < _DAY
    if age <= (_DAILY_AGE if daily else _WEEKLY_AGE):
        return passed(message)
    due = ", and a run is due every day" if daily else "" if every is None else ", and a run is due every week"
    return warning(f"{message}{due}", f"read the log to see what ended it, or start a run: {_RUN}")


def format_age(age: timedelta) -> str:
    """Return an age in hours or days, as in `2 days ago`."""
    hours = max(0, int(age.total_seconds() // 3600))
    if hours < 1:
        return "less than an hour ago"
    return f"{count(hours, 'hour')} ago" if hours < 48 else f"{count(hours // 24, 'day')} ago"


def verdict(runs: Sequence[RecordedRun], reports: Path) -> CheckResult:
    """Check the last verdict, and for how long there was none."""
    last = runs[-1].verdict
    if last is Verdict.OK:
        return passed("OK")
    page = reports / runs[-1].run_id / PAGE
    if last is not Verdict.INCONCLUSIVE:
        return warning(f"{last}", f"read {page}")
    row = len(list(takewhile(lambda run: run.verdict is Verdict.INCONCLUSIVE, reversed(runs))))
    times = "" if row == 1 else f", {row} times in a row"
    remedy = f"check with --live whether the reviewer answers, and read {page}"
    if row < _OUTAGE:
        return warning(f"INCONCLUSIVE{times}: too little could be reviewed", remedy)
    return failed(f"INCONCLUSIVE{times}: no verdict since {runs[-row].started:%Y-%m-%d}", remedy)


def undelivered(number: int) -> CheckResult:
    """Check that all alerts were delivered."""
    if not number:
        return passed("all alerts are delivered")
    return warning(
        f"{count(number, 'alert')} not delivered yet",
        "python -m drift_checks alert-test shows what is wrong; the next run tries again",
    )
