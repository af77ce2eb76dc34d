"""The interfaces of a reviewer, and of a classifier, which the pool turns into a reviewer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from drift_checks.core.errors import DriftError
from drift_checks.core.records import Record, RecordId, Review, Usage

OnCall = Callable[[RecordId], None]
OnReview = Callable[[Review], None]
OnCost = Callable[[float], None]
# More than any model reads or writes in a call.
_MOST_TOKENS = 10**9


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
    """A request to classify a record: its second review if `repeat`; after an unusable answer if `retry`.

    `omitted` are the parameters of the call that the endpoint rejected when it was asked before.
    """

    record: Record
    repeat: bool = False
    retry: bool = False
    omitted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Classification:
    """A classifier's answer."""

    category: str
    confidence: float | None = None
    rationale: str | None = None
    evidence: str | None = None
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    omitted_parameters: tuple[str, ...] = ()


class UnusableAnswer(Exception):
    """An answer without a valid category; the message says what is wrong, `usage` what the call used."""

    def __init__(self, message: str, usage: Usage | None = None, model: str | None = None) -> None:
        super().__init__(message)
        self.usage = usage or Usage()
        self.model = model


class ParametersRejected(Exception):
    """The endpoint rejected parameters of the call, which may work without all those in `omitted`."""

    def __init__(self, omitted: frozenset[str] = frozenset()) -> None:
        super().__init__(", ".join(sorted(omitted)))
        self.omitted = omitted


class NotSent(ConnectionError):
    """The endpoint could not be reached, so that the call cost nothing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure that is probably not the record's but that of every call, and that does not pass by itself.

    The run ends with `error` if no call was answered and as many `records` failed so.
    """

    error: DriftError
    records: int = 1


def token_count(number: object) -> int | None:
    """Return a number of tokens, None if it cannot be one."""
    return number if type(number) is int and 0 <= number <= _MOST_TOKENS else None


class Classifier(Protocol):
    """Classifies one text at a time; the pool turns it into a reviewer."""

    name: str
    model: str | None
    comparable_confidence: bool
    # Whether it is the user's own code.
    is_own: bool
    # How many calls it can make at once, if these are more than the setting `concurrency`; known once it is open.
    capacity: int

    async def open(self) -> None:
        """Prepare for requests; called once, before the first.

        Raises:
            ReviewerError: The classifier cannot be used.
        """

    async def ready(self, request: Request) -> None:
        """Wait until a call for the request may begin; the time is not the call's."""

    async def classify(self, request: Request) -> Classification:
        """Classify a record.

        Raises:
            UnusableAnswer: The answer has no valid category; the pool retries once.
            ParametersRejected: The pool repeats the request at once, without them.
        """

    def max_cost(self, request: Request) -> float:
        """Return the most that one call can cost; 0 if costs are not counted."""

    def fault(self, error: Exception) -> Fault | None:
        """Return what every call would fail with, None if the error may be the record's own or may pass.

        It is also asked about an UnusableAnswer.

        Raises:
            DriftError: The run must end at once.
        """

    async def close(self) -> None:
        """Release resources; called once, after the last request."""
