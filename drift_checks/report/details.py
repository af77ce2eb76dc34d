"""What a report shows of a record: its text, both decisions with their reasons, and its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drift_checks.core.records import RecordId


@dataclass(frozen=True)
class Reasons:
    """Why and by which version a category was chosen; None for what is unknown."""

    evidence: str | None = None
    rationale: str | None = None
    model: str | None = None
    prompt: str | None = None


@dataclass(frozen=True)
class Near:
    """A neighbour of a record; `similarity` is 1 for equal vectors."""

    record_id: str | None
    category: str | None
    similarity: float
    text: str | None = None


@dataclass(frozen=True)
class Details:
    """A record beside its two decisions; None for what is unknown.

    `timestamp` is the stored text, `age_days` the age at the run's reference time; `slices` are the values of the
    slices that it belongs to, by dimension.
    """

    record_id: RecordId
    stratum: str
    text: str | None
    stored: Reasons
    reviewed: Reasons
    timestamp: str | None = None
    age_days: int | None = None
    source: str | None = None
    embedding_model: str | None = None
    near: tuple[Near, ...] = ()
    slices: Mapping[str, str] = field(default_factory=dict)
