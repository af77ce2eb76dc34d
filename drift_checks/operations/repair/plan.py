"""A plan of repair: what is to be changed, and the files that do it and undo it. Making one changes nothing."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import StringIO
from pathlib import Path

import sqlalchemy as sa

from drift_checks.core.errors import ReportsError
from drift_checks.core.files import make_folder, read_text, replace_file
from drift_checks.core.plain import from_plain, read_json, to_json, to_plain
from drift_checks.core.records import RecordId, forms_of
from drift_checks.core.text import quoted
from drift_checks.operations.repair.cautions import cautions
from drift_checks.operations.repair.choosing import Change, Reason, choose
from drift_checks.operations.repair.chroma import SCRIPT, ChromaChanges, chroma_changes, script
from drift_checks.operations.repair.sql import can_script, read_rows, scripts
from drift_checks.reviews.judgements.judgement import Judged
from drift_checks.reviews.preparation import Preparation
from drift_checks.stores.identity import StoreIdentity

PLAN, APPLY, UNDO, TABLE = "plan.json", "apply.sql", "undo.sql", "changes.csv"
SCHEMA = 1
_MODE = 0o640


@dataclass(frozen=True)
class Plan:
    """What is to be changed in a store.

    Attributes:
        columns: The names of the columns `id` and `category` in the table.
        left_out: The judged records that are not changed, by the reason.
        cautions: What the user should know before applying it.
        chroma: The changes of metadata; None if there are none.
    """

    created: datetime
    store: StoreIdentity
    columns: Mapping[str, str]
    changes: Sequence[Change]
    left_out: Mapping[Reason, Sequence[RecordId]] = field(default_factory=dict)
    cautions: Sequence[str] = ()
    chroma: ChromaChanges | None = None


def make_plan(preparation: Preparation, judged: Judged, least: int, now: datetime) -> tuple[Plan, Mapping[str, str]]:
    """Return the plan, and its files by their names; nothing is written.

    Args:
        preparation: Opens the store.
        judged: The judgements of this store.
        least: How many judges must have decided about a record.
        now: When the plan is made, with a zone.
    """
    store, known = preparation.store, preparation.taxonomy
    ids = list(dict.fromkeys(form for item in judged.all for form in forms_of(item.record_id)))

    def read(connection: sa.Connection) -> tuple[Plan, dict[str, str]]:
        rows = read_rows(connection, store, ids)
        only = known if preparation.settings.redact else None
        changes, left_out = choose(judged, rows, least, only)
        plan = Plan(
            created=now,
            store=identity_of(preparation),
            columns={ours: store.columns[ours] for ours in ("id", "category")},
            changes=changes,
            left_out=left_out,
            cautions=(*cautions(connection, store), *_outside(changes, known)) if changes else (),
        )
        if not changes:
            return plan, {}
        if store.file.only_table is None and can_script(connection):
            return plan, dict(zip((APPLY, UNDO), scripts(connection, store, changes, rows), strict=True))
        return plan, {TABLE: _table(changes)}

    plan, files = store.read(read)
    if plan.changes and (chroma := chroma_changes(preparation, plan.changes)) is not None:
        plan = replace(plan, chroma=chroma)
        files[SCRIPT] = script()
    return plan, {PLAN: to_json(_plain(plan), indent=1) + "\n", **files}


def identity_of(preparation: Preparation) -> StoreIdentity:
    """Return what the history knows the store by."""
    # The store may complete the settings.
    _, settings = preparation.store, preparation.settings
    return StoreIdentity(str(settings.db), settings.table, settings.collection)


def write_plan(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files of a plan, `plan.json` last; raise ReportsError if they cannot be written or one is there."""
    if (folder / PLAN).exists():
        raise ReportsError(folder, "already holds a plan", "name another folder with --output=FOLDER")
    try:
        make_folder(folder)
        for name in sorted(files, key=lambda name: name == PLAN):
            replace_file(folder / name, files[name].encode("utf-8", "backslashreplace"), _MODE)
    except OSError as error:
        remedy = "make room, or check its owner and mode"
        raise ReportsError(folder, f"cannot be written to ({error.strerror})", remedy) from None


def read_plan(folder: Path) -> Plan | None:
    """Return the plan in a folder; None without one that this version can read."""
    try:
        plain = read_json(read_text(folder / PLAN))
        plan = from_plain(Plan, plain | {"store": StoreIdentity(**plain["store"])})
        return None if plan.created.tzinfo is None else plan
    except (OSError, ValueError, LookupError, TypeError):
        return None


def plans_in(folders: Iterable[Path], store: StoreIdentity) -> list[tuple[Path, Plan]]:
    """Return the plans of a store in these folders, the oldest first."""
    found = [(folder, read_plan(folder)) for folder in folders]
    own = [(folder, plan) for folder, plan in found if plan is not None and plan.store == store]
    return sorted(own, key=lambda item: item[1].created)


def _plain(plan: Plan) -> dict[str, object]:
    plain: dict[str, object] = to_plain(plan)
    return {"schema": SCHEMA} | plain | {"store": plan.store._asdict()}


def _outside(changes: Sequence[Change], known: Mapping[str, str]) -> list[str]:
    names = sorted({item.new for item in changes} - set(known))
    return [f"neither the store nor the taxonomy has the category {quoted(name)}: check its spelling" for name in names]


def _table(changes: Sequence[Change]) -> str:
    written = StringIO()
    writer = csv.writer(written)
    writer.writerow(("record_id", "old", "new", "text_hash"))
    writer.writerows((item.record_id, item.old, item.new, item.text_hash) for item in changes)
    return written.getvalue()
