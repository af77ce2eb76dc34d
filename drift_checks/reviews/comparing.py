"""Two classifiers on the same records, until the evidence says which agrees more often with the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drift_checks.core.records import Record
from drift_checks.reviews.batches import BatchReviewer
from drift_checks.reviews.ledger import Ledger
from drift_checks.reviews.preparation import Preparation
from drift_checks.reviews.reviewers.base import Reviewer, ignore
from drift_checks.reviews.reviewers.choice import Named, classifier_of, limits_of
from drift_checks.reviews.reviewers.limits import Spent
from drift_checks.reviews.reviewers.pool import BackgroundReviewer, PooledReviewer
from drift_checks.settings.declarations import POPULATION, SEQUENTIAL, Settings
from drift_checks.statistics.two_classifiers import (
    Conclusion,
    Pairs,
    conclude,
    difference_interval,
    fewest_to_conclude,
)

# How many records are drawn if sample-size is not set: few comparisons need more.
MOST_RECORDS = 500
# Fewer at once would leave an endpoint idle.
_SMALLEST_BATCH = 10


@dataclass(frozen=True)
class Compared:
    """A record that both classified, with the label of each."""

    record: Record
    first: str
    second: str


class Side:
    """One of the two classifiers, with its reviews.

    Raises:
        DriftError: By each method: it cannot be used.
    """

    def __init__(self, settings: Settings, preparation: Preparation, folders: tuple[Path, ...]) -> None:
        self.settings = settings
        self.ledger = Ledger()
        self._preparation = preparation
        self._classifier = classifier_of(Named(settings.reviewer), settings, preparation.taxonomy, folders)
        self._reviewer: Reviewer | None = None
        self._batches = BatchReviewer(self.ledger, self._made, redact=settings.redact, is_concurrent=False)

    def review(self, records: Sequence[Record]) -> None:
        """Review the records."""
        self._batches.review(records, (), ignore, lambda: None)

    def close(self) -> None:
        """Close it after its last review."""
        if isinstance(self._reviewer, BackgroundReviewer):
            self._reviewer.finish()

    def _made(self) -> Reviewer:
        if self._reviewer is None:
            if self._classifier is None:
                from drift_checks.reviews.reviewers.neighbours import NeighboursReviewer

                self._reviewer = NeighboursReviewer(self._preparation.compared)
            else:
                self._reviewer = PooledReviewer(self._classifier, limits_of(self.settings), Spent(0, 0.0))
        return self._reviewer


class Comparison:
    """Has two classifiers review a uniform sample of the store, batch by batch; a budget is that of each side.

    Args:
        settings: The settings of the store and the sample.
        first, second: The settings of each side.
        folders: Folders that may hold the user's own modules.
        margin: A difference of agreement that does not matter, from 0 to 1.
    """

    def __init__(
        self, settings: Settings, first: Settings, second: Settings, folders: tuple[Path, ...], margin: float
    ) -> None:
        size = settings.sample_size if "sample_size" in settings.sources else MOST_RECORDS
        most = size if isinstance(size, int) else MOST_RECORDS
        # What a sequential decision draws: all strata alike, in random order.
        uniform = replace(settings, decision=SEQUENTIAL, judge=POPULATION, max_calls=most)
        self._preparation = Preparation(uniform, folders, None, None)
        self.margin = margin
        self.asked = 0
        try:
            self.records = self._preparation.sample.records
            self.first, self.second = (Side(side, self._preparation, folders) for side in (first, second))
        except BaseException:
            self._preparation.close()
            raise

    def run(self) -> Conclusion:
        """Review until the evidence decides, or all records are reviewed."""
        while self.conclusion is Conclusion.UNDECIDED and self.asked < len(self.records):
            number = max(_SMALLEST_BATCH, fewest_to_conclude(self.pairs, self.margin))
            batch = self.records[self.asked : self.asked + number]
            for side in (self.first, self.second):
                side.review(batch)
            self.asked += len(batch)
            sides = (self.first, self.second)
            if not all(side.ledger.reviews[record.id].asked for side in sides for record in batch):
                # After an outage, or once the budget is spent, all others fail for the same reason.
                break
        return self.conclusion

    @property
    def conclusion(self) -> Conclusion:
        """What the reviews show so far."""
        return conclude(difference_interval(self.pairs), self.margin)

    @property
    def pairs(self) -> Pairs:
        """The records that both classified, by which of the two agrees with the store."""
        agreeing = [(item.first == item.record.category, item.second == item.record.category) for item in self.compared]
        gained, lost = agreeing.count((False, True)), agreeing.count((True, False))
        return Pairs(gained, lost, len(agreeing) - gained - lost)

    @property
    def compared(self) -> list[Compared]:
        """The records that both classified."""
        return list(self._compared())

    def close(self) -> None:
        """Close the classifiers, and remove the private copies of the store."""
        for side in (self.first, self.second):
            side.close()
        self._preparation.close()

    def _compared(self) -> Iterator[Compared]:
        for record in self.records[: self.asked]:
            first, second = (side.ledger.reviews.get(record.id) for side in (self.first, self.second))
            if first and second and first.made and second.made and first.category and second.category:
                yield Compared(record, first.category, second.category)
