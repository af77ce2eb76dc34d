"""What a reviewer is, and what a classifier is, of which the pool makes one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from drift_checks.core.errors import ReviewerError
from drift_checks.core.records import Record, RecordId, Review, Usage

OnCall = Callable[[RecordId], None]
OnReview = Callable[[Review], None]
OnSpent = Callable[[float], None]


def ignore(_: object) -> None:
    """Take no note."""


class Reviewing(Protocol):
    """Reviews under way: one for each record, as they are made, in any order."""

    def __iter__(self) -> Self:
        """Return itself."""

    def __next__(self) -> Review:
        """Wait for the next review.

        Raises:
            ReviewerError: The reviewer cannot go on.
        """

    def close(self) -> None:
        """End it, wherever it is; calls in flight are given up."""


class Reviewer(Protocol):
    """Decides records again; each gets one Review, failures included."""

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
        on_spent: OnSpent = ignore,
    ) -> Reviewing:
        """Begin to review.

        Args:
            records: What to review.
            repeats: Which records to review once more afterwards, whatever came out the first time.
            on_call: Called before each call, from any thread.
            on_review: Called with each review as it is made, from any thread, before it is handed out.
            on_spent: Called before each call with the most that it can cost, and after it with the difference to what
                it did, from any thread; not where costs are not counted.

        Raises:
            ReviewerError: The reviewer cannot be used.
        """


@dataclass(frozen=True, slots=True)
class Question:
    """What a classifier is asked: about a record, for the second time, or again after an unusable answer."""

    record: Record
    repeat: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a classifier answers."""

    category: str
    confidence: float | None = None
    rationale: str | None = None
    evidence: str | None = None
    model: str | None = None
    usage: Usage = field(default_factory=Usage)


class UnusableAnswer(Exception):
    """An answer that names no category that there is; the message says what it was, `usage` what it used."""

    def __init__(self, message: str, usage: Usage | None = None, model: str | None = None) -> None:
        super().__init__(message)
        self.usage = usage or Usage()
        self.model = model


class AskDifferently(Exception):
    """The endpoint did not take the question in this form; the classifier has learnt another one."""


class Classifier(Protocol):
    """Decides one text at a time; the pool makes a reviewer of it."""

    name: str
    model: str | None
    comparable_confidence: bool
    # Whether it is the user's own code.
    is_own: bool

    async def open(self) -> None:
        """Make ready, once, before the first question.

        Raises:
            ReviewerError: It cannot be used.
        """

    async def classify(self, question: Question) -> Answer:
        """Answer a question.

        Raises:
            UnusableAnswer: The answer is none; the pool asks once more.
            AskDifferently: The pool asks again at once.
        """

    def most_cost(self, question: Question) -> float:
        """Return the most that one call can cost; 0 where costs are not counted."""

    def explain_refusal(self, message: str) -> ReviewerError:
        """Return the error for credentials that were refused."""

    async def close(self) -> None:
        """Let go of what it holds, once, after the last question."""
