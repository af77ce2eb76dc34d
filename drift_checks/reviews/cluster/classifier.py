"""The user's own classifier on the workers of a cluster.

Budget, pace, retries, circuit breaker and journal are the pool's, as without a cluster: each call is made once, for the
pool, and Dask repeats none.
"""

from __future__ import annotations

from collections.abc import Hashable

from drift_checks.reviews.cluster.outcomes import fault_of
from drift_checks.reviews.cluster.workers import Workers
from drift_checks.reviews.reviewers.base import Classification, Fault, Request
from drift_checks.reviews.reviewers.own import OwnClassifier


class ClusterClassifier:
    """Calls the user's code on workers."""

    is_own = True

    def __init__(self, own: OwnClassifier, workers: Workers) -> None:
        self.name = own.name
        self.model = own.model
        self.comparable_confidence = own.comparable_confidence
        self.deterministic = own.deterministic
        self.workers = workers
        self.capacity = workers.capacity

    async def open(self) -> None:
        """Open the classifier on the workers; returns when one is ready.

        Raises:
            ClusterUnavailable: There is no scheduler, or no worker.
            ReviewerError: The classifier cannot be used on the workers, or these have other versions.
        """
        await self.workers.open()
        self.capacity = self.workers.capacity

    async def ready(self, request: Request) -> None:
        """Wait for a worker for the request."""
        await self.workers.ready(_key(request))

    async def classify(self, request: Request) -> Classification:
        """Return the decision of the user's code on a worker."""
        answer: Classification = await self.workers.ask(_key(request), request.record.text)
        return answer

    def max_cost(self, request: Request) -> float:
        """Return 0: the cost is not known."""
        return 0.0

    def fault(self, error: Exception) -> Fault | None:
        """Return what every call would fail with, as the worker judged it."""
        return fault_of(error)

    async def close(self) -> None:
        """Close the classifier on all workers, and disconnect."""
        await self.workers.close()


def _key(request: Request) -> Hashable:
    return request.record.id, request.repeat
