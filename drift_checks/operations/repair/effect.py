"""What became of plans: which of their records have the judged category now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from drift_checks.core.errors import StoreError
from drift_checks.core.records import as_text
from drift_checks.core.text import count
from drift_checks.operations.repair import FOLDER
from drift_checks.operations.repair.plan import Plan, identity_of, plans_in
from drift_checks.reviews.preparation import Preparation
from drift_checks.stores.records import RecordStore

_MENTIONED = timedelta(days=30)


@dataclass(frozen=True)
class Effect:
    """How many records of a plan have the judged category now, or still the old one; the others have neither."""

    plan: Plan
    repaired: int
    unchanged: int

    @property
    def sentence(self) -> str:
        """What became of the plan."""
        whole = len(self.plan.changes)
        others = whole - self.repaired - self.unchanged
        of_plan = f"{self.repaired:,} of {count(whole, 'record')} of the repair plan of {self.plan.created:%Y-%m-%d}"
        have = "has" if whole == 1 else "have"
        rest = [f"{self.unchanged:,} still the old one"] * (0 < self.unchanged < whole)
        rest += [f"{others:,} another one or none"] * bool(others)
        return ", ".join([f"{of_plan} now {have} the judged category", *rest])


def effect_of(plan: Plan, store: RecordStore) -> Effect:
    """Compare a plan with the store as it is now."""
    ids = [item.record_id for item in plan.changes]
    rows = store.read(partial(store.rows, ids=ids, only=("id", "category")))
    now = {key: as_text(row["category"]) for key, row in rows.items()}
    repaired = sum(now.get(item.record_id) == item.new for item in plan.changes)
    return Effect(plan, repaired, sum(now.get(item.record_id) == item.old for item in plan.changes))


def notes_on_repair(preparation: Preparation, now: datetime) -> Iterator[str]:
    """Yield what became of the store's newest plan, if it is of the last month, for a run's report."""
    folders = (preparation.settings.reports / FOLDER).glob("*/")
    for _, plan in plans_in(folders, identity_of(preparation))[-1:]:
        if now - plan.created < _MENTIONED:
            try:
                yield effect_of(plan, preparation.store).sentence
            except StoreError as error:
                yield f"what became of the repair plan is unknown: {error}"
