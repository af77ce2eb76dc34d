"""The runs whose folders are kept, whole reviews and others."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from drift_checks.reporting.history.recorded import RecordedRun, recorded_run

DOCUMENT = "report.json"


@dataclass(frozen=True)
class KeptRun:
    """A run whose folder is there; `whole` is one of the whole review, which the history has."""

    run: RecordedRun
    whole: bool


def kept_runs(reports: Path, recorded: Iterable[RecordedRun]) -> list[KeptRun]:
    """Return the runs kept in the folder, newest first; a folder that cannot be read is passed over.

    Args:
        reports: The folder of reports.
        recorded: The runs that the history has.
    """
    known = {run.run_id: run for run in recorded}
    found = []
    for document in sorted(reports.glob(f"[0-9]*/{DOCUMENT}"), reverse=True):
        name = document.parent.name
        run = known.get(name) or _read(document)
        if run is not None:
            found.append(KeptRun(run, whole=name in known))
    return found


def _read(document: Path) -> RecordedRun | None:
    try:
        return recorded_run(json.loads(document.read_text(encoding="utf-8"))["drift"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
