"""The interfaces of a reviewer, and of a classifier, which the pool turns into a reviewer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from drift_checks.core.errors import ReviewerError
from drift_checks.core.records import Record, RecordId, Review, Usage

OnCall = Callable[[RecordId], None]
OnReview = Callable[[Review], None]
OnCost = Callable[[float], None]


def ignore(_: object) -> None:
    """Do nothing: the default callback."""


class ReviewIterator(Protocol):
    """Reviews in progress: one for each record, in the order in which they are made."""

    def __iter__(self) -> Self:
        """Return the iterator itself."""

    def __next__(self) -> Review:
        """Wait for the next review.

        Raises:
            ReviewerError: The reviewer cannot continue.
        """

    def close(self) -> None:
        """Stop reviewing; calls in flight are abandoned."""


class Reviewer(Protocol):
    """Classifies records again; each record gets one Review, failures included."""

    name: str
    model: str | None
    # Whether its confidence is on the scale of the stored one, so that the two can be subtracted.
    comparable_confidence: bool

    def review(
        self,
        records: Sequence[Record],
        repeats: Sequence[Record] = (),
        on_call: OnCall = ignore,
        on_review: OnReview = ignore,
        on_cost: OnCost = ignore,
    ) -> ReviewIterator:
        """Start reviewing the records, and the repeats once more afterwards; callbacks may come from any thread.

        Args:
            records: The records to review.
            repeats: The records to review once more.
            on_call: Called before each call.
            on_review: Called with each review before the iterator returns it.
            on_cost: If costs are counted, called before each call with the most that it can cost, and after it with the
                difference to its actual cost.

        Raises:
            ReviewerError: The reviewer cannot be used.
        """


@dataclass(frozen=True, slots=True)
class Request:
    """A request to classify a record: its second review if `repeat`; after an unusable answer if `retry`."""

    record: Record
    repeat: bool = False
    retry: bool = False


@dataclass(frozen=True, slots=True)
class Classification:
    """A classifier's answer."""

    category: str
    confidence: float | None = None
    rationale: str | None = None
    evidence: str | None = None
    model: str | None = None
    usage: Usage = field(default_factory=Usage)


class UnusableAnswer(Exception):
    """An answer without a valid category; the message says what is wrong, `usage` what the call used."""

    def __init__(self, message: str, usage: Usage | None = None, model: str | None = None) -> None:
        super().__init__(message)
        self.usage = usage or Usage()
        self.model = model


class ParametersRejected(Exception):
    """The endpoint rejected a parameter of the call; the classifier omits it from now on."""


class Classifier(Protocol):
    """Classifies one text at a time; the pool turns it into a reviewer."""

    name: str
    model: str | None
    comparable_confidence: bool
    # Whether it is the user's own code.
    is_own: bool

    async def open(self) -> None:
        """Prepare for requests; called once, before the first.

        Raises:
            ReviewerError: The classifier cannot be used.
        """

    async def classify(self, request: Request) -> Classification:
        """Classify a record.

        Raises:
            UnusableAnswer: The answer has no valid category; the pool retries once.
            ParametersRejected: The pool retries at once.
        """

    def max_cost(self, request: Request) -> float:
        """Return the most that one call can cost; 0 if costs are not counted."""

    def refusal_error(self, reason: str) -> ReviewerError:
        """Return the error to raise if the credentials are refused."""

    async def close(self) -> None:
        """Release resources; called once, after the last request."""
