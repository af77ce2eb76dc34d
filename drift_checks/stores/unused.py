"""Why a column of the store is not used."""

from __future__ import annotations

from drift_checks.stores.records import RecordStore


def why_unused(store: RecordStore, *columns: str) -> str:
    """Return why the first of these columns that is not used is not, and what to do; empty if all are used."""
    for ours in columns:
        if ours in store.forms.unusable:
            return store.forms.unusable[ours]
        if not store.has(ours):
            return f"the store has no column {ours} (for another name, --drift-columns={ours}=NAME)"
    return ""
