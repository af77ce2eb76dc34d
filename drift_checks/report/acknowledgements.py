"""Acknowledgements: a disagreement or a criterion that is reported, but does not count until a given instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from drift_checks.core.instants import format_instant
from drift_checks.core.outcomes import AGREEMENT, VERSION_WORDS, Outcome
from drift_checks.core.records import RecordId
from drift_checks.core.text import printable
from drift_checks.report.verdict import FAILED, Verdict, severity
from drift_checks.stores.identity import StoreIdentity

_LONGEST = 60
_LONGEST_REASON = 200


@dataclass(frozen=True)
class Acknowledgement:
    """A disagreement or a criterion that does not count until an instant, for a reason.

    A disagreement is identified by its record and its pair of categories, a criterion by its name and a verdict no
    worse than the acknowledged one. An acknowledgement ends when one of the versions that decided changes.

    Its `number` is 0 before it is stored; `made` and `until`, when it ends, have a zone; `versions` are those that
    decided, by the keys of VERSION_WORDS.
    """

    number: int
    store: StoreIdentity
    until: datetime
    reason: str
    made: datetime
    versions: Mapping[str, str] = field(default_factory=dict)
    record_id: RecordId | None = None
    stored: str | None = None
    reviewed: str | None = None
    criterion: str | None = None
    verdict: Verdict | None = None

    def covers_disagreement(self, outcome: Outcome) -> bool:
        """Whether the outcome is the acknowledged disagreement."""
        decision = outcome.decision
        if self.record_id is None or decision is None or outcome.criterion != AGREEMENT:
            return False
        pair = (outcome.record_id, decision.stored, decision.reviewed)
        return pair == (self.record_id, self.stored, self.reviewed)

    def covers_criterion(self, name: str, verdict: Verdict | None) -> bool:
        """Whether a criterion with this name and verdict is acknowledged."""
        if self.criterion != name or verdict not in FAILED or self.verdict is None:
            return False
        return severity(verdict) >= severity(self.verdict)

    def until_day(self) -> str:
        """Return the last day on which it holds, in UTC."""
        return f"{self.until - timedelta(microseconds=1):%Y-%m-%d}"

    def words(self) -> str:
        """Return until when and why it does not count."""
        return f"acknowledged until {self.until_day()}: {printable(self.reason, _LONGEST_REASON)}"

    def what(self) -> str:
        """Return what is acknowledged, as in `record 12 (fraud → loan)` or `class_mix`."""
        if self.record_id is not None:
            return f"record {printable(self.record_id)} ({printable(self.stored)} → {printable(self.reviewed)})"
        return printable(self.criterion)

    def as_plain(self) -> dict[str, Any]:
        """Return it as report.json and `acknowledge --list` show it."""
        return {
            "number": self.number,
            "record_id": self.record_id,
            "stored": self.stored,
            "reviewed": self.reviewed,
            "criterion": self.criterion,
            "verdict": None if self.verdict is None else str(self.verdict),
            "until": format_instant(self.until),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Acknowledged:
    """A store's acknowledgements at the time of a run: those in force, and the ends to be reported, each with why.

    `settled` are the records whose stored category people judged to be right: what they judged, by id and category.
    `judged` says what each judge says of a record's text, by id.
    """

    active: Sequence[Acknowledgement] = ()
    ended: Sequence[tuple[Acknowledgement, str]] = ()
    settled: Mapping[tuple[RecordId, str], str] = field(default_factory=dict)
    judged: Mapping[RecordId, Sequence[str]] = field(default_factory=dict)

    def why_known(self, outcome: Outcome) -> str:
        """Return why a disagreement does not count; empty if it does."""
        decision = outcome.decision
        if outcome.criterion != AGREEMENT or decision is None or outcome.record_id is None:
            return ""
        found = next((item for item in self.active if item.covers_disagreement(outcome)), None)
        return found.words() if found else self.settled.get((outcome.record_id, decision.stored), "")


NOTHING_ACKNOWLEDGED = Acknowledged()


def sort_out(stored: Sequence[Acknowledgement], versions: Mapping[str, str], now: datetime) -> Acknowledged:
    """Split acknowledgements by the versions that decide now and the run's start, which has a zone."""
    reasons = [(item, _end(item, versions, now)) for item in stored]
    return Acknowledged(
        active=[item for item, reason in reasons if not reason],
        ended=[(item, reason) for item, reason in reasons if reason],
    )


def _end(item: Acknowledgement, versions: Mapping[str, str], now: datetime) -> str:
    """Return how it ended, in a phrase; empty if it is in force."""
    if now >= item.until:
        return (
            f"{item.what()} is no longer acknowledged: it was until {item.until_day()} ({printable(item.reason, 200)})"
        )
    # Sorted, so that every process reports the same reason.
    for key in sorted(item.versions.keys() & versions.keys()):
        before, after = item.versions[key], versions[key]
        if before != after:
            changed = f"the {VERSION_WORDS.get(key, key)} is {printable(after, _LONGEST)} now"
            return f"{item.what()} is no longer acknowledged: {changed} ({printable(item.reason, 200)})"
    return ""
