"""What the list of runs holds about each run, so that its script can compare any two of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from drift_checks.core.outcomes import VERSION_WORDS
from drift_checks.core.plain import to_json
from drift_checks.core.records import RecordId
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import shorten, spelled_out
from drift_checks.report.changes import versions_of
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.run_differences import Seen

# The bytes of the page that all runs may take; older runs are left out.
_MOST = 150_000
_LONGEST_LABEL = 80


def compared_runs(runs: Sequence[RecordedRun]) -> dict[str, Any] | None:
    """Return the newest of the runs, which are given newest first, as the script reads them; None if there is only one.

    A disagreement is its record's id and the places of the stored and the reviewed category in `labels`; one that does
    not count is the id and the place of the reason.
    """
    labels: dict[str, int] = {}
    stores: dict[str, int] = {}
    found: list[dict[str, Any]] = []
    size = 0
    for number, run in enumerate(runs):
        held = _run(run, labels)
        size += len(to_json(held))
        if size > _MOST:
            break
        store = run.store.identity
        held["store"] = stores.setdefault(_word(" ".join(store)), len(stores))
        held["has_previous"] = any(other.store.identity == store for other in runs[number + 1 :])
        found.append(held)
    return None if len(found) < 2 else {"runs": found, "labels": list(labels), "stores": list(stores)}


def _run(run: RecordedRun, labels: dict[str, int]) -> dict[str, Any]:
    seen = Seen.by(run)

    def place(label: str | None) -> int:
        return labels.setdefault(_word(label or ""), len(labels))

    missing = [] if seen.reviewed is None else [key for key in run.sample.record_ids if key not in seen.reviewed]
    return {
        "id": run.run_id,
        "when": f"{run.started:%Y-%m-%d %H:%M:%S}",
        "verdict": str(run.verdict),
        "drawn": _ids(run.sample.record_ids),
        "found": [[_id(key), place(item.stored), place(item.reviewed)] for key, item in seen.disagreements.items()],
        "known": [[_id(key), place(why)] for key, why in seen.known.items()],
        "missing": _ids(missing),
        "criteria": {item.name: str(item.verdict) for item in run.criteria if item.verdict is not None},
        "versions": {VERSION_WORDS[key]: _word(value) for key, value in versions_of(run).items()},
    }


def _ids(ids: Iterable[RecordId]) -> list[RecordId]:
    return [_id(key) for key in ids]


def _id(key: RecordId) -> RecordId:
    # Numbers that JavaScript would round are compared as texts.
    return key if isinstance(key, int) and abs(key) < 2**53 else _word(str(key))


def _word(text: str) -> str:
    return shorten(spelled_out(mask_secrets(text)), _LONGEST_LABEL)
