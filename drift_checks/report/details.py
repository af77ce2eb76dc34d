"""What a report shows of a record: its text, both decisions with their reasons, and what lies near it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from drift_checks.core.records import RecordId


@dataclass(frozen=True)
class Reasons:
    """Why a category was decided on, and by which version; None for what is not known."""

    evidence: str | None = None
    rationale: str | None = None
    model: str | None = None
    prompt: str | None = None


@dataclass(frozen=True)
class Near:
    """A record near another one: `similarity` is 1 for the same place."""

    record_id: str | None
    category: str | None
    similarity: float
    text: str | None = None


@dataclass(frozen=True)
class Details:
    """What is known of a record beside the two decisions; None for what is not.

    `timestamp` is as the store has it, `age_days` counts to the reference time of the run.
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


def near_as_plain(near: Mapping[RecordId, tuple[Near, ...]]) -> list[tuple[RecordId, list[dict[str, Any]]]]:
    """Return the neighbours of records as plain values, to cross from process to process."""
    return [(key, [asdict(item) for item in found]) for key, found in near.items()]


def near_from_plain(plain: list[Any]) -> dict[RecordId, tuple[Near, ...]]:
    """Return the neighbours of records that `near_as_plain` made this of."""
    return {key: tuple(Near(**item) for item in found) for key, found in plain}
