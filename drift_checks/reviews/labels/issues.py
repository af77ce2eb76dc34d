"""Labels that are probably wrong, and what is known of all labels of a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from drift_checks.core.records import RecordId, Stratum
from drift_checks.reviews.labels.predictions import LabelPredictions


@dataclass(frozen=True)
class Nearest:
    """The record of a category that is nearest to another record; `similarity` is the cosine."""

    record_id: RecordId
    similarity: float


@dataclass(frozen=True)
class LabelIssue:
    """A label that is probably wrong.

    Attributes:
        stored: The label.
        predicted: The category that is more probable.
        own: The probability of the label.
        other: That of the other category.
        age: `recent`, `older` or empty.
        stratum: The stratum of the record.
    """

    record_id: RecordId
    stored: str
    predicted: str
    own: float
    other: float
    age: str
    stratum: str = Stratum.BASELINE


@dataclass(frozen=True)
class AgeCount:
    """The records of a category by age, and how many of their labels are probably wrong."""

    recent: int
    recent_wrong: int
    older: int
    older_wrong: int

    @classmethod
    def total(cls, counts: Iterable[AgeCount]) -> AgeCount:
        """Return the counts of all categories together."""
        columns = zip(*((item.recent, item.recent_wrong, item.older, item.older_wrong) for item in counts), strict=True)
        return cls(*map(sum, columns))


@dataclass(frozen=True)
class LabelAssessment:
    """What is known of the labels of a store.

    Attributes:
        missing: Why nothing is known; empty if something is.
        basis: The kind of vectors.
        records: How many records were predicted.
        wrong: How many labels are probably wrong, as estimated.
        issues: These labels, the most doubtful first.
        by_category: Counts by category.
        nearest: The records nearest to the first issues: the one with the stored and the one with the predicted label.
        remarks: What was left out, and what else a reader must know.
        fitted: Whether the regressions were fitted in this run.
        predicted: How many records were predicted in this run.
        predictions: How probable all labels are, by stratum; None if nothing is known.
    """

    missing: str = ""
    basis: str = ""
    records: int = 0
    wrong: float = 0.0
    issues: Sequence[LabelIssue] = ()
    by_category: Mapping[str, AgeCount] = field(default_factory=dict)
    nearest: Mapping[RecordId, tuple[Nearest | None, Nearest | None]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    fitted: bool = False
    predicted: int = 0
    predictions: LabelPredictions | None = None
