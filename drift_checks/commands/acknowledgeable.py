"""What can be acknowledged, a disagreement or a failed criterion, and until when."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

from drift_checks.core.errors import NothingToReview, SettingError, nearest
from drift_checks.core.instants import format_instant, read_instant
from drift_checks.core.records import item_name
from drift_checks.core.text import printable
from drift_checks.report.acknowledgements import Acknowledgement, sort_out
from drift_checks.report.changes import versions_of
from drift_checks.report.history.reading import HistoryView
from drift_checks.report.history.recorded import RecordedCriterion, RecordedDisagreement, RecordedRun
from drift_checks.report.verdict import FAILED, Verdict
from drift_checks.stores.identity import StoreIdentity

# Whatever is accepted for longer is no exception.
MOST_DAYS = 366
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Thing:
    """A disagreement or a criterion (one of them) as a run found it."""

    run: RecordedRun
    disagreement: RecordedDisagreement | None = None
    criterion: RecordedCriterion | None = None

    def acknowledgement(self, store: StoreIdentity, until: datetime, reason: str, now: datetime) -> Acknowledgement:
        """Return its acknowledgement, without a number; the instants need a zone."""
        record, criterion = self.disagreement, self.criterion
        return Acknowledgement(
            number=0,
            store=store,
            until=until,
            reason=reason,
            made=now,
            versions=versions_of(self.run),
            record_id=record.record_id if record else None,
            stored=record.stored if record else None,
            reviewed=record.reviewed if record else None,
            criterion=criterion.name if criterion else None,
            verdict=criterion.verdict if criterion else None,
        )


def read_until(text: str | None, now: datetime) -> datetime:
    """Return when an acknowledgement ends: at an ISO 8601 instant with a zone, or at the end of a day in UTC.

    Raises:
        SettingError: The text is missing, neither a day nor such an instant, past, or more than MOST_DAYS days ahead.
    """
    allowed = (
        f"it must be a day (in UTC) as in {now + timedelta(days=30):%Y-%m-%d} or an ISO 8601 instant with a zone, at"
        f" most {MOST_DAYS} days ahead"
    )
    if text is None:
        raise SettingError("--until", "is missing", allowed)
    given, last = printable(text), now.astimezone(UTC).date() + timedelta(days=MOST_DAYS)
    until, day = _end_of(text)
    if until is None and day is None:
        raise SettingError("--until", f"{given!r} is invalid", allowed)
    if day is not None and day > last:
        raise SettingError("--until", f"{given!r} is too far ahead", f"it must be {last} at the latest")
    if until is None or until <= now:
        raise SettingError("--until", f"{given!r} is past (now it is {format_instant(now.replace(microsecond=0))})")
    return until


def _end_of(text: str) -> tuple[datetime | None, date | None]:
    """Return the instant at which it ends, and its day; None for what the text does not say."""
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None, None
    if day is not None:
        midnight = datetime.combine(day, time(), UTC)
        return (midnight + timedelta(days=1) if day < date.max else None), day
    moment = read_instant(text, UTC)
    # Without a zone, the text names different instants in different zones.
    if moment is None or moment != read_instant(text, timezone(timedelta(hours=1))):
        return None, None
    return moment, moment.date()


def find_thing(history: HistoryView, store: StoreIdentity, arguments: argparse.Namespace, now: datetime) -> Thing:
    """Return what the arguments name, as found by the newest run of the store that has it.

    A plain word is a disagreement of the newest run, else a failed criterion of that run, else a disagreement of an
    earlier run. A disagreement is named by its id, or by `ID-category` as in the names of checks. The history must have
    a run of the store.

    Raises:
        NothingToReview: No stored run has it, or it no longer disagrees or fails.
    """
    runs = history.runs(store)[::-1]
    if arguments.criterion is not None:
        return _criterion(runs[0], arguments.criterion) or _refuse_criterion(runs[0], arguments.criterion)
    word = arguments.what if arguments.record is None else arguments.record
    thing = _record(runs[:1], word)
    if thing is None and arguments.record is None:
        thing = _criterion(runs[0], word)
    thing = thing or _record(runs, word)
    if thing is None:
        if arguments.record is None and runs[0].criterion(word) is not None:
            _refuse_criterion(runs[0], word)
        raise _no_such(runs, word, only_records=arguments.record is not None)
    _refuse_outdated(thing, runs[0], store, now)
    return thing


def _record(runs: Sequence[RecordedRun], word: str) -> Thing | None:
    for run in runs:
        found = [item for item in run.disagreements if str(item.record_id) == word]
        named = [item for item in run.disagreements if _item(item) == word]
        if found or len(named) == 1:
            return Thing(run, disagreement=(found or named)[0])
    return None


def _item(found: RecordedDisagreement) -> str | None:
    return None if found.record_id is None else item_name(found.record_id, found.stored or "")


def _criterion(run: RecordedRun, name: str) -> Thing | None:
    found = run.criterion(name)
    return Thing(run, criterion=found) if found is not None and found.verdict in FAILED else None


def _refuse_criterion(run: RecordedRun, name: str) -> Thing:
    failed = [item.name for item in run.criteria if item.verdict in FAILED]
    which = f"those that failed in run {run.run_id} are: {_listed(failed)}"
    what, found = f"criterion {printable(name)!r}", run.criterion(name)
    if found is None:
        closest = nearest(name, [printable(item.name) for item in run.criteria])
        raise NothingToReview(what, f"run {run.run_id} has no criterion of that name", which, closest)
    if found.verdict is Verdict.INCONCLUSIVE:
        problem = f"it is INCONCLUSIVE in run {run.run_id}, so there is no result to acknowledge"
        raise NothingToReview(what, problem, which)
    outcome = "was not measured" if found.verdict is None else "is OK"
    raise NothingToReview(what, f"it {outcome} in run {run.run_id}, so there is nothing to acknowledge", which)


def _no_such(runs: Sequence[RecordedRun], word: str, *, only_records: bool) -> NothingToReview:
    ids = list(dict.fromkeys(str(item.record_id) for run in runs for item in run.disagreements))
    failed = [item.name for item in runs[0].criteria if item.verdict in FAILED]
    newest = [str(item.record_id) for item in runs[0].disagreements]
    kinds = "record" if only_records else "record or criterion"
    allowed = f"records that disagreed in the newest run: {_listed(newest)}"
    if not only_records:
        allowed += f"; criteria that failed there: {_listed(failed)}"
    known = ids if only_records else [*failed, *(item.name for item in runs[0].criteria), *ids]
    return NothingToReview(
        repr(printable(word)),
        f"no {kinds} of that name disagreed or failed in the runs that are kept",
        allowed,
        nearest(word, map(printable, known)),
    )


def _refuse_outdated(thing: Thing, newest: RecordedRun, store: StoreIdentity, now: datetime) -> None:
    """Refuse what would end with the next run because other versions decide now."""
    if thing.run.run_id == newest.run_id:
        return
    item = thing.acknowledgement(store, datetime.max.replace(tzinfo=UTC), "outdated", now)
    if sort_out([item], versions_of(newest), now).ended:
        raise NothingToReview(
            item.what(),
            f"it last disagreed in run {thing.run.run_id}, and run {newest.run_id} used other versions",
            "acknowledge it if it disagrees again",
        )


def _listed(names: Sequence[str], most: int = 10) -> str:
    shown = [printable(name) for name in names[:most]]
    more = [f"{len(names) - most} more"] if len(names) > most else []
    return ", ".join([*shown, *more]) or "none"
