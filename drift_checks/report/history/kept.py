"""The runs whose folders are kept, whole reviews and others."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from drift_checks.report.history.recorded import RecordedRun, recorded_run

DOCUMENT = "report.json"
# Of the runs that the history does not have: each is a file to be read.
_MOST_READ = 50


@dataclass(frozen=True)
class KeptRun:
    """A run whose folder is there; `whole` is one of the whole review."""

    run: RecordedRun
    whole: bool


def kept_runs(reports: Path, recorded: Iterable[RecordedRun]) -> list[KeptRun]:
    """Return the runs kept in the folder, newest first; a folder that cannot be read is passed over.

    Of parts of a review, only the newest are among them.

    Args:
        reports: The folder of reports.
        recorded: The runs that the history has.
    """
    known = {run.run_id: KeptRun(run, whole=True) for run in recorded}
    names = sorted((path.parent.name for path in reports.glob(f"[0-9]*/{DOCUMENT}")), reverse=True)
    others = [name for name in names if name not in known][:_MOST_READ]
    read = {name: run for name in others if (run := _read(reports / name)) is not None}
    kept = {**read, **known}
    return [kept[name] for name in names if name in kept]


def _read(folder: Path) -> KeptRun | None:
    try:
        drift = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))["drift"]
        run = recorded_run(drift)
        # A copy of a run's folder is no further run.
        return KeptRun(run, whole=drift["partial"] is False) if run.run_id == folder.name else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
