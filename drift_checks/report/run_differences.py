"""What is different between two recorded runs, record by record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from drift_checks.core.records import RecordId
from drift_checks.report.history.recorded import RecordedDisagreement, RecordedRun


class Difference(StrEnum):
    """How the second run found a record, compared with the first.

    NEW disagrees only in the second run, and both drew it; GONE the reverse. CHANGED disagrees in both, with another
    stored or reviewed label; SAME with the same labels. ACKNOWLEDGED is a disagreement that was accepted before the
    second run. The record of the others is in the sample of one run only.
    """

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    SAME = "same"
    ACKNOWLEDGED = "acknowledged"
    ONLY_FIRST = "only in the first sample"
    ONLY_SECOND = "only in the second sample"


@dataclass(frozen=True)
class RecordDifference:
    """A record that disagrees in at least one of two runs, with its disagreement in each."""

    record_id: RecordId
    kind: Difference
    before: RecordedDisagreement | None
    now: RecordedDisagreement | None


def record_differences(first: RecordedRun, second: RecordedRun) -> list[RecordDifference]:
    """Return the records that disagree in either run, new ones first.

    A record that was drawn but not reviewed counts as agreeing: what a run records does not tell the two apart.
    """
    order = list(Difference)
    return sorted(_differences(first, second), key=lambda item: (order.index(item.kind), str(item.record_id)))


def _differences(first: RecordedRun, second: RecordedRun) -> Iterator[RecordDifference]:
    before, now = _by_record(first), _by_record(second)
    drawn_before, drawn_now = set(first.sample.record_ids), set(second.sample.record_ids)
    accepted = {item.get("record_id") for item in second.acknowledged if item.get("found")}
    for key in before | now:
        old, new = before.get(key), now.get(key)
        if old and new:
            same = (old.stored, old.reviewed) == (new.stored, new.reviewed)
            kind = Difference.SAME if same else Difference.CHANGED
        elif new:
            kind = Difference.NEW if key in drawn_before else Difference.ONLY_SECOND
        elif key in accepted:
            kind = Difference.ACKNOWLEDGED
        else:
            kind = Difference.GONE if key in drawn_now else Difference.ONLY_FIRST
        yield RecordDifference(key, kind, old, new)


def _by_record(run: RecordedRun) -> dict[RecordId, RecordedDisagreement]:
    return {item.record_id: item for item in run.disagreements if item.record_id is not None}
