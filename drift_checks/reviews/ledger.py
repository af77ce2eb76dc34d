"""The reviews of a run and what they used; each is also written to the run's journal."""

from __future__ import annotations

from statistics import median
from typing import Any

from drift_checks.core.records import RecordId, Review, Usage
from drift_checks.core.redaction import contained
from drift_checks.reviews.journal import Journal, JournalContents
from drift_checks.reviews.reviewers.limits import Spent


class Ledger:
    """Keeps reviews, repeats, variants and anchors by record id, calls and costs; any thread may call its methods.

    Args:
        reviewer: The name of a second reviewer; None for the first.
    """

    def __init__(self, reviewer: str | None = None) -> None:
        self._reviewer = reviewer
        self.reviews: dict[RecordId, Review] = {}
        self.repeats: dict[RecordId, Review] = {}
        self.variants: dict[RecordId, dict[int, Review]] = {}
        self.anchors: dict[RecordId, Review] = {}
        self.calls = 0
        self._spent = 0.0
        self._used = Usage()
        self._journal: Journal | None = None

    def use_journal(self, journal: Journal, contents: JournalContents) -> None:
        """Take over what the journal holds already, and write to it from now on."""
        self._journal = journal
        self.calls, self._spent, self._used = contents.calls, contents.spent, contents.used
        for review in contents.reviews:
            self._add(review)

    def add_call(self, record_id: RecordId) -> None:
        """Count a call that is about to be made."""
        self.calls += 1
        if self._journal is not None:
            self._journal.add_call(record_id, self._reviewer)

    def add_cost(self, amount: float) -> None:
        """Add a cost; a negative amount corrects an earlier one."""
        self._spent += amount
        if self._journal is not None:
            self._journal.add_cost(amount, self._reviewer)

    def add(self, review: Review) -> None:
        """Add a review, its texts without secrets and not longer than anybody reads."""
        review = contained(review)
        self._add(review)
        self._used = self._used.plus(review.usage)
        if self._journal is not None:
            self._journal.add_review(review, self._reviewer)

    def spent(self) -> Spent:
        """Return how much of the run's budget is spent."""
        return Spent(self.calls, self._spent)

    def totals(self) -> dict[str, Any]:
        """Return the totals in plain values; None for what the reviewer does not report."""
        reviews = list(self.reviews.values())
        seconds = sorted(review.usage.seconds for review in self._all() if review.usage.seconds is not None)
        pairs = [(self.reviews[key], repeat) for key, repeat in self.repeats.items() if key in self.reviews]
        compared = [(first, repeat) for first, repeat in pairs if first.made and repeat.made]
        return {
            "reviews": sum(review.made for review in reviews),
            "failed": sum(not review.made and review.asked for review in reviews),
            "not_asked": sum(not review.asked and review.needed for review in reviews),
            "calls": self.calls,
            "input_tokens": self._used.input_tokens,
            "output_tokens": self._used.output_tokens,
            "cost": self._used.cost,
            "median_seconds": median(seconds) if seconds else None,
            "slowest_seconds": seconds[-1] if seconds else None,
            "models": sorted({review.model for review in self._all() if review.model}),
            "omitted_parameters": sorted({name for review in self._all() for name in review.omitted_parameters}),
            "repeated": len(compared),
            "differed": sum(first.category != repeat.category for first, repeat in compared),
        }

    def _all(self) -> list[Review]:
        variants = (review for reviews in self.variants.values() for review in reviews.values())
        return [*self.reviews.values(), *self.repeats.values(), *self.anchors.values(), *variants]

    def _add(self, review: Review) -> None:
        if review.variant:
            self.variants.setdefault(review.record_id, {})[review.variant] = review
        elif review.anchor:
            self.anchors[review.record_id] = review
        else:
            (self.repeats if review.repeat else self.reviews)[review.record_id] = review
