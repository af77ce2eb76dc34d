"""The data that passes through a run: a stored decision, the sample of them, and the reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

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
        return _as_text(self.values["text"])

    @property
    def category(self) -> str:
        """The stored category, empty where the store has none."""
        return _as_text(self.values["category"])

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
class Review:
    """A reviewer's decision on one record, or in `failure` why there is none."""

    record_id: RecordId
    category: str | None = None
    confidence: float | None = None
    failure: str | None = None
    rationale: str | None = None

    @property
    def made(self) -> bool:
        """Whether there is a decision."""
        return self.failure is None and self.category is not None


def read_number(value: object) -> float | None:
    """Return the finite number that a stored value holds, as a number or as text, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) != float("inf") and number == number else None


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value)
