"""What a worker returns of a call: an answer, or a failure, in terms that need none of the user's libraries."""

from __future__ import annotations

from dataclasses import dataclass

from drift_checks.core.records import Usage
from drift_checks.reviews.cluster.service import Service
from drift_checks.reviews.reviewers import failures
from drift_checks.reviews.reviewers.base import Fault, UnusableAnswer

# No message is shown at greater length.
_LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that failed on a worker.

    Attributes:
        kind: The name of the exception's class.
        message: What it said.
        is_unusable: Whether the call was answered, without a valid category.
        status: Its HTTP status.
        is_transient: Whether the same call may succeed a little later.
        retry_after: The seconds that it asks to wait.
        fault: The failure that every call would share.
        usage: What an unusable answer used.
        model: The model that gave it.
    """

    kind: str
    message: str
    is_unusable: bool = False
    status: int | None = None
    is_transient: bool = False
    retry_after: float | None = None
    fault: Fault | None = None
    usage: Usage | None = None
    model: str | None = None

    @classmethod
    def of(cls, error: Exception, service: Service) -> Failure:
        """Return what the run must know of an exception."""
        fault = service.fault(error)
        if isinstance(error, UnusableAnswer):
            return cls(
                "UnusableAnswer", str(error), is_unusable=True, fault=fault, usage=error.usage, model=error.model
            )
        return cls(
            type(error).__name__,
            str(error)[:_LONGEST],
            status=failures.status_of(error),
            is_transient=failures.is_transient(error),
            retry_after=failures.retry_after(error),
            fault=fault,
        )

    def as_exception(self) -> Exception:
        """Return an exception that the pool treats and describes as the one on the worker."""
        if self.is_unusable:
            unusable = UnusableAnswer(self.message, self.usage, self.model)
            unusable.fault = self.fault  # type: ignore[attr-defined]
            return unusable
        base = ConnectionError if self.is_transient and self.status is None else Exception
        members: dict[str, object] = {"status": self.status, "fault": self.fault}
        if self.retry_after is not None:
            members["headers"] = {"Retry-After": str(self.retry_after)}
        error: Exception = type(self.kind, (base,), members)(self.message)
        return error


def fault_of(error: Exception) -> Fault | None:
    """Return the fault that came with an exception of a worker."""
    fault: Fault | None = getattr(error, "fault", None)
    return fault
