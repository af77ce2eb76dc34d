"""Acknowledges a disagreement or a criterion until a day, with a reason; lists and withdraws acknowledgements."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift_checks.commands.acknowledgeable import find_thing, read_until
from drift_checks.commands.stores import (
    UNBOUNDED,
    drawn_lines,
    existing_history,
    named_store,
    no_runs,
    reports_folder,
    store_names,
)
from drift_checks.core.errors import NothingToReview, SettingError
from drift_checks.core.instants import format_instant
from drift_checks.core.outcomes import VERSION_WORDS
from drift_checks.core.text import printable
from drift_checks.report.acknowledgements import Acknowledgement
from drift_checks.report.history.acknowledged import Acknowledgements, KeptAcknowledgement, kept_acknowledgements
from drift_checks.report.history.database import History
from drift_checks.report.history.reading import HistoryView
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Judgement, settling, standing
from drift_checks.stores.identity import StoreIdentity

if TYPE_CHECKING:
    from rich.table import Table


_LONGEST_REASON = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "what", metavar="RECORD_ID|CRITERION", nargs="?", help="the record that disagrees, or the criterion"
    )
    what.add_argument("--record", metavar="ID", help="a record, if a criterion has the same name")
    what.add_argument("--criterion", metavar="NAME", help="a criterion, if a record has the same name")
    what.add_argument("--list", action="store_true", help="print all acknowledgements, with their states")
    what.add_argument("--withdraw", metavar="NUMBER", help="withdraw the acknowledgement with this number")
    parser.add_argument("--until", metavar="DATE", help="the last day, in UTC, or an instant with a zone")
    parser.add_argument("--reason", metavar="TEXT", help="why it does not count")
    parser.add_argument(
        "--reports",
        "--drift-reports",
        metavar="DIR",
        help="the folder of reports (default: DRIFT_REPORTS, else reports)",
    )
    parser.add_argument("--store", "--drift-db", metavar="DB", help="only of this store, as in --drift-db")
    parser.add_argument("--table", "--drift-table", metavar="NAME", help="only of this table, if the file has several")
    parser.add_argument(
        "--collection", "--drift-collection", metavar="NAME", help="only of this collection, if the file has several"
    )
    parser.add_argument("--format", choices=list(_FORMATS), default="table", help="the output format of --list")


def run(arguments: argparse.Namespace) -> int:
    """Acknowledge, withdraw or list."""
    acknowledging = not (arguments.list or arguments.withdraw is not None)
    if not acknowledging and (arguments.until is not None or arguments.reason is not None):
        raise SettingError("--until, --reason", "they describe a new acknowledgement", "omit them with this option")
    now = datetime.now(UTC)
    reports = reports_folder(arguments.reports)
    # Opening it for writing would create a missing one.
    with existing_history(reports) as view:
        lines = _listed(view, reports, arguments, now) if arguments.list else None
    if lines is None:
        lines = (
            _acknowledged(reports, arguments, now) if acknowledging else _withdrawn(reports, arguments.withdraw, now)
        )
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _acknowledged(reports: Path, arguments: argparse.Namespace, now: datetime) -> Iterable[str]:
    until, reason = read_until(arguments.until, now), (arguments.reason or "").strip()
    if not reason:
        raise SettingError("--reason", "is missing or empty", "say why it does not count, as in --reason 'ticket 12'")
    with History(reports) as history:
        store = _store(history, arguments)
        thing = find_thing(history, store, arguments, now)
        item = thing.acknowledgement(store, until, reason, now)
        kept = Acknowledgements(history)
        before = {other.number: other for other in kept.of_store(store)}
        number, replaced = kept.add(item)
    lines = [
        f"{item.what()} is acknowledged until {_last_moment(item)}, as number {number}: {_shown(reason)}",
        f"store {_whole_name(store)}, as run {thing.run.run_id} found it; from the next run on it does not count",
    ]
    if replaced is not None:
        old = before.get(replaced)
        was = f", which was until {_last_moment(old)} ({_shown(old.reason)})" if old else ""
        lines.append(f"it replaces number {replaced}{was}")
    return [*lines, f"it ends earlier with {_reopening(item)}"]


def _reopening(item: Acknowledgement) -> str:
    first = "another pair of categories" if item.criterion is None else f"a verdict worse than {item.verdict}"
    deciding = [
        f"{VERSION_WORDS.get(key, key)} (now {printable(value)})"
        for key, value in sorted(item.versions.items(), key=lambda pair: pair[0] not in VERSION_WORDS)
    ]
    return f"{first}, or another {', '.join(deciding)}" if deciding else first


def _store(history: HistoryView, arguments: argparse.Namespace) -> StoreIdentity:
    known = history.stores()
    path = None if arguments.store is None else named_store(arguments.store)
    wanted = StoreIdentity(path or "", arguments.table or "", arguments.collection or "")
    found = [store for store in known if all(part in ("", own) for part, own in zip(wanted, store, strict=True))]
    if not found:
        raise no_runs(history, arguments.store)
    if len(found) > 1:
        names = "; ".join(_whole_name(store) for store in found)
        raise SettingError(
            history.path,
            "has runs of several stores",
            f"name one with --store, and with --table or --collection if that is not enough: {names}",
        )
    return found[0]


def _withdrawn(reports: Path, text: str, now: datetime) -> Iterable[str]:
    with History(reports) as history:
        kept = {item.acknowledgement.number: item for item in kept_acknowledgements(history)}
        item = kept.get(int(text)) if text.isdecimal() else None
        if item is None:
            there = ", ".join(map(str, kept)) or "none"
            raise NothingToReview(
                "--withdraw",
                f"there is no acknowledgement {printable(text)!r}",
                f"the numbers are: {there} (see --list)",
            )
        if item.ended is not None or item.withdrawn is not None:
            raise NothingToReview("--withdraw", f"number {text} is no longer in force: {_state(item, now)}")
        Acknowledgements(history).withdraw(item.acknowledgement.number, now)
    return [f"number {text} is withdrawn: {item.acknowledgement.what()} counts again from the next run on"]


def _listed(history: HistoryView, reports: Path, arguments: argparse.Namespace, now: datetime) -> Iterable[str]:
    found, judged = kept_acknowledgements(history), _settled(reports)
    if arguments.store is not None:
        path = named_store(arguments.store)
        found = [item for item in found if item.acknowledgement.store.db == path]
        judged = [item for item in judged if item.store.db == path]
    if not found and not judged:
        raise NothingToReview(
            history.path, f"there are no acknowledgements{(' of that store' if arguments.store else '')}"
        )
    return _FORMATS[arguments.format](found, judged, now)


def _settled(reports: Path) -> list[Judgement]:
    """Return for each disagreement in which people judged the store to be right the judgement that says so."""
    by_text: dict[tuple[object, ...], list[Judgement]] = {}
    for item in standing(JudgementFile(reports).read().judgements):
        if item.stored == item.reviewed:
            continue
        by_text.setdefault((item.store, str(item.record_id), item.text_hash, item.stored), []).append(item)
    return [newest for made in by_text.values() if (newest := settling(made, made[0].stored)) is not None]


def _table(found: Sequence[KeptAcknowledgement], judged: Sequence[Judgement], now: datetime) -> Iterable[str]:
    stores = [*(item.acknowledgement.store for item in found), *(item.store for item in judged)]
    names = store_names(stores)
    shared = f"store {next(iter(names.values()))}" if len(names) == 1 else ""
    return drawn_lines(shared, _columns(found, judged, names, now))


def _columns(
    found: Sequence[KeptAcknowledgement], judged: Sequence[Judgement], names: dict[StoreIdentity, str], now: datetime
) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    table.add_column("number", justify="right", no_wrap=True)
    for name in ("what", "until", "state", "reason", *(["store"] if len(names) > 1 else [])):
        table.add_column(name, overflow="fold")
    for kept in found:
        item = kept.acknowledgement
        store = [names[item.store]] if len(names) > 1 else []
        cells = (str(item.number), item.what(), _last_moment(item), _state(kept, now), _shown(item.reason), *store)
        table.add_row(*map(Text, cells))
    for judgement in judged:
        store = [names[judgement.store]] if len(names) > 1 else []
        pair = f"{printable(judgement.stored)} → {printable(judgement.reviewed)}"
        cells = (
            "",
            f"record {printable(str(judgement.record_id))} ({pair})",
            "its text changes",
            "judged",
            judgement.sentence(),
        )
        table.add_row(*map(Text, (*cells, *store)))
    return table


def _json(found: Sequence[KeptAcknowledgement], judged: Sequence[Judgement], now: datetime) -> Iterable[str]:
    documents = [*(_document(item, now) for item in found), *map(_judged_document, judged)]
    return [json.dumps(documents, indent=1)]


def _judged_document(item: Judgement) -> dict[str, Any]:
    return {
        **dict.fromkeys(("number", "criterion", "verdict", "until", "ended", "withdrawn")),
        "record_id": item.record_id,
        "stored": item.stored,
        "reviewed": item.reviewed,
        "reason": item.sentence(),
        "store": item.store._asdict(),
        "made": format_instant(item.made),
        "versions": dict(item.versions),
        "state": "judged",
    }


def _document(kept: KeptAcknowledgement, now: datetime) -> dict[str, Any]:
    item = kept.acknowledgement
    return {
        **item.as_plain(),
        "store": item.store._asdict(),
        "made": format_instant(item.made),
        "versions": dict(item.versions),
        "state": _state_word(kept, now),
        "ended": kept.ended,
        "withdrawn": None if kept.withdrawn is None else format_instant(kept.withdrawn),
    }


def _state_word(kept: KeptAcknowledgement, now: datetime) -> str:
    if kept.withdrawn is not None:
        return "withdrawn"
    return "ended" if kept.ended is not None or now >= kept.acknowledgement.until else "holds"


def _state(kept: KeptAcknowledgement, now: datetime) -> str:
    word = _state_word(kept, now)
    if kept.withdrawn is not None:
        return f"{word} {kept.withdrawn:%Y-%m-%d}"
    return f"{word}: {printable(kept.ended, UNBOUNDED)}" if kept.ended else word


def _last_moment(item: Acknowledgement) -> str:
    """Return the last day on which it holds, or the instant at which it ends if that is not the end of a day."""
    until = item.until.astimezone(UTC)
    whole_day = until == until.replace(hour=0, minute=0, second=0, microsecond=0)
    return item.until_day() if whole_day else format_instant(until)


def _shown(reason: str) -> str:
    return printable(reason, _LONGEST_REASON)


def _whole_name(store: StoreIdentity) -> str:
    table, collection = printable(store.table, UNBOUNDED), printable(store.collection, UNBOUNDED)
    return f"{printable(store.db, UNBOUNDED)} (table {table}, collection {collection})"


_FORMATS = {"table": _table, "json": _json}
