"""Two classifiers on the same records, until the evidence says which agrees more often with the store."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from drift_checks.core.errors import ReviewerError, SettingError
from drift_checks.core.records import Record
from drift_checks.reviews.batches import BatchReviewer
from drift_checks.reviews.journal import Journal, JournalContents, read_journal
from drift_checks.reviews.ledger import Ledger
from drift_checks.reviews.preparation import Preparation
from drift_checks.reviews.resuming import Unfinished, header
from drift_checks.reviews.reviewers.base import OnReview, Request, Reviewer, ignore
from drift_checks.reviews.reviewers.choice import Named, classifier_of, limits_of
from drift_checks.reviews.reviewers.pool import BackgroundReviewer, PooledReviewer
from drift_checks.settings.declarations import NEIGHBOURS, POINT, POPULATION, RANDOM, SEQUENTIAL, Settings
from drift_checks.settings.kinds import ALL
from drift_checks.statistics.two_classifiers import (
    Conclusion,
    Pairs,
    conclude,
    difference_interval,
    exact_mcnemar,
    fewest_to_conclude,
)

# Nine of ten comparisons end before, if B is worse by three points or the two agree with the store on nine tenths.
MOST_RECORDS = 2000
# Fewer at once would leave an endpoint idle.
_SMALLEST_BATCH = 10
# As many anchors are reviewed if the setting `anchors`, which is meant for each night, is not set.
_MOST_ANCHORS = 100
_DECIDING = ("reviewer", "embedding", "llm_model", "llm_base_url", "llm_prompt", "llm_max_tokens")
# The share of the records so far that a batch may have beyond need: a long comparison then has few pauses.
_MORE = 0.1
# Of the test on the anchors.
_LEVEL = 0.05


@dataclass(frozen=True)
class Compared:
    """A record that both classified, with the label of each."""

    record: Record
    first: str
    second: str

    @property
    def changed(self) -> bool:
        """Whether the two labels differ."""
        return self.first != self.second


class Side:
    """One of the two classifiers, with its reviews.

    Args:
        name: A or B, for messages.
        settings: Its settings.
        preparation: The store and the records.
        folders: Folders that may hold the user's own modules.

    Raises:
        DriftError: By each method: it cannot be used.
    """

    def __init__(self, name: str, settings: Settings, preparation: Preparation, folders: tuple[Path, ...]) -> None:
        self.name = name
        self.settings = settings
        self.ledger = Ledger(None if name == "A" else name)
        self._preparation = preparation
        with self._named():
            self.classifier = classifier_of(Named(settings.reviewer), settings, preparation.taxonomy, folders)
        self._reviewer: Reviewer | None = None
        self._wait: Callable[[], None] | None = None
        self._batches = BatchReviewer(self.ledger, self._made, redact=settings.redact, is_concurrent=False)

    @property
    def is_remote(self) -> bool:
        """Whether an endpoint answers, so that it may be asked while the other side works."""
        return self.classifier is not None and not self.classifier.is_own

    def most_cost(self, records: Sequence[Record]) -> float:
        """Return the most that one call for each of the records can cost; 0 without a price."""
        if self.classifier is None:
            return 0.0
        return sum(self.classifier.max_cost(Request(record)) for record in records)

    @property
    def models(self) -> set[str]:
        """The names of its model: as it was asked for, and as it names itself."""
        asked = self.classifier.model if self.classifier else None
        return {*self.ledger.totals()["models"], *([asked] if asked else [])}

    def begin(self, records: Sequence[Record], on_review: OnReview) -> None:
        """Start to review the records that it has not reviewed yet."""
        left = [record for record in records if record.id not in self.ledger.reviews]
        if left:
            with self._named():
                self._wait = self._batches.begin(left, on_review)

    def finish(self) -> None:
        """Wait for the reviews."""
        if self._wait is not None:
            with self._named():
                self._wait()
            self._wait = None

    def close(self) -> None:
        """Close it after its last review; calls in flight are abandoned."""
        if isinstance(self._reviewer, BackgroundReviewer):
            self._reviewer.finish()

    def _made(self) -> Reviewer:
        if self._reviewer is None:
            if self.classifier is None:
                from drift_checks.reviews.reviewers.neighbours import NeighboursReviewer

                self._reviewer = NeighboursReviewer(self._preparation.compared)
            else:
                self._reviewer = PooledReviewer(self.classifier, limits_of(self.settings), self.ledger.spent())
        return self._reviewer

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say in an error of the classifier or its settings which side it is of."""
        try:
            yield
        except (ReviewerError, SettingError) as error:
            raise type(error)(f"{self.name}, {error.what}", error.problem, error.remedy) from None


class Comparison:
    """Has two classifiers review a uniform sample of the store, batch by batch, within the budget of both together.

    Args:
        settings: The settings of the store and the sample; `sample_size` is the maximum number of records.
        first, second: The settings of each side.
        folders: Folders that may hold the user's own modules.
        margin: A difference of agreement that does not matter, from 0 to 1.
        unfinished: The interrupted comparison to resume.
    """

    def __init__(
        self,
        settings: Settings,
        first: Settings,
        second: Settings,
        folders: tuple[Path, ...],
        margin: float,
        unfinished: Unfinished | None = None,
    ) -> None:
        most = sys.maxsize if settings.sample_size == ALL else settings.sample_size or MOST_RECORDS
        # What a sequential decision draws: all strata alike, in random order.
        uniform = replace(settings, decision=SEQUENTIAL, judge=POPULATION, sample=RANDOM, max_calls=most)
        if unfinished is not None:
            uniform = unfinished.resumed(uniform, sides_in_words(first, second))
        self._preparation = Preparation(uniform, folders, unfinished, None)
        self.margin = margin
        self.asked = 0
        try:
            self.records = self._preparation.sample.records
            self.anchors = self._preparation.anchors.all[: _number_of_anchors(settings)]
            sides = zip(("A", "B"), _budgeted(first, second), strict=True)
            self.first, self.second = (Side(name, side, self._preparation, folders) for name, side in sides)
        except BaseException:
            self._preparation.close()
            raise

    def use_journal(self, journal: Journal) -> None:
        """Write the reviews to the journal, and take over those that it holds."""
        now, words = datetime.now(UTC), sides_in_words(self.first.settings, self.second.settings)
        run_id = f"{now:%Y%m%dT%H%M%SZ}-{sha256(words.encode()).hexdigest()[:6]}"
        journal.begin(header(self._preparation.settings, words, run_id, now, self._preparation.sample))
        contents = read_journal(journal.path)
        self.first.ledger.use_journal(journal, contents)
        self.second.ledger.use_journal(journal, contents.second.get(self.second.name, JournalContents()))

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both sides."""
        return self.first, self.second

    @property
    def store_size(self) -> int:
        """The number of records in the store."""
        return self._preparation.sample.store_size

    @property
    def categories(self) -> Collection[str]:
        """The store's categories, and those of the taxonomy."""
        return {*self._preparation.taxonomy, *self._preparation.store.categories()}

    def run(self, on_review: OnReview = ignore) -> Conclusion:
        """Review the anchors, then records until the evidence decides, all are reviewed, or one side cannot go on."""
        self._review([anchor.record for anchor in self.anchors], on_review)
        while self.conclusion is Conclusion.UNDECIDED and self.asked < len(self.records) and not self.is_stopped:
            number = max(_SMALLEST_BATCH, fewest_to_conclude(self.pairs, self.margin), round(_MORE * self.asked))
            self._review(self.records[self.asked : self.asked + number], on_review)
            self.asked += number
        self.asked = min(self.asked, len(self.records))
        return self.conclusion

    @property
    def is_stopped(self) -> bool:
        """Whether one side was not asked about some record: after an outage, or once the budget is spent."""
        return any(not review.asked for side in self.sides for review in side.ledger.reviews.values())

    @property
    def conclusion(self) -> Conclusion:
        """What the agreement with the store shows so far."""
        return conclude(difference_interval(self.pairs), self.margin)

    @property
    def by_anchors(self) -> Conclusion:
        """Whether one side is right on more anchors, beyond chance."""
        found = self.anchor_pairs
        if found is None or exact_mcnemar(found) > _LEVEL:
            return Conclusion.UNDECIDED
        return Conclusion.BETTER if found.gained > found.lost else Conclusion.WORSE

    @property
    def decision(self) -> Conclusion:
        """What the anchors show, or the agreement if they show nothing."""
        return self.conclusion if self.by_anchors is Conclusion.UNDECIDED else self.by_anchors

    @property
    def pairs(self) -> Pairs:
        """The records that both classified, by which of the two agrees with the store."""
        return _pairs(
            (item.first == item.record.category, item.second == item.record.category) for item in self.compared
        )

    @property
    def anchor_pairs(self) -> Pairs | None:
        """The anchors that both classified, by which of the two is right; None if there are none."""
        labelled = [(anchor.right, self._labels(anchor.record)) for anchor in self.anchors]
        found = _pairs((labels[0] in right, labels[1] in right) for right, labels in labelled if labels)
        return found if found.number else None

    @property
    def compared(self) -> list[Compared]:
        """The records that both classified."""
        return list(self._compared())

    def close(self) -> None:
        """Close the classifiers, and remove the private copies of the store."""
        for side in self.sides:
            side.close()
        self._preparation.close()

    def _review(self, records: Sequence[Record], on_review: OnReview) -> None:
        # The user's own code may not tolerate what another classifier does to the process meanwhile.
        together = any(side.is_remote for side in self.sides)
        for side in self.sides:
            side.begin(records, on_review)
            if not together:
                side.finish()
        for side in self.sides:
            side.finish()

    def _compared(self) -> Iterator[Compared]:
        for record in self.records[: self.asked]:
            if labels := self._labels(record):
                yield Compared(record, *labels)

    def _labels(self, record: Record) -> tuple[str, str] | None:
        """Return the labels of both sides; None unless both classified the record."""
        first, second = (side.ledger.reviews.get(record.id) for side in self.sides)
        if first and second and first.made and second.made and first.category and second.category:
            return first.category, second.category
        return None


def sides_in_words(first: Settings, second: Settings) -> str:
    """Return what decides the answers of both sides, in words that differ between comparisons."""
    named = [" ".join(str(getattr(side, key)) for key in _DECIDING) for side in (first, second)]
    return "A {}, B {}".format(*named)


def _pairs(right: Iterable[tuple[bool, bool]]) -> Pairs:
    """Count by which of the two is right."""
    counts = Counter(right)
    gained, lost = counts[False, True], counts[True, False]
    return Pairs(gained, lost, counts.total() - gained - lost, both=counts[True, True])


def _number_of_anchors(settings: Settings) -> int:
    return settings.anchors if "anchors" in settings.sources else _MOST_ANCHORS


def _budgeted(first: Settings, second: Settings) -> tuple[Settings, Settings]:
    """Return the settings of both sides, each with its part of the budget: calls equally, the cost by the prices."""
    paid = [side for side in (first, second) if side.reviewer != NEIGHBOURS]
    prices = sum(sum(side.llm_price or ()) for side in paid)

    def budgeted(side: Settings) -> Settings:
        calls, cost = side.max_calls, side.max_cost
        if calls is not None and len(paid) > 1:
            calls = max(1, calls // 2)
        if cost is not None and prices:
            cost *= sum(side.llm_price or ()) / prices
        return replace(side, decision=POINT, max_calls=calls, max_cost=cost)

    return budgeted(first), budgeted(second)
