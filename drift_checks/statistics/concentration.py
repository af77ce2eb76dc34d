"""Where records of a kind are concentrated: in which slice of all records, or before or after which instant."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from drift_checks.statistics.multiplicity import holm
from drift_checks.statistics.slices import SliceCount, compare_slice

# Dates that divide the records into parts of equal size.
_SPLITS = 10
# The records on either side of a slice, and the probability that any is named by chance.
_LEAST, _LEVEL = 5, 0.05


@dataclass(frozen=True)
class Concentration:
    """A slice that holds more of the marked records than chance explains.

    Attributes:
        dimension: The dimension of the slice; `since` or `before` for a date.
        value: The slice's value, or the date.
        inside: How many of its records are marked.
        number: The number of its records.
        p_value: Adjusted for everything that was searched.
    """

    dimension: str
    value: str
    inside: int
    number: int
    p_value: float


def concentrations(
    marked: Sequence[bool],
    dimensions: Mapping[str, Sequence[Hashable]],
    moments: Sequence[datetime | None],
) -> list[Concentration]:
    """Return the slices and dates in which marked records are concentrated, the most certain first.

    Each value with enough records on either side of it, and each of nine dates, is compared with the rest by Fisher's
    exact test, one-sided (R. A. Fisher, Statistical methods for research workers (1934)); Holm's method adjusts for
    all of them.

    Args:
        marked: Whether each record is of that kind.
        dimensions: The value of each record by dimension; None if it has none.
        moments: The time of each record.
    """
    slices = _ages(moments)
    for dimension, values in dimensions.items():
        known = sorted({value for value in values if value is not None}, key=str)
        slices += [(dimension, str(value), [other == value for other in values]) for value in known]
    found = []
    for dimension, value, members in slices:
        number = sum(members)
        if min(number, len(members) - number) < _LEAST:
            continue
        inside = sum(is_marked and is_in for is_marked, is_in in zip(marked, members, strict=True))
        outside = sum(marked) - inside
        rest = len(members) - number
        compared = compare_slice([SliceCount(number - inside, number, rest - outside, rest)])
        if compared is not None:
            found.append(Concentration(dimension, value, inside, number, compared.p_value))
    adjusted = holm([item.p_value for item in found])
    sure = [
        Concentration(item.dimension, item.value, item.inside, item.number, p_value)
        for item, p_value in zip(found, adjusted, strict=True)
        if p_value <= _LEVEL
    ]
    return sorted(sure, key=lambda item: (item.p_value, -item.inside))


def _ages(moments: Sequence[datetime | None]) -> list[tuple[str, str, list[bool]]]:
    known = sorted(moment for moment in moments if moment is not None)
    dates = sorted({known[len(known) * step // _SPLITS].date() for step in range(1, _SPLITS)}) if known else []
    slices = []
    for date in dates:
        after = [moment is not None and moment.date() >= date for moment in moments]
        before = [moment is not None and moment.date() < date for moment in moments]
        slices += [("since", f"{date}", after), ("before", f"{date}", before)]
    return slices
