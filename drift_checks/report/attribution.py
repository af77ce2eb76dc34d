"""Who moved, as a run's page, its summary and attribution.csv show it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from drift_checks.core.records import RecordId, as_text
from drift_checks.core.text import spreadsheet_cell
from drift_checks.report.run import RunReport
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.witnesses import Witnesses
from drift_checks.statistics.attribution import Moved
from drift_checks.statistics.intervals import Interval

CRITERION = "attribution"
ATTRIBUTION_FILE = "attribution.csv"
_COLUMNS = ("model_version", "prompt_version", "embedding_model", "source", "timestamp")


@dataclass(frozen=True)
class Pattern:
    """In how many records the witnesses stand to each other in one way; `before` is the share on earlier nights."""

    name: str
    number: int
    interval: Interval
    before: float | None = None


@dataclass(frozen=True)
class Row:
    """A record on which not all witnesses agree; `alone` names the one that contradicts all others."""

    record_id: RecordId
    labels: tuple[str, ...]
    alone: str
    place: int | None
    version: str
    date: str


@dataclass(frozen=True)
class Findings:
    """Who moved, and the records that show it: the first of `differing`.

    `is_certain` is whether it holds given all tests of the run; `without_neighbours` whether these are only shown.
    """

    sentence: str
    is_certain: bool
    witnesses: tuple[str, ...]
    records: int
    patterns: tuple[Pattern, ...]
    rows: tuple[Row, ...]
    differing: int
    without_neighbours: bool


def attribution_findings(report: RunReport) -> Findings | None:
    """Return what the criterion found; None if it was not measured."""
    result = next((item for item in report.criteria if item.criterion.name == CRITERION), None)
    all_details = [] if result is None else [item.statistic.details for item in result.statistics]
    details = next((found for found in all_details if "moved" in found), None)
    if result is None or details is None:
        return None
    # All tests of the run together may find less than this criterion does by itself.
    is_certain = result.verdict is Verdict.WARNING or details["moved"] in (Moved.NOBODY, Moved.UNKNOWN)
    sentence = details["sentence"] if is_certain else f"perhaps {details['sentence']}"
    names = tuple(details["witnesses"])
    rows = tuple(_row(found, names) for found in details["rows"])
    return Findings(
        sentence,
        is_certain,
        names,
        details["records"],
        tuple(_patterns(details, names)),
        rows,
        details["differing"],
        without_neighbours=len(details["counting"]) < len(names),
    )


def statements_csv(found: Witnesses) -> str:
    """Return a line for each record on which not all witnesses agree, in the order of the sample."""
    written = StringIO()
    writer = csv.writer(written)
    writer.writerow(
        ["record_id", "stored", *(spreadsheet_cell(item.name) for item in found.witnesses[1:]), "alone", *_COLUMNS]
    )
    for item in found.statements:
        if item.differs:
            lone = "" if item.lone is None else found.witnesses[item.lone].name
            values = [as_text(item.record.values.get(column)) for column in _COLUMNS]
            writer.writerow([spreadsheet_cell(value) for value in (item.record.id, *item.labels, lone, *values)])
    return written.getvalue()


def _patterns(details: Mapping[str, Any], names: Sequence[str]) -> list[Pattern]:
    all_agree, *lone = details["intervals"]
    found = [Pattern("all agree", details["agreeing"], tuple(all_agree))]
    for place, number, before, interval in zip(
        details["counting"], details["alone"], details["before"], lone, strict=True
    ):
        found.append(Pattern(f"{names[place]} alone", number, tuple(interval), before))
    return [*found, Pattern("they differ otherwise", details["otherwise"], tuple(details["otherwise_interval"]))]


def _row(found: Mapping[str, Any], names: Sequence[str]) -> Row:
    place = found["alone"]
    lone = "" if place is None else names[place]
    return Row(found["id"], tuple(found["labels"]), lone, place, found["version"], found["date"])
