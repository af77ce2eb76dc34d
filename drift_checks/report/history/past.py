"""Past runs of a store that can be compared with this one, as the history tells them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drift_checks.core.errors import ReportsError
from drift_checks.core.outcomes import PastRun
from drift_checks.report.history.reading import open_for_reading
from drift_checks.report.history.recorded import RecordedRun, StoreIdentity
from drift_checks.report.verdict import Verdict

# More of them say little of now.
_MOST_RUNS = 120


# The seed, and the day of the reference time.
Draw = tuple[int, str]


@dataclass(frozen=True)
class Source:
    """What runs must have in common to be comparable: the store, and who decided how; but for their own draw."""

    db: str
    table: str
    collection: str
    reviewer: str
    model: str | None
    prompt: str | None
    decision: str
    judge: str
    draw: Draw


def past_runs(reports: Path, source: Source) -> list[PastRun]:
    """Return the comparable runs, oldest first, of those with one seed and reference time by the day the newest.

    A second run of the same day draws the same records, and is no further evidence. Without a history that can be read
    there are none.

    Args:
        reports: The folder that runs write to.
        source: What they must have in common.
    """
    history = open_for_reading(reports)
    if history is None:
        return []
    try:
        with history:
            store = StoreIdentity(source.db, source.table, source.collection)
            found = history.runs(store, _MOST_RUNS, criteria=False)
    except ReportsError:
        return []
    newest = {_draw(run): run for run in found if _comparable(run, source)}
    runs = sorted(newest.values(), key=lambda run: run.run_id)
    return [PastRun(run.run_id, run.agreed, run.reviewed) for run in runs]


def _comparable(run: RecordedRun, source: Source) -> bool:
    decided = (run.reviewer, run.model, run.prompt, run.decision, run.judge)
    same = decided == (source.reviewer, source.model, source.prompt, source.decision, source.judge)
    return same and run.verdict != Verdict.INCONCLUSIVE and run.reviewed > 0 and _draw(run) != source.draw


def _draw(run: RecordedRun) -> Draw:
    return run.seed, run.as_of[:10]
