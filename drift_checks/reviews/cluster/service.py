"""What answers questions on a worker, and how it gets there."""

from __future__ import annotations

from typing import Any, Protocol

from drift_checks.reviews.reviewers.base import Fault


class Service(Protocol):
    """Answers questions on a worker."""

    async def open(self) -> None:
        """Prepare for questions; called once, before the first.

        Raises:
            DriftError: It cannot be used.
        """

    async def answer(self, question: Any) -> Any:
        """Return the answer, which can be pickled."""

    def fault(self, error: Exception) -> Fault | None:
        """Return what every question would fail with, None if the error may be this one's own or may pass."""

    async def close(self) -> None:
        """Release resources; called once, after the last question."""


class Shipment(Protocol):
    """A service as it is sent to the workers: it can be pickled."""

    def unpack(self) -> Service:
        """Return the service on a worker.

        Raises:
            DriftError: The worker cannot load it.
        """
