"""Past runs of a store, as their folders tell them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A year of nights would take long to read, and says little of now.
_MOST_RUNS = 120


# The seed, and the day of the reference time.
Draw = tuple[int, str]


@dataclass(frozen=True)
class PastRun:
    """What a finished run of the whole review found of agreement."""

    run_id: str
    agreed: int
    reviewed: int


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

    A second run of the same day draws the same records, and is no further evidence. What cannot be read is passed over.

    Args:
        reports: The folder that runs write to.
        source: What they must have in common.
    """
    documents = sorted(reports.glob("*/report.json"), key=lambda path: path.parent.name)
    found = (_read(path) for path in documents[-_MOST_RUNS:] if not path.parent.is_symlink())
    by_draw = {draw: run for drift in found if drift is not None for draw, run in _comparable(drift, source)}
    return list(by_draw.values())


def _comparable(drift: Mapping[str, Any], source: Source) -> Iterator[tuple[Draw, PastRun]]:
    try:
        store, agreement = drift["store"], drift["agreement"]
        of = Source(
            store["db"],
            store["table"],
            store["collection"],
            drift["reviewer"]["name"],
            drift["reviewer"]["model"],
            drift["reviewer"]["prompt"],
            drift["decision"],
            drift["judge"],
            source.draw,
        )
        whole = not drift["partial"] and drift["verdict"] != "INCONCLUSIVE"
        if of == source and whole and agreement["reviewed"]:
            sample = drift["sample"]
            draw = int(sample["seed"]), str(sample["as_of"])[:10]
            if draw != source.draw:
                yield draw, PastRun(str(drift["run_id"]), int(agreement["agreed"]), int(agreement["reviewed"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        drift = json.loads(path.read_text(encoding="utf-8"))["drift"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return drift if isinstance(drift, dict) else None
