"""Short names of stores for the list of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from drift_checks.report.history.recorded import RecordedRun
from drift_checks.stores.identity import StoreIdentity


def store_names(runs: Iterable[RecordedRun]) -> dict[StoreIdentity, str]:
    """Return the end of each store's path that tells it from the others, with its table and collection if need be."""
    demos = {run.store.identity: run.demo for run in runs}
    paths = list(dict.fromkeys(store.db for store, demo in demos.items() if not demo))
    short = dict(zip(paths, _endings(paths), strict=True))
    names = {store: "demo" if demo else short[store.db] for store, demo in demos.items()}
    for part in ("table", "collection"):
        shared = Counter(names.values())
        names = {
            store: f"{name}, {part} {getattr(store, part)}" if shared[name] > 1 and not demos[store] else name
            for store, name in names.items()
        }
    return names


def _endings(paths: Sequence[str]) -> list[str]:
    """Return as many last parts of each path as tell it from the others, at least the file's name."""
    parts = [path.split("/") for path in paths]
    found = []
    for own in parts:
        number = 1
        while number < len(own) and sum(other[-number:] == own[-number:] for other in parts) > 1:
            number += 1
        found.append("/".join(own[-number:]))
    return found
