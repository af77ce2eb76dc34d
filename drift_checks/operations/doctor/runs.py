"""What the last runs came to, how long ago that was, and what has not been told yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from drift_checks.core.errors import ReportsError
from drift_checks.core.text import count
from drift_checks.operations.doctor.finding import Check, NotChecked, Said, right, warned, wrong
from drift_checks.operations.doctor.setup import Setup
from drift_checks.report.folder import PAGE
from drift_checks.report.history.alert_log import undelivered_alerts
from drift_checks.report.history.reading import read_history
from drift_checks.report.history.recorded import RecordedRun, StoreIdentity
from drift_checks.report.verdict import Verdict

GROUP = "runs"
_DAILY_AGE, _WEEKLY_AGE = timedelta(hours=36), timedelta(days=8)
_DAY = timedelta(days=1, hours=12)
# So many show how long it has been so.
_LOOKED_AT = 60
_OUTAGE = 3
_RUN = "python -m drift_checks --run-once"


class Past:
    """The history, read once.

    Args:
        reports: The folder of reports.
        store: Whose runs are looked at.
    """

    def __init__(self, reports: Path, store: StoreIdentity) -> None:
        self.reports = reports
        self._store = store
        self._error: ReportsError | None = None

    @cached_property
    def runs(self) -> Sequence[RecordedRun]:
        """The newest runs of the store, oldest first.

        Raises:
            ReportsError: The history cannot be read.
        """
        found = read_history(self.reports)
        if found is None:
            return ()
        with found as history:
            return history.runs(self._store, _LOOKED_AT, criteria=False)

    def known(self) -> Sequence[RecordedRun]:
        """Return the runs.

        Raises:
            NotChecked: There are none, or the history cannot be read.
        """
        try:
            runs = self.runs
        except ReportsError:
            raise NotChecked("not known: the history cannot be read") from None
        if not runs:
            raise NotChecked("there is no run yet")
        return runs

    def waiting(self) -> int:
        """Return how many alerts have not arrived yet.

        Raises:
            NotChecked: The history cannot be read.
        """
        try:
            found = read_history(self.reports)
            if found is None:
                return 0
            with found as history:
                counts = undelivered_alerts(history)
        except ReportsError:
            raise NotChecked("not known: the history cannot be read") from None
        return sum(number for channels in counts.values() for number in channels.values())


def past_of(setup: Setup) -> Past:
    """Return the history of the store that is configured."""
    settings = setup.settings
    return Past(settings.reports, StoreIdentity(str(settings.db), settings.table, settings.collection))


def checks(past: Past, now: datetime, every: Callable[[], timedelta | None]) -> list[Check]:
    """Return the checks of the runs.

    Args:
        past: The history.
        now: The moment.
        every: Says how long it is from one review to the next, None where that is not known.
    """
    needs = ("reports", "db", "table", "collection", "demo")
    return [
        Check(GROUP, "history", lambda: history(past), needs),
        Check(GROUP, "last run", lambda: last_run(past.known()[-1], now, every()), needs),
        Check(GROUP, "verdict", lambda: verdict(past.known(), past.reports), needs),
        Check(GROUP, "alerts", lambda: undelivered(past.waiting()), needs),
    ]


def history(past: Past) -> Said:
    """Say how many runs are kept."""
    runs = past.runs
    if not runs:
        return warned(f"there is no run of this store in {past.reports} yet", f"make the first one: {_RUN}")
    more = " at the least" if len(runs) == _LOOKED_AT else ""
    return right(f"{count(len(runs), 'run')}{more} in {past.reports}, since {runs[0].started:%Y-%m-%d}")


def last_run(run: RecordedRun, now: datetime, every: timedelta | None) -> Said:
    """Say how long ago the last run was."""
    age = now - run.started
    said = f"{run.started:%Y-%m-%d %H:%M} UTC, {ago(age)}"
    if age < timedelta(minutes=-5):
        return warned(f"{run.started:%Y-%m-%d %H:%M} UTC, which is yet to come", "set the machine's clock")
    daily = every is not None and every < _DAY
    if age > (_DAILY_AGE if daily else _WEEKLY_AGE):
        often = "every day" if daily else "every week" if every is not None else "now and then"
        return warned(
            f"{said}, and one is meant to run {often}", f"look into the log for what ended it, or run one: {_RUN}"
        )
    return right(said)


def ago(age: timedelta) -> str:
    """Return an age as people say it."""
    hours = max(0, int(age.total_seconds() // 3600))
    if hours < 1:
        return "less than an hour ago"
    return f"{count(hours, 'hour')} ago" if hours < 48 else f"{count(hours // 24, 'day')} ago"


def verdict(runs: Sequence[RecordedRun], reports: Path) -> Said:
    """Say what the last run came to, and since when nothing could be judged."""
    last = runs[-1].verdict
    if last is Verdict.OK:
        return right("OK")
    page = reports / runs[-1].run_id / PAGE
    if last is not Verdict.INCONCLUSIVE:
        return warned(f"{last}", f"read {page}")
    row = len(list(takewhile(lambda run: run.verdict is Verdict.INCONCLUSIVE, reversed(runs))))
    if row < _OUTAGE:
        times = "" if row == 1 else f", {row} times running"
        return warned(f"INCONCLUSIVE{times}: too little could be reviewed", f"see whether it answers: --live; {page}")
    return wrong(
        f"INCONCLUSIVE, {row} times running: nothing was judged since {runs[-row].started:%Y-%m-%d}",
        f"see whether the reviewer answers: --live; then read {page}",
    )


def undelivered(number: int) -> Said:
    """Say whether alerts wait."""
    if not number:
        return right("none waits to be delivered")
    wait = "waits" if number == 1 else "wait"
    return warned(
        f"{count(number, 'alert')} {wait} to be delivered",
        "python -m drift_checks alert-test says what is wrong; the next run tries again",
    )
