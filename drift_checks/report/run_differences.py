"""What is different between two runs of a store, record by record."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from drift_checks.core.outcomes import AGREEMENT, Result
from drift_checks.core.records import RecordId
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.run import RunReport

# Of each kind, on the page of a run; `compare` lists all.
_MOST_SHOWN = 30


class Difference(StrEnum):
    """How the second run found a record, compared with the first.

    NEW disagrees only in the second run, and the first reviewed it as well; GONE the reverse. CHANGED disagrees in
    both, with another stored or reviewed label; SAME with the same labels. SETTLED does not count any more in the
    second run, because it was acknowledged or judged; REOPENED did not count in the first. The others were reviewed by
    one of the runs only, or, in runs of earlier versions, did not count in one.
    """

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    SETTLED = "settled"
    REOPENED = "reopened"
    SAME = "same"
    NOT_REVIEWED = "not reviewed, or not counted, in one of the runs"
    ONLY_FIRST = "only in the first sample"
    ONLY_SECOND = "only in the second sample"


@dataclass(frozen=True)
class Labels:
    """The categories on which store and reviewer disagree."""

    stored: str | None
    reviewed: str | None


@dataclass(frozen=True)
class Seen:
    """What a run says about its records; `reviewed` is None if that is not known, as in runs of earlier versions.

    `known` says why the disagreement of a record does not count.
    """

    drawn: Collection[RecordId]
    disagreements: Mapping[RecordId, Labels]
    known: Mapping[RecordId, str]
    reviewed: Collection[RecordId] | None

    def agreed_on(self, record_id: RecordId) -> bool:
        """Whether store and reviewer agreed; if it is not known which records were reviewed, whether it was drawn."""
        return record_id in (self.drawn if self.reviewed is None else self.reviewed)

    @classmethod
    def by(cls, run: RecordedRun) -> Seen:
        """Return what a recorded run says."""
        agreed = {key for by_category in run.agreed_records.values() for ids in by_category.values() for key in ids}
        found = {
            item.record_id: Labels(item.stored, item.reviewed)
            for item in run.disagreements
            if item.record_id is not None
        }
        known = {item.record_id: item.why for item in run.known_disagreements if item.record_id is not None}
        return cls(set(run.sample.record_ids), found, known, (agreed | found.keys() | known.keys()) if agreed else None)

    @classmethod
    def in_report(cls, report: RunReport) -> Seen:
        """Return what a run says that is not recorded yet."""
        checked = [item for item in report.outcomes if item.criterion == AGREEMENT and item.record_id is not None]
        reviewed = (Result.PASSED, Result.FAILED, Result.ACKNOWLEDGED)
        return cls(
            set(report.facts.sample.record_ids),
            {
                item.record_id: Labels(item.decision.stored, item.decision.reviewed)
                for item in checked
                if item.result is Result.FAILED and item.record_id is not None and item.decision is not None
            },
            {
                item.record_id: item.message
                for item in checked
                if item.result is Result.ACKNOWLEDGED and item.record_id is not None
            },
            {item.record_id for item in checked if item.result in reviewed and item.record_id is not None},
        )


@dataclass(frozen=True)
class RecordDifference:
    """A record that disagrees in at least one of two runs, with its labels in each if it disagrees there.

    `why` says why a settled one does not count in the second run, or a reopened one did not in the first.
    """

    record_id: RecordId
    kind: Difference
    before: Labels | None
    now: Labels | None
    why: str = ""


def record_differences(first: Seen, second: Seen) -> list[RecordDifference]:
    """Return the records that disagree in either run, new ones first."""
    order = list(Difference)
    return sorted(_differences(first, second), key=lambda item: (order.index(item.kind), _natural(item.record_id)))


def _natural(record_id: RecordId) -> tuple[bool, int, str]:
    return (False, record_id, "") if isinstance(record_id, int) else (True, 0, record_id)


def _differences(first: Seen, second: Seen) -> Iterator[RecordDifference]:
    for key in {**first.disagreements, **second.disagreements}:
        before, now = first.disagreements.get(key), second.disagreements.get(key)
        kind = _kind(key, first, second)
        why = {Difference.SETTLED: second.known, Difference.REOPENED: first.known}.get(kind, {})
        yield RecordDifference(key, kind, before, now, why.get(key, ""))


def _kind(key: RecordId, first: Seen, second: Seen) -> Difference:
    before, now = first.disagreements.get(key), second.disagreements.get(key)
    if before and now:
        return Difference.SAME if before == now else Difference.CHANGED
    other = first if now else second
    if key not in other.drawn:
        return Difference.ONLY_SECOND if now else Difference.ONLY_FIRST
    if key in other.known:
        return Difference.REOPENED if now else Difference.SETTLED
    if not other.agreed_on(key):
        return Difference.NOT_REVIEWED
    return Difference.NEW if now else Difference.GONE


@dataclass(frozen=True)
class SincePrevious:
    """What is different in a run since the previous one of its store.

    Attributes:
        previous: That run.
        shared: The number of records in both samples.
        found: The kinds of differences, each with some of its records and the number of all.
    """

    previous: RecordedRun
    shared: int
    found: Mapping[Difference, tuple[list[RecordDifference], int]]

    @classmethod
    def of(cls, report: RunReport) -> SincePrevious | None:
        """Return what is different in a run; None if it is the first one of its store."""
        if not report.past:
            return None
        previous = report.past[-1]
        before, now = Seen.by(previous), Seen.in_report(report)
        by_kind: dict[Difference, list[RecordDifference]] = {kind: [] for kind in Difference}
        for item in record_differences(before, now):
            by_kind[item.kind].append(item)
        found = {kind: (items[:_MOST_SHOWN], len(items)) for kind, items in by_kind.items() if items}
        return cls(previous, len(set(before.drawn) & set(now.drawn)), found)
