"""The data that passes through a run: a stored decision, the sample of them, and the reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

RecordId = int | str

COLUMNS = (
    "id",
    "text",
    "category",
    "confidence",
    "timestamp",
    "text_hash",
    "chroma_id",
    "embedding_json",
    "evidence",
    "rationale",
    "model_version",
    "prompt_version",
    "embedding_model",
    "source",
    "response_time_ms",
    "input_tokens",
    "output_tokens",
    "archive_version",
    "last_reviewed_at",
    "review_count",
)
INDISPENSABLE = ("id", "text", "category")


class Stratum(StrEnum):
    """The part of the store that a record was drawn from; together they make up the store."""

    LOW_CONFIDENCE = "low_confidence"
    OLD = "old"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Record:
    """One stored decision.

    `values` holds the row as it is stored, by the names in COLUMNS, for the columns that the store has.
    """

    id: RecordId
    stratum: Stratum
    values: Mapping[str, object]

    @property
    def text(self) -> str:
        """The text, empty where the store has none."""
        return as_text(self.values["text"])

    @property
    def category(self) -> str:
        """The stored category, empty where the store has none."""
        return as_text(self.values["category"])

    @property
    def confidence(self) -> float | None:
        """The stored confidence, None where it cannot be read as a finite number."""
        return read_number(self.values.get("confidence"))

    def has(self, column: str) -> bool:
        """Whether the store has this column."""
        return column in self.values


@dataclass(frozen=True, slots=True)
class Sample:
    """The records under review and what the rest of the run must know about how they were drawn.

    `sizes` counts each stratum's records in the store; `judged` names the strata whose agreement is held
    against the thresholds; `notes` are sentences for the user.
    """

    records: tuple[Record, ...]
    sizes: Mapping[Stratum, int]
    judged: tuple[Stratum, ...]
    seed: int
    as_of: datetime
    naive_timezone: str
    chosen: bool = False
    unreadable: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def store_size(self) -> int:
        """How many records the store holds."""
        return sum(self.sizes.values())

    def drawn(self) -> dict[Stratum, int]:
        """Return how many records were drawn from each stratum."""
        counts = dict.fromkeys(Stratum, 0)
        for record in self.records:
            counts[record.stratum] += 1
        return counts


@dataclass(frozen=True, slots=True)
class Usage:
    """What the calls for one review used; None where the reviewer does not say.

    Attributes:
        input_tokens: Of all its calls.
        output_tokens: Of all its calls.
        cost: Of all its calls, in the currency of the prices that the user set.
        seconds: How long the call took that was answered.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None

    def plus(self, other: Usage) -> Usage:
        """Return the sum of both; the seconds are the other's, which came later."""
        return Usage(
            _sum(self.input_tokens, other.input_tokens),
            _sum(self.output_tokens, other.output_tokens),
            _sum(self.cost, other.cost),
            other.seconds,
        )


@dataclass(frozen=True, slots=True)
class Review:
    """A reviewer's decision on one record, or in `failure` why there is none.

    Attributes:
        record_id: The record.
        category: The category decided on.
        confidence: From 0 to 1, where the reviewer has one.
        failure: Why there is no decision.
        rationale: Why the reviewer decided so, where it says.
        evidence: The words that decided, where it says.
        model: The model that answered, as it names itself.
        asked: Whether the reviewer was asked: not where a budget was spent or it was down.
        needed: Whether the decision of the run needed it; what did not was not asked either.
        repeat: Whether the record had been reviewed before in this run, to see how steady the reviewer is.
        variant: Which other form of the record's text was asked about, from 1; 0 for the text itself.
        usage: What the calls used.
    """

    record_id: RecordId
    category: str | None = None
    confidence: float | None = None
    failure: str | None = None
    rationale: str | None = None
    evidence: str | None = None
    model: str | None = None
    asked: bool = True
    needed: bool = True
    repeat: bool = False
    variant: int = 0
    usage: Usage = field(default_factory=Usage)

    @property
    def made(self) -> bool:
        """Whether there is a decision."""
        return self.failure is None and self.category is not None

    def agrees_with(self, record: Record) -> bool:
        """Whether it comes to the stored category."""
        return self.made and self.category == record.category

    def as_plain(self) -> dict[str, Any]:
        """Return the review as plain values, without what is not there."""
        defaults = {item.name: item.default for item in fields(self)}
        return {key: value for key, value in asdict(self).items() if value != defaults[key] and key != "usage"} | {
            "usage": {key: value for key, value in asdict(self.usage).items() if value is not None}
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Review:
        """Return the review that `as_plain` made this of."""
        return cls(**{**plain, "usage": Usage(**plain["usage"])})


def _sum(first: float | None, second: float | None) -> Any:
    return second if first is None else first + (second or 0)


def read_number(value: object) -> float | None:
    """Return the finite number that a stored value holds, as a number or as text, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) != float("inf") and number == number else None


def as_text(value: object) -> str:
    """Return a stored value as text, empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value)
