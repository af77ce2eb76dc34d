"""The reviews of a run, and what they used, as they are made; each is written to the run's journal."""

from __future__ import annotations

from statistics import median
from typing import Any

from drift_checks.core.records import RecordId, Review, Usage
from drift_checks.review.journal import Journal, Journaled
from drift_checks.review.reviewers.limits import Spent


class Ledger:
    """Keeps what reviewers decided.

    Attributes:
        reviews: The reviews, by the record's id, failures included.
        repeats: The second reviews of those records that were reviewed twice.
        variants: The reviews of other forms of the text, by the record's id and the form's number.
        calls: How often a reviewer was called.
    """

    def __init__(self) -> None:
        self.reviews: dict[RecordId, Review] = {}
        self.repeats: dict[RecordId, Review] = {}
        self.variants: dict[RecordId, dict[int, Review]] = {}
        self.calls = 0
        self._spent = 0.0
        self._used = Usage()
        self._journal: Journal | None = None

    def keep_in(self, journal: Journal, before: Journaled) -> None:
        """Write to this journal from now on.

        Args:
            journal: Of the run.
            before: What it holds already.
        """
        self._journal = journal
        self.calls, self._spent, self._used = before.calls, before.spent, before.used
        for review in before.reviews:
            self._place(review)

    def call(self, record_id: RecordId) -> None:
        """Count a call that is about to be made, from any thread."""
        self.calls += 1
        if self._journal is not None:
            self._journal.call(record_id)

    def spend(self, amount: float) -> None:
        """Count a cost, from any thread; a negative one corrects one that was set aside."""
        self._spent += amount
        if self._journal is not None:
            self._journal.spend(amount)

    def keep(self, review: Review) -> None:
        """Keep a review, from any thread."""
        self._place(review)
        self._used = self._used.plus(review.usage)
        if self._journal is not None:
            self._journal.review(review)

    def spent(self) -> Spent:
        """Return what was spent so far, of a budget for the whole run."""
        return Spent(self.calls, self._spent)

    def totals(self) -> dict[str, Any]:
        """Return what came of it all, in plain values; None for what no reviewer says."""
        made = list(self.reviews.values())
        seconds = sorted(review.usage.seconds for review in self._all() if review.usage.seconds is not None)
        twice = [(self.reviews[key], again) for key, again in self.repeats.items() if key in self.reviews]
        compared = [(first, again) for first, again in twice if first.made and again.made]
        return {
            "reviews": sum(review.made for review in made),
            "failed": sum(not review.made and review.asked for review in made),
            "not_asked": sum(not review.asked and review.needed for review in made),
            "calls": self.calls,
            "input_tokens": self._used.input_tokens,
            "output_tokens": self._used.output_tokens,
            "cost": self._used.cost,
            "median_seconds": median(seconds) if seconds else None,
            "slowest_seconds": seconds[-1] if seconds else None,
            "models": sorted({review.model for review in self._all() if review.model}),
            "repeated": len(compared),
            "differed": sum(first.category != again.category for first, again in compared),
        }

    def _all(self) -> list[Review]:
        variants = (review for reviews in self.variants.values() for review in reviews.values())
        return [*self.reviews.values(), *self.repeats.values(), *variants]

    def _place(self, review: Review) -> None:
        if review.variant:
            self.variants.setdefault(review.record_id, {})[review.variant] = review
        else:
            (self.repeats if review.repeat else self.reviews)[review.record_id] = review
