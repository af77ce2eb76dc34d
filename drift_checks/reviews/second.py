"""The reviewers of a run beside the first: each reviews the same records once, and decides no verdict."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from drift_checks.core.errors import DriftError
from drift_checks.core.records import Record, Review
from drift_checks.reviews.batches import BatchReviewer
from drift_checks.reviews.ledger import Ledger
from drift_checks.reviews.reviewers.base import Classifier, Reviewer
from drift_checks.reviews.reviewers.concurrency import UsedConcurrency
from drift_checks.reviews.reviewers.pool import BackgroundReviewer, PooledReviewer

_LOGGER = logging.getLogger(__name__)


class SecondReviewer:
    """A reviewer beside the first; if it fails, its reviews say why, and the run goes on.

    Args:
        name: Its name in the setting `reviewer`.
        classifier: What the pool calls; None for `neighbours`.
        make_reviewer: Called if there is something to review.
        redact: Whether to keep the text of records out of its reviews.
    """

    def __init__(
        self, name: str, classifier: Classifier | None, make_reviewer: Callable[[], Reviewer], *, redact: bool
    ) -> None:
        self.name = name
        self.classifier = classifier
        self.ledger = Ledger(name)
        self.concurrency: UsedConcurrency | None = None
        self._make_reviewer = make_reviewer
        self._reviewer: Reviewer | None = None
        self._left: Sequence[Record] = ()
        self._wait: Callable[[], None] | None = None
        self._batches = BatchReviewer(self.ledger, self._made, redact=redact, is_concurrent=False)

    @property
    def is_remote(self) -> bool:
        """Whether an endpoint answers, so that it may be asked while others are."""
        return self.classifier is not None and not self.classifier.is_own

    @property
    def model(self) -> str | None:
        """The models that answered; before any answer, the model that will be asked."""
        return ", ".join(self.ledger.totals()["models"]) or (self.classifier.model if self.classifier else None)

    def begin(self, records: Sequence[Record]) -> None:
        """Start to review the records that it has not reviewed yet."""
        self._left = [record for record in records if record.id not in self.ledger.reviews]
        if self._left:
            with self._failing_alone():
                self._wait = self._batches.begin(self._left)

    def finish(self) -> None:
        """Wait for the reviews."""
        if self._wait is not None:
            with self._failing_alone():
                self._wait()
            self._wait = None

    def close(self) -> None:
        """Close it after its last review; calls in flight are abandoned."""
        if isinstance(self._reviewer, PooledReviewer):
            self.concurrency = self._reviewer.used_concurrency()
        if isinstance(self._reviewer, BackgroundReviewer):
            self._reviewer.finish()

    def _made(self) -> Reviewer:
        self._reviewer = self._make_reviewer()
        return self._reviewer

    @contextmanager
    def _failing_alone(self) -> Iterator[None]:
        """Turn an error into the reason why records have no review."""
        try:
            yield
        except DriftError as error:
            _LOGGER.warning("%s reviews no more: %s", self.name, error)
            for record in self._left:
                if record.id not in self.ledger.reviews:
                    self.ledger.add(Review(record.id, failure=str(error), asked=False))
