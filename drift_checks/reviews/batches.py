"""Having records reviewed: all of them, or batch by batch until the evidence decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any

from drift_checks.core.errors import ReviewerError
from drift_checks.core.records import Record, RecordId, Review
from drift_checks.core.redaction import redacted, withhold
from drift_checks.reviews.ledger import Ledger
from drift_checks.reviews.reviewers.base import OnReview, Reviewer, ReviewIterator, ignore
from drift_checks.reviews.variants import variants_of
from drift_checks.statistics.sequential import fewest_to_decide

Prepare = Callable[[], object]
_NOT_NEEDED = "not needed: the earlier reviews decided"


class BatchReviewer:
    """Has batches of records reviewed and adds the reviews to the ledger; records that it holds are not asked about.

    Args:
        ledger: The reviews of the run.
        make_reviewer: Called only if there is something to review.
        redact: Whether to keep the text of records out of the ledger.
        is_concurrent: Whether other work may be done while reviews are in progress.
    """

    def __init__(
        self, ledger: Ledger, make_reviewer: Callable[[], Reviewer], *, redact: bool, is_concurrent: bool
    ) -> None:
        self._ledger = ledger
        self._make_reviewer = make_reviewer
        self._redact = redact
        self._is_concurrent = is_concurrent

    def review(
        self,
        records: Iterable[Record],
        repeats: Iterable[Record],
        on_review: OnReview,
        prepare: Prepare,
        anchors: Iterable[Record] = (),
    ) -> None:
        """Review the records with the anchors among them, and the repeats a second time.

        `prepare` is called while reviews are in progress, or before if they are not concurrent.
        """
        first = [record for record in records if record.id not in self._ledger.reviews]
        second = [record for record in repeats if record.id not in self._ledger.repeats]
        beside = {record.id: record for record in anchors if record.id not in self._ledger.anchors}
        if not (first or second or beside):
            return
        if not self._is_concurrent:
            prepare()

        def report(review: Review) -> None:
            if review.record_id not in beside:
                on_review(review)
            # Only after the first review, so that a refused run ends at once.
            prepare()

        add = self._adder([*first, *second, *beside.values()])
        self._run(
            _spread(list(beside.values()), first),
            second,
            lambda review: add(review, anchor=review.record_id in beside),
            report,
        )

    def begin(self, records: Sequence[Record], on_review: OnReview = ignore) -> Callable[[], None]:
        """Start to review the records, and return what waits for their reviews."""
        reviews = self._started(records, (), self._adder(records))
        return partial(self._wait, reviews, records, on_review)

    def review_until_decided(
        self, records: Sequence[Record], critical: float, on_review: OnReview, prepare: Prepare
    ) -> None:
        """Review batches of as many records as a decision needs at least, until it is made."""
        reviews = self._ledger.reviews
        left = [record for record in records if record.id not in reviews]
        while left and (number := fewest_to_decide(self._agreements(records), critical)):
            batch, left = left[:number], left[number:]
            self.review(batch, (), on_review, prepare)
            not_asked = [reviews[record.id] for record in batch if not reviews[record.id].asked]
            if not_asked:
                # After an outage, or once the budget is spent, all others fail for the same reason.
                for record in left:
                    self._ledger.add(replace(not_asked[-1], record_id=record.id))
                return
        for record in left:
            reviews[record.id] = Review(record.id, failure=_NOT_NEEDED, asked=False, needed=False)

    def review_variants(self, records: Iterable[Record]) -> None:
        """Review variants of the records' texts that have the same meaning."""
        labels: dict[RecordId, tuple[RecordId, int]] = {}
        variants: list[Record] = []
        for record in records:
            for number, variant in enumerate(variants_of(record), 1):
                if number not in self._ledger.variants.get(record.id, {}):
                    label = f"{record.id}, variant {number}"
                    labels[label] = record.id, number
                    variants.append(replace(variant, id=label))
        add = self._adder(variants)

        def add_variant(review: Review) -> None:
            record_id, number = labels[review.record_id]
            add(review, record_id=record_id, variant=number)

        if variants:
            self._run(variants, (), add_variant, ignore)

    def _run(
        self, records: Sequence[Record], repeats: Sequence[Record], add: OnReview, on_review: Callable[[Review], object]
    ) -> None:
        self._wait(self._started(records, repeats, add), records, on_review)

    def _started(self, records: Sequence[Record], repeats: Sequence[Record], add: OnReview) -> ReviewIterator:
        return self._make_reviewer().review(records, repeats, self._ledger.add_call, add, self._ledger.add_cost)

    def _wait(self, reviews: ReviewIterator, records: Sequence[Record], on_review: Callable[[Review], object]) -> None:
        try:
            with closing(reviews):
                for review in reviews:
                    on_review(review)
        except ReviewerError as error:
            if not self._redact:
                raise
            # The user's code may quote a text in what it raises.
            raise error.rewritten(partial(_withheld, records=records)) from None

    def _adder(self, records: Iterable[Record]) -> Callable[..., None]:
        """Return a function that adds a review of one of the records, with some fields changed, to the ledger."""
        by_id: Mapping[RecordId, Record] = {record.id: record for record in records}

        def add(review: Review, **changes: Any) -> None:
            if self._redact:
                review = redacted(review, by_id[review.record_id])
            self._ledger.add(replace(review, **changes))

        return add

    def _agreements(self, records: Sequence[Record]) -> list[bool]:
        reviews = self._ledger.reviews
        pairs = [(reviews[record.id], record) for record in records if record.id in reviews]
        return [review.agrees_with(record) for review, record in pairs if review.made]


def _spread(some: Sequence[Record], others: Sequence[Record]) -> list[Record]:
    """Return the others with some records at equal distances among them."""
    placed = [(number / len(others), record) for number, record in enumerate(others)]
    placed += [((number + 0.5) / len(some), record) for number, record in enumerate(some)]
    return [record for _, record in sorted(placed, key=itemgetter(0))]


def _withheld(phrase: str, records: Iterable[Record]) -> str:
    for record in records:
        phrase = withhold(phrase, record.text)
    return phrase
