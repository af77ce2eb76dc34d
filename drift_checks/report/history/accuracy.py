"""What a run records of the accuracy of store and reviewer."""

from __future__ import annotations

from dataclasses import dataclass

from drift_checks.statistics.intervals import Estimate

# A verdict rests on no fewer judged records.
FEWEST_JUDGEMENTS = 20
# What the message of agreement begins with if the accuracy should decide and does not.
NOT_JUDGED = "who is right is not known"


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """How often store and reviewer are right in the whole store, estimated from judgements.

    The judged records were drawn by the last runs that reviewed with the same versions. An estimate is None without
    enough judgements, and `missing` says what that of the store lacks.

    Attributes:
        judged: The number of these records on which judges agree.
        others: The number of other judged records, which do not count.
        reviewed: The number of these records.
        runs: The number of runs that drew them.
        changed: The day since which agreement is different, so that earlier runs do not count; None if it is not.
        advantage: By how much the store is right more often than the reviewer.
        more: The number of judgements that would halve the interval of the store; None if none would.
    """

    judged: int = 0
    others: int = 0
    reviewed: int = 0
    runs: int = 0
    changed: str | None = None
    store: Estimate | None = None
    reviewer: Estimate | None = None
    advantage: Estimate | None = None
    more: int | None = None
    missing: str | None = None

    @property
    def decides(self) -> bool:
        """Whether a verdict can rest on the estimate of the store."""
        return self.store is not None and self.judged >= FEWEST_JUDGEMENTS


def why_not_judged(message: str) -> str:
    """Return why the accuracy decides nothing and what to do, by the message of agreement; empty if it does decide."""
    return "; ".join(message.split("; ")[:2]) if message.startswith(NOT_JUDGED) else ""
