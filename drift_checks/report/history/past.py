"""Past runs of a store that are comparable with this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drift_checks.core.errors import ReportsError
from drift_checks.core.outcomes import PastRun
from drift_checks.report.history.reading import open_for_reading
from drift_checks.report.history.recorded import RecordedRun, setting_value
from drift_checks.report.verdict import Verdict
from drift_checks.settings.declarations import RANDOM, SEQUENTIAL
from drift_checks.stores.identity import StoreIdentity

# Older runs say little about the present.
_MOST_RUNS = 120
# The seed, and the day of the reference time.
Draw = tuple[int, str]


@dataclass(frozen=True)
class Source:
    """What comparable runs have in common (the store, who decided, and how); and this run's own `draw`."""

    db: str
    table: str
    collection: str
    reviewer: str
    model: str | None
    basis: str | None
    prompt: str | None
    omitted_parameters: tuple[str, ...]
    decision: str
    judge: str
    draw: Draw
    method: str = RANDOM
    where: str | None = None


def past_runs(reports: Path, source: Source) -> list[PastRun]:
    """Return the comparable runs, oldest first; none without a readable history.

    Of several runs with the same seed and day, only the newest counts: they draw the same records, so the others are
    no further evidence.
    """
    history = open_for_reading(reports)
    if history is None:
        return []
    try:
        with history:
            found = history.runs(StoreIdentity(source.db, source.table, source.collection), _MOST_RUNS)
    except ReportsError:
        return []
    newest = {draw_of(run): run for run in found if _is_comparable(run, source)}
    runs = sorted(newest.values(), key=lambda run: run.run_id)
    return [PastRun(run.run_id, run.agreement.agreed, run.agreement.reviewed) for run in runs]


def past_details(
    reports: Path, store: StoreIdentity, criterion: str, day: str, where: str | None, method: str | None = None
) -> list[Mapping[str, Any]]:
    """Return the details that a criterion measured in runs of other days than this one, oldest first.

    Of each day, only the newest run counts; runs that did not measure it are skipped. So are those of records that met
    another condition `where`, or that were drawn by another method, if one is given.
    """
    history = open_for_reading(reports)
    if history is None:
        return []
    try:
        with history:
            found = history.runs(store, _MOST_RUNS)
    except ReportsError:
        return []
    by_day: dict[str, Mapping[str, Any]] = {}
    for run in found:
        result = run.criterion(criterion)
        details = next((item["details"] for item in result.statistics if item.get("details")), None) if result else None
        same_records = _met(run, where) and method in (None, run.sample.method)
        if details and same_records and run.sample.as_of[:10] != day:
            by_day[run.sample.as_of[:10]] = details
    return [by_day[each] for each in sorted(by_day)]


def _is_comparable(run: RecordedRun, source: Source) -> bool:
    reviewer = run.reviewer
    decided = (reviewer.name, reviewer.model, reviewer.basis, reviewer.prompt, reviewer.omitted_parameters)
    wanted = (source.reviewer, source.model, source.basis, source.prompt, source.omitted_parameters)
    # Only a sequential decision draws other records for another `judge`.
    drawn_alike = run.decision != SEQUENTIAL or run.judge == source.judge
    judged = run.verdict != Verdict.INCONCLUSIVE and run.agreement.reviewed > 0
    return (
        decided == wanted
        and (run.decision, run.sample.method) == (source.decision, source.method)
        and _met(run, source.where)
        and drawn_alike
        and judged
        and draw_of(run) != source.draw
    )


def _met(run: RecordedRun, where: str | None) -> bool:
    """Whether the run read the records that meet this condition, None for all."""
    recorded = run.settings.get("where")
    return where == (None if recorded is None else setting_value(recorded))


def draw_of(run: RecordedRun) -> Draw:
    """Return what a run drew its records by: runs with the same draw the same records."""
    return run.sample.seed, run.sample.as_of[:10]
