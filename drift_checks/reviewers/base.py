"""What a reviewer is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from drift_checks.records import Record, Review


class Reviewer(Protocol):
    """Decides records again; each gets one Review, failures included."""

    name: str
    model: str | None
    # Whether its confidence is on the scale of the stored one, so that the two can be subtracted.
    comparable_confidence: bool

    def review(self, records: Sequence[Record]) -> Iterator[Review]:
        """Yield one Review for each record, as it is made, in any order."""
