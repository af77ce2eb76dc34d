"""The runs whose folders are kept, whole reviews and others."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from drift_checks.reporting.history.recorded import RecordedRun, recorded_run

DOCUMENT = "report.json"
# Of the runs that the history does not have: each is a file to be read.
_MOST_READ = 50


@dataclass(frozen=True)
class KeptRun:
    """A run whose folder is there; `whole` is one of the whole review, which the history has."""

    run: RecordedRun
    whole: bool


def kept_runs(reports: Path, recorded: Iterable[RecordedRun]) -> list[KeptRun]:
    """Return the runs kept in the folder, newest first; a folder that cannot be read is passed over.

    Of parts of a review, only the newest are among them.

    Args:
        reports: The folder of reports.
        recorded: The runs that the history has.
    """
    known = {run.run_id: run for run in recorded}
    documents = sorted(reports.glob(f"[0-9]*/{DOCUMENT}"), reverse=True)
    others = [document for document in documents if document.parent.name not in known][:_MOST_READ]
    read = {document.parent.name: run for document in others if (run := _read(document)) is not None}
    runs = {**read, **known}
    names = [document.parent.name for document in documents]
    return [KeptRun(runs[name], whole=name in known) for name in names if name in runs]


def _read(document: Path) -> RecordedRun | None:
    try:
        return recorded_run(json.loads(document.read_text(encoding="utf-8"))["drift"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
