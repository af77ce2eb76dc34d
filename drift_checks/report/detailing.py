"""What a report shows of a record, from the store, the reviews and the vectors."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from drift_checks.core.instants import read_instant
from drift_checks.core.records import Record, RecordId, Review, as_text
from drift_checks.core.redaction import redacted
from drift_checks.report.details import Details, Near, Reasons
from drift_checks.reviews.slices import SampleSlice
from drift_checks.reviews.vectors.base import VectorSet
from drift_checks.settings.declarations import Settings

_NEAREST = 5
_LONGEST_NEAR = 200


def find_near(
    records: Collection[Record], vectors: VectorSet | None, *, redact: bool
) -> dict[RecordId, tuple[Near, ...]]:
    """Return the records nearest to each record that has a vector, without texts if redacted."""
    if vectors is None or not records:
        return {}
    found = vectors.nearest_others(list(records), _NEAREST)
    return {
        key: tuple(
            Near(
                None if item.id is None else str(item.id),
                item.category,
                round(item.similarity, 4),
                None if redact or not item.text else item.text[:_LONGEST_NEAR],
            )
            for item in neighbours[:_NEAREST]
        )
        for key, neighbours in found.items()
    }


def detail(
    record: Record,
    review: Review | None,
    near: tuple[Near, ...],
    settings: Settings,
    slices: Sequence[SampleSlice] = (),
) -> Details:
    """Return what the report shows of a record of the sample: its review if there is one, its neighbours and slices.

    The settings give the zone of naive times, the reference time of ages, and whether texts are redacted.
    """
    moment = read_instant(record.values.get("timestamp"), settings.naive_timezone)
    redact = settings.redact
    review = Review(record.id) if review is None else redacted(review, record) if redact else review
    return Details(
        record_id=record.id,
        stratum=str(record.stratum),
        text=None if redact else record.text,
        stored=Reasons(
            None if redact else _text(record, "evidence"),
            None if redact else _text(record, "rationale"),
            _text(record, "model_version"),
            _text(record, "prompt_version"),
        ),
        reviewed=Reasons(review.evidence, review.rationale, review.model),
        timestamp=_text(record, "timestamp"),
        age_days=None if moment is None else (settings.as_of - moment).days,
        source=_text(record, "source"),
        embedding_model=_text(record, "embedding_model"),
        near=near,
        slices={found.dimension: found.value for found in slices if record.id in found.record_ids},
    )


def _text(record: Record, column: str) -> str | None:
    return as_text(record.values.get(column)) or None
