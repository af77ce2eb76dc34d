"""The runs whose folders are kept, whole reviews and others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from drift_checks.core.files import read_plain
from drift_checks.core.plain import read_json
from drift_checks.report.history.recorded import LARGEST_REPORT, RecordedRun, recorded_run

DOCUMENT = "report.json"
# The most reports to read of runs that the history lacks.
_MOST_READ = 50


@dataclass(frozen=True)
class KeptRun:
    """A run whose folder is kept; `whole` unless it is a part of a review."""

    run: RecordedRun
    whole: bool


def kept_runs(reports: Path, recorded: Iterable[RecordedRun]) -> list[KeptRun]:
    """Return the runs kept in the folder, newest first, without unreadable ones and all but the newest partial ones.

    Those recorded in the history are not read again.
    """
    known = {run.run_id: KeptRun(run, whole=True) for run in recorded}
    names = sorted((path.parent.name for path in reports.glob(f"[0-9]*/{DOCUMENT}")), reverse=True)
    others = [name for name in names if name not in known][:_MOST_READ]
    found = {name: run for name in others if (run := _read(reports / name)) is not None}
    kept = {**found, **known}
    return [kept[name] for name in names if name in kept]


def _read(folder: Path) -> KeptRun | None:
    try:
        run = recorded_run(read_json(read_plain(folder / DOCUMENT, LARGEST_REPORT))["drift"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    # The copy of a run's folder is not another run.
    return KeptRun(run, whole=not run.partial) if run.run_id == folder.name else None
