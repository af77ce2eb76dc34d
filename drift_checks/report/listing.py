"""The records that a report lists: those that disagree, failed a criterion or were not reviewed."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO

from drift_checks.core.outcomes import AGREEMENT, Decision, Outcome, Result
from drift_checks.core.records import RecordId
from drift_checks.core.text import printable, spreadsheet_cell

# The page shows no more records, so that a browser stays quick; the file lists all.
MOST_SHOWN = 1000
RECORDS_FILE = "records.csv"
_COLUMNS = (
    *("record_id", "stratum", "criterion", "result", "stored", "reviewed"),
    *("stored_confidence", "reviewed_confidence", "message"),
)


@dataclass(frozen=True)
class ListedRecord:
    """A record with its outcomes that did not pass; `number` is its place among all such records of the sample."""

    number: int
    record_id: RecordId
    outcomes: Sequence[Outcome]

    @property
    def agreement(self) -> Outcome | None:
        """The outcome of agreement, if it did not pass."""
        return next((item for item in self.outcomes if item.criterion == AGREEMENT), None)

    @property
    def failures(self) -> list[Outcome]:
        """The other criteria that it failed, or whose check of the record broke."""
        return [item for item in self.outcomes if item.criterion != AGREEMENT and item.result is not Result.UNMEASURED]

    @property
    def decision(self) -> Decision | None:
        """The decisions of store and reviewer."""
        return next((item.decision for item in self.outcomes if item.decision), None)

    @property
    def criteria(self) -> list[str]:
        """The criteria that it failed; `acknowledged` stands in for an acknowledged disagreement."""
        names = {Result.FAILED: AGREEMENT, Result.ACKNOWLEDGED: str(Result.ACKNOWLEDGED)}
        named = names.get(self.agreement.result) if self.agreement else None
        return [*([named] if named else []), *(item.criterion for item in self.failures)]

    @property
    def order(self) -> tuple[int, float] | None:
        """The sort key: disagreements, failures, missing reviews, acknowledged; the most confident first in each.

        None if it is not to be listed.
        """
        agreement = self.agreement
        found = None if agreement is None else agreement.result
        said = "" if agreement is None else agreement.message
        kinds = (
            found is Result.FAILED,
            bool(self.failures),
            found is Result.UNMEASURED and bool(said),
            found is Result.ACKNOWLEDGED and bool(said),
        )
        decision = self.decision
        sure = (decision.stored_confidence or 0.0) + (decision.reviewed_confidence or 0.0) if decision else 0.0
        return (kinds.index(True), -sure) if any(kinds) else None


def listed_records(outcomes: Iterable[Outcome]) -> list[ListedRecord]:
    """Return the records to list, the most important first."""
    by_record: dict[RecordId, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.record_id is not None and outcome.result not in (Result.PASSED, Result.NOT_NEEDED):
            by_record.setdefault(outcome.record_id, []).append(outcome)
    found = [ListedRecord(number, key, items) for number, (key, items) in enumerate(by_record.items(), 1)]
    ordered = [(order, item) for item in found if (order := item.order) is not None]
    return [item for _, item in sorted(ordered, key=lambda pair: pair[0])]


def as_csv(records: Iterable[ListedRecord]) -> str:
    """Return a line for each outcome of the records that did not pass, without their texts."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for record in records:
        for item in record.outcomes:
            decision = item.decision or Decision("", None)
            words = (item.criterion, str(item.result), decision.stored, decision.reviewed)
            numbers = (decision.stored_confidence, decision.reviewed_confidence)
            row = (record.record_id, item.stratum, *words, *numbers, printable(item.message))
            writer.writerow([spreadsheet_cell(value) for value in row])
    return text.getvalue()
