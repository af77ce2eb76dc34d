"""What somebody knows about and has acknowledged: it is told, but does not count until it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from drift_checks.core.instants import format_instant
from drift_checks.core.outcomes import AGREEMENT, VERSION_WORDS, Outcome
from drift_checks.core.records import RecordId
from drift_checks.core.text import printable
from drift_checks.report.history.recorded import StoreIdentity
from drift_checks.report.verdict import Verdict, severity

_FAILED = (Verdict.WARNING, Verdict.CRITICAL)
_LONGEST = 60


@dataclass(frozen=True)
class Acknowledgement:
    """A disagreement or a criterion that is known about, until a moment, with a reason.

    That of a disagreement is bound to the record and the pair of categories, that of a criterion to its name and to a
    verdict no worse than then; both to the versions that decided.

    Attributes:
        number: Its own, from 1; 0 for one that is not kept yet.
        store: Of the record or the criterion.
        until: When it ends, with a zone.
        reason: Why it does not count.
        made: When it was made, with a zone.
        versions: What decided, by the keys of `outcomes.VERSION_WORDS`.
        record_id: Of a disagreement, else None.
        stored: The stored category of the disagreement.
        reviewed: The reviewed category of the disagreement.
        criterion: The name of a criterion, else None.
        verdict: The criterion's verdict that was acknowledged.
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
        """Whether the outcome is the disagreement that is known about."""
        decision = outcome.decision
        if self.record_id is None or decision is None or outcome.criterion != AGREEMENT:
            return False
        pair = (outcome.record_id, decision.stored, decision.reviewed)
        return pair == (self.record_id, self.stored, self.reviewed)

    def covers_criterion(self, name: str, verdict: Verdict | None) -> bool:
        """Whether a criterion of this name that came to this verdict is known about."""
        if self.criterion != name or verdict not in _FAILED or self.verdict is None:
            return False
        return severity(verdict) >= severity(self.verdict)

    def until_day(self) -> str:
        """Return the last day on which it holds, in UTC."""
        return f"{self.until - timedelta(microseconds=1):%Y-%m-%d}"

    def what(self) -> str:
        """Return what it is of, as in `record 12 (fraud → loan)` or `class_mix`."""
        if self.record_id is not None:
            return f"record {printable(self.record_id)} ({printable(self.stored)} → {printable(self.reviewed)})"
        return printable(self.criterion)

    def as_plain(self) -> dict[str, Any]:
        """Return what is acknowledged, until when and why, as plain values."""
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
    """The acknowledgements as a run finds them.

    Attributes:
        active: Those that hold.
        ended: Those that hold no more and of which nobody was told yet, each with the reason in a phrase.
    """

    active: Sequence[Acknowledgement] = ()
    ended: Sequence[tuple[Acknowledgement, str]] = ()


NOTHING_ACKNOWLEDGED = Acknowledged()


def sort_out(kept: Sequence[Acknowledgement], versions: Mapping[str, str], now: datetime) -> Acknowledged:
    """Return which of the acknowledgements hold, and which have ended and why.

    Args:
        kept: Of the store, those whose end was not told yet.
        versions: What decides now, by the keys of `outcomes.VERSION_WORDS`.
        now: The moment of the run, with a zone.
    """
    reasons = [(item, _end(item, versions, now)) for item in kept]
    return Acknowledged(
        active=[item for item, reason in reasons if not reason],
        ended=[(item, reason) for item, reason in reasons if reason],
    )


def _end(item: Acknowledgement, versions: Mapping[str, str], now: datetime) -> str:
    """Return how it ended, as a sentence; empty where it holds."""
    if now >= item.until:
        return f"{item.what()} is acknowledged no more: it was until {item.until_day()} ({printable(item.reason, 200)})"
    # In one order: what is told must not depend on the process.
    for key in sorted(item.versions.keys() & versions.keys()):
        before, after = item.versions[key], versions[key]
        if before != after:
            changed = f"the {VERSION_WORDS.get(key, key)} is {printable(after, _LONGEST)} now"
            return f"{item.what()} is acknowledged no more: {changed} ({printable(item.reason, 200)})"
    return ""
