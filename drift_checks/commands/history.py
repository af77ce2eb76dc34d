"""The last runs, as a table, JSON or CSV."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from drift_checks.commands.arguments import from_one
from drift_checks.commands.stores import (
    drawn_lines,
    existing_history,
    named_store,
    no_runs,
    reports_folder,
    store_names,
)
from drift_checks.core.instants import format_instant
from drift_checks.core.plain import to_json, to_plain
from drift_checks.core.text import percent, percent_range, printable, spelled_out
from drift_checks.report.change_points import change_in_words
from drift_checks.report.history.reading import HistoryView
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity

if TYPE_CHECKING:
    from rich.table import Table


_COLOURS = {"OK": "green", "WARNING": "yellow", "CRITICAL": "red", "INCONCLUSIVE": "magenta"}
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_LINE_END = "\r\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--last", metavar="N", type=from_one, default=20, help="at most N runs, the newest (default 20)"
    )
    parser.add_argument(
        "--reports",
        "--drift-reports",
        metavar="DIR",
        help="the folder of reports (default: DRIFT_REPORTS, else reports)",
    )
    parser.add_argument("--store", "--drift-db", metavar="DB", help="only runs of this store, as in --drift-db")
    parser.add_argument("--format", choices=list(_FORMATS), default="table", help="the output format")


def run(arguments: argparse.Namespace) -> int:
    """Print the runs, oldest first."""
    with existing_history(reports_folder(arguments.reports)) as history:
        found = _found(history, arguments.store, arguments.last)
    sys.stdout.writelines(f"{line}\n" for line in _FORMATS[arguments.format](found))
    return 0


def _found(history: HistoryView, db: str | None, last: int) -> list[RecordedRun]:
    stores: Sequence[StoreIdentity | None] = (None,)
    if db is not None:
        path = named_store(db)
        stores = [store for store in history.stores() if store.db == path]
    found = [item for store in stores for item in history.runs(store, last)]
    if not found:
        raise no_runs(history, db)
    return sorted(found, key=lambda item: item.run_id)[-last:]


def _table(runs: Sequence[RecordedRun]) -> Iterable[str]:
    shared, columns = _shared(runs)
    return [*drawn_lines(shared, _columns(runs, columns)), *_last_changes(runs)]


def _last_changes(runs: Sequence[RecordedRun]) -> Iterable[str]:
    """Yield when the agreement of each store changed last, as its newest run found it."""
    names = store_names(item.store.identity for item in runs)
    newest = {item.store.identity: item for item in runs}
    for store, item in newest.items():
        if item.agreement_changes:
            yield f"{f'{names[store]}: ' if len(names) > 1 else ''}{change_in_words(item.agreement_changes[-1])}"


def _shared(runs: Sequence[RecordedRun]) -> tuple[str, dict[str, list[str]]]:
    """Return what all runs have in common, in words, and the columns for the rest."""
    names = store_names(item.store.identity for item in runs)
    each = {
        "reviewer": [_words(item.reviewer.name, item.reviewer.model) for item in runs],
        "store": [names[item.store.identity] for item in runs],
    }
    shared = [f"{name} {values[0]}" for name, values in each.items() if len(set(values)) == 1]
    return " · ".join(shared), {name: values for name, values in each.items() if len(set(values)) > 1}


def _columns(runs: Sequence[RecordedRun], more: dict[str, list[str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for name in ("when (UTC)", "verdict", "agreement"):
        table.add_column(name, no_wrap=True)
    table.add_column("reviewed", justify="right", no_wrap=True)
    for name in ("failed", *more):
        table.add_column(name, overflow="fold")
    for place, item in enumerate(runs):
        table.add_row(
            f"{item.started.astimezone(UTC):%Y-%m-%d %H:%M}",
            Text(item.verdict, style=_COLOURS[item.verdict]),
            _agreement(item),
            f"{item.agreement.reviewed:,}",
            *(Text(text) for text in (", ".join(_failed(item)) or "–", *(values[place] for values in more.values()))),
        )
    return table


def _agreement(item: RecordedRun) -> str:
    """Return the rate that was compared with the thresholds, with its interval."""
    measured = item.agreement.judged(item.judge)
    if measured is None:
        return "–"
    return f"{percent(measured.rate)} ({percent_range(*measured.interval)})"


def _failed(item: RecordedRun) -> list[str]:
    worse = (criterion for criterion in item.criteria if criterion.verdict not in (None, Verdict.OK))
    return [printable(criterion.name) for criterion in worse]


def _words(*parts: str | None) -> str:
    return " ".join(printable(part) for part in parts if part)


def _json(runs: Sequence[RecordedRun]) -> Iterable[str]:
    return [to_json(to_plain(list(runs)), indent=1)]


def _csv(runs: Sequence[RecordedRun]) -> Iterable[str]:
    rows = [_row(item) for item in runs]
    lines: list[str] = []
    # The writer quotes cells that contain any character of its line terminator.
    writer = csv.DictWriter(_Lines(lines), fieldnames=list(rows[0]), lineterminator=_LINE_END)
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return lines


class _Lines:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, text: str) -> None:
        self._lines.append(text.removesuffix(_LINE_END))


def _row(item: RecordedRun) -> dict[str, Any]:
    agreement, population, reviewer = item.agreement, item.agreement.population, item.reviewer
    lower, upper = agreement.interval or (None, None)
    population_lower, population_upper = population.interval if population else (None, None)
    store = item.accuracy.store if item.accuracy else None
    return {
        "run_id": item.run_id,
        "started": format_instant(item.started),
        "duration_seconds": item.duration_seconds,
        "verdict": item.verdict,
        "exit_code": item.exit_code,
        "agreed": agreement.agreed,
        "reviewed": agreement.reviewed,
        "rate": agreement.rate,
        "interval_lower": lower,
        "interval_upper": upper,
        "population_rate": population.rate if population else None,
        "population_lower": population_lower,
        "population_upper": population_upper,
        "accuracy": store.rate if store else None,
        "accuracy_lower": store.interval[0] if store else None,
        "accuracy_upper": store.interval[1] if store else None,
        "judged": item.accuracy.judged if item.accuracy else None,
        "confidence_change": agreement.confidence_change,
        "failed": " ".join(_failed(item)),
        "reviewer": reviewer.name,
        "model": reviewer.model,
        "prompt": reviewer.prompt,
        "decision": item.decision,
        "judge": item.judge,
        **item.store.identity._asdict(),
        "records": item.store.records,
        "vectors": item.store.vectors,
        "sample_size": item.sample.size,
        "seed": item.sample.seed,
        "as_of": item.sample.as_of,
        "calls": reviewer.calls,
        "input_tokens": reviewer.input_tokens,
        "output_tokens": reviewer.output_tokens,
        "cost": reviewer.cost,
    }


def _cell(value: object) -> object:
    """Return the value without control characters, and escaped if a spreadsheet would take it for a formula."""
    if not isinstance(value, str):
        return value
    # A carriage return stays as well: in quotes, it is part of the cell.
    text = "\r".join(map(spelled_out, value.split("\r")))
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


_FORMATS: dict[str, Callable[[Sequence[RecordedRun]], Iterable[str]]] = {"table": _table, "json": _json, "csv": _csv}
