"""The sample of a run, drawn from its store according to the settings."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from drift_checks.core.errors import NothingToReview, SettingError
from drift_checks.core.instants import format_instant
from drift_checks.core.records import (
    STORE_STRATA,
    Damaged,
    Record,
    RecordId,
    Sample,
    Stratum,
    as_text,
    is_large,
    item_name,
    record_id,
    stored_ids,
)
from drift_checks.core.text import count, quoted
from drift_checks.reviews import sampling
from drift_checks.reviews.spool import Spool
from drift_checks.settings.declarations import POPULATION, SEQUENTIAL, SEQUENTIAL_CALLS, Settings
from drift_checks.settings.kinds import ALL
from drift_checks.stores.engines.snapshot import default_folder
from drift_checks.stores.records import RecordStore
from drift_checks.stores.strata import Bounds, StrataQueries

_READ_AT_ONCE = 1000


class Sampler:
    """Draws a sample from a store."""

    def __init__(self, settings: Settings, store: RecordStore) -> None:
        self.settings = settings
        self.store = store
        self._bounds = strata_bounds(settings, store)

    def draw(self) -> Sample:
        """Return the records that the setting `records` names, else those that the seed draws.

        Raises:
            NothingToReview: The store or the sample is empty.
            SettingError: A named record is not in the store.
        """
        return self.store.file.read(self._draw, self._bounds.functions)

    def read(self, strata: Sequence[tuple[RecordId, Stratum]]) -> list[Record]:
        """Return the records with these ids and strata, without those that are no longer in the store."""
        return self.store.file.read(lambda connection: self._records(connection, strata))

    def draw_again(self, drawn: Mapping[str, Any]) -> Sample:
        """Return the sample of an interrupted run, with the records as they are now."""
        strata = [(key, Stratum(stratum)) for key, stratum in drawn["records"]]
        records = self.read(strata)
        gone = len(strata) - len(records)
        verb = "is" if gone == 1 else "are"
        notes = [f"{count(gone, 'record')} of the interrupted run {verb} no longer in the store"] if gone else []
        return Sample(
            records=tuple(records),
            sizes={Stratum(stratum): number for stratum, number in drawn["sizes"].items()},
            judged=tuple(map(Stratum, drawn["judged"])),
            seed=drawn["seed"],
            as_of=datetime.fromisoformat(drawn["as_of"]),
            naive_timezone=drawn["naive_timezone"],
            chosen=drawn["chosen"],
            unreadable=drawn["unreadable"],
            notes=(*drawn["notes"], *notes),
        )

    def _draw(self, connection: Connection) -> Sample:
        store, settings = self.store, self.settings
        strata = StrataQueries(connection, store, self._bounds)
        sizes, without_id = strata.sizes(), store.count_without_id(connection)
        if not sum(sizes.values()):
            raise NothingToReview(store.file.path, f"{_emptiness(store, without_id)}, so there is nothing to review")
        plan = self._plan(sizes)
        if settings.records:
            records = self._chosen(connection, strata)
            notes: tuple[str, ...] = ("exactly these records were requested",)
        else:
            if not sum(plan.wanted[stratum] for stratum in plan.judged):
                raise _no_candidates(settings, store)
            drawn = sampling.draw(strata, plan.wanted, sizes, settings.seed)
            found = self._records(connection, [(key, stratum) for stratum, ids in drawn.items() for key in ids])
            self._refuse_repeated_ids(found)
            records = self._in_order(found, plan.judged)
            notes = plan.notes
        unreadable = strata.unreadable()
        return Sample(
            records=records,
            sizes=sizes,
            judged=STORE_STRATA if settings.records else plan.judged,
            seed=settings.seed,
            as_of=settings.as_of,
            naive_timezone=settings.naive_timezone.key,
            chosen=bool(settings.records),
            unreadable={column: number for column, (number, _) in unreadable.items()},
            notes=(
                *_pending(store.pending),
                *notes,
                *store.forms.notes,
                *_unreadable_notes(unreadable, store),
                *_without_id(without_id),
            ),
        )

    def _records(self, connection: Connection, strata: Sequence[tuple[RecordId, Stratum]]) -> list[Record]:
        """Return the records with these ids and strata, without those that have no row, such as ids not in UTF-8."""
        spool = Spool(self.settings.snapshot_dir or default_folder()) if is_large(len(strata)) else None
        found: list[Record] = []
        for start in range(0, len(strata), _READ_AT_ONCE):
            part = strata[start : start + _READ_AT_ONCE]
            rows = self.store.rows(connection, [key for key, _ in part])
            there = [(key, stratum) for key, stratum in part if key in rows]
            values: Sequence[Mapping[str, object]] = [rows[key] for key, _ in there]
            values = values if spool is None else spool.add(values)
            found += [Record(key, stratum, row) for (key, stratum), row in zip(there, values, strict=True)]
        return found

    def _refuse_repeated_ids(self, records: Sequence[Record]) -> None:
        repeated = [record.id for record in records if isinstance(record.values["id"], Damaged)]
        if 2 * len(repeated) > len(records):
            raise self.store.not_unique(repeated[0])

    def _plan(self, sizes: Mapping[Stratum, int]) -> sampling.Plan:
        settings = self.settings
        total = sum(sizes.values())
        size = total if settings.sample_size == ALL else settings.sample_size or sampling.recommended_size(total)
        if settings.decision == SEQUENTIAL:
            size = settings.max_calls or SEQUENTIAL_CALLS
            if settings.judge == POPULATION:
                return sampling.plan_alike(sizes, size)
        divided = self.store.has("confidence") or self.store.has("timestamp")
        plan = sampling.plan(sizes, size, settings.low_confidence_share, settings.baseline, divided=divided)
        if settings.sample_size == ALL and settings.decision != SEQUENTIAL:
            plan = replace(plan, notes=(*plan.notes[:-1], f"the whole store is reviewed, {count(total, 'record')}"))
        if settings.decision == SEQUENTIAL and Stratum.BASELINE not in plan.judged:
            # Even of a small store, a few records may decide.
            baseline = min(settings.baseline, plan.wanted[Stratum.BASELINE])
            plan = replace(plan, wanted={**plan.wanted, Stratum.BASELINE: baseline})
        return plan

    def _in_order(self, records: list[Record], judged: tuple[Stratum, ...]) -> tuple[Record, ...]:
        """Return the records in the order of their review: judged strata first; for a sequential decision, shuffled."""
        if self.settings.decision == SEQUENTIAL:
            random.Random(f"order:{self.settings.seed}").shuffle(records)  # noqa: S311 - a sample, not a secret
        return (
            *(record for record in records if record.stratum in judged),
            *(record for record in records if record.stratum not in judged),
        )

    def _chosen(self, connection: Connection, strata: StrataQueries) -> tuple[Record, ...]:
        rows = self._rows(connection, self.settings.records)
        there = {str(key) for key in rows}
        missing = [
            named
            for named in self.settings.records
            if there.isdisjoint(str(record_id(stored)) for stored in stored_ids([named]))
        ]
        for named in list(missing):
            if row := self._row_of_item(connection, named):
                rows |= row
                missing.remove(named)
        if missing:
            raise SettingError(
                "records",
                f"{', '.join(sorted(missing))} not found in {self.store.file.path}",
                f"name ids from the column {self.store.columns['id']} of table {self.store.name}",
                "records without a category are left out" if self.store.pending else "",
            )
        found = strata.parts_of(list(rows))
        return tuple(Record(key, found[key], row) for key, row in rows.items())

    def _rows(self, connection: Connection, ids: Sequence[str]) -> dict[RecordId, dict[str, object]]:
        # In a column without a declared type, the text '12' does not equal the number 12.
        numbers = [int(key) for key in ids if key.lstrip("-").isdecimal() and key.isascii()]
        return self.store.rows(connection, [*ids, *numbers])

    def _row_of_item(self, connection: Connection, name: str) -> dict[RecordId, dict[str, object]]:
        """Return the row of the record whose checks have this name, by its id; empty if there is none.

        Raises:
            SettingError: Several records have it.
        """
        rows = self._rows(connection, [name[:at] for at, letter in enumerate(name) if letter == "-" and at])
        found = {key: row for key, row in rows.items() if item_name(key, as_text(row["category"])) == name}
        if len(found) > 1:
            names = ", ".join(map(str, found))
            raise SettingError("records", f"{name} may be any of the records {names}", "name the id alone")
        return found


def strata_bounds(settings: Settings, store: RecordStore) -> Bounds:
    """Return what separates the strata of this store."""
    old_before = settings.as_of - timedelta(days=settings.old_days)
    forms = store.forms
    return Bounds(
        settings.low_confidence_below, old_before, settings.naive_timezone, forms.confidences, forms.timestamps
    )


def _unreadable_notes(unreadable: Mapping[str, tuple[int, object]], store: RecordStore) -> Iterator[str]:
    for column, (number, example) in unreadable.items():
        has, count_as = ("has", "counts") if number == 1 else ("have", "count")
        what = f"no {column}" if example is None else f"an unreadable {column}, such as {quoted(example)}"
        other = "timestamp" if column == "confidence" else "confidence"
        effect = f"the {other} alone decides the stratum" if store.has(other) else f"{count_as} as baseline"
        yield f"{count(number, 'record')} {has} {what}: {effect}"


def _emptiness(store: RecordStore, without_id: int) -> str:
    if without_id:
        return f"no record in table {store.name!r} has an id"
    if store.pending:
        return f"no record in table {store.name!r} has a category"
    if store.where is not None:
        return f"no row of table {store.name!r} meets the condition {store.where!r} of drift-where"
    return f"table {store.name!r} is empty"


def _pending(number: int) -> tuple[str, ...]:
    have, are = ("has", "is") if number == 1 else ("have", "are")
    return (f"{count(number, 'record')} {have} no category yet and {are} left out",) if number else ()


def _without_id(number: int) -> tuple[str, ...]:
    have, are = ("has", "is") if number == 1 else ("have", "are")
    return (f"{count(number, 'record')} {have} no id and {are} left out",) if number else ()


def _no_candidates(settings: Settings, store: RecordStore) -> NothingToReview:
    before = format_instant(settings.as_of - timedelta(days=settings.old_days))[:10]
    return NothingToReview(
        settings.db,
        f"there is nothing to review: no record has a confidence at or below {settings.low_confidence_below} or is"
        f" older than {settings.old_days} days (before {before})",
        *store.forms.notes,
        "change --drift-low-confidence-below or --drift-old-days, or set --drift-sample-size to the size of the store",
    )
