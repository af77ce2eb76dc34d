"""Slices of a sample: the records that share a category, a version, a source, an age or a length of text."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import quantiles

from drift_checks.core.instants import read_instant
from drift_checks.core.records import Record, RecordId, Sample, as_text
from drift_checks.settings.declarations import Settings

_AS_STORED = ("category", "model_version", "prompt_version", "source")
_AGES = (30, 90, 180, 365)
_LENGTHS = ("short", "medium", "long")


@dataclass(frozen=True)
class SampleSlice:
    """Records of the sample that share a value."""

    dimension: str
    value: str
    record_ids: frozenset[RecordId]

    @property
    def name(self) -> str:
        """The unique name of the slice."""
        return f"{self.dimension}={self.value}"


def slice_sample(sample: Sample, settings: Settings) -> list[SampleSlice]:
    """Return the slices of a sample in each dimension that has more than one."""
    dimensions: dict[str, Callable[[Record], str | None]] = {
        column: partial(_stored, column=column) for column in _AS_STORED
    }
    dimensions["age"] = lambda record: _age(record, settings)
    bounds = _length_bounds(sample.records)
    dimensions["text_length"] = lambda record: _length(record, bounds)
    return [found for name, value_of in dimensions.items() for found in _slices(sample.records, name, value_of)]


def _slices(
    records: Sequence[Record], dimension: str, value_of: Callable[[Record], str | None]
) -> Iterator[SampleSlice]:
    members: dict[str, set[RecordId]] = {}
    for record in records:
        if (value := value_of(record)) is not None:
            members.setdefault(value, set()).add(record.id)
    if len(members) > 1:
        for value in sorted(members):
            yield SampleSlice(dimension, value, frozenset(members[value]))


def _stored(record: Record, column: str) -> str | None:
    stored = record.values.get(column)
    return as_text(stored) or None


def _age(record: Record, settings: Settings) -> str | None:
    moment = read_instant(record.values.get("timestamp"), settings.naive_timezone)
    if moment is None:
        return None
    place = bisect_right(_AGES, (settings.as_of - moment).days)
    if place == len(_AGES):
        return f"{_AGES[-1]} days or more"
    return f"{_AGES[place - 1] if place else 0} to {_AGES[place]} days"


def _length_bounds(records: Sequence[Record]) -> list[float]:
    """Return the lengths that divide the texts into three bands of equal size."""
    lengths = [len(record.text) for record in records]
    return quantiles(lengths, n=len(_LENGTHS)) if len(set(lengths)) > 1 else []


def _length(record: Record, bounds: Sequence[float]) -> str | None:
    return _LENGTHS[bisect_left(bounds, len(record.text))] if bounds else None
