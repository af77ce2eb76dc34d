"""Seeded draws from the strata of a store.

A draw depends only on the seed, the strata and the ids, so the same store gives the same sample on any machine. Common
strata are drawn by rejection from random places of the whole store, rare ones from random positions within the stratum;
either way, each record of a stratum is equally likely.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol, TypeVar

from drift_checks.core.records import STORE_STRATA, RecordId, Stratum

Part = TypeVar("Part")

# A stratum with a smaller share of the store than this is drawn from its own positions.
_RARE = 0.01


class Divided(Protocol[Part]):
    """A store divided into parts; places and positions are ascending."""

    def places(self) -> int:
        """Return the number of places; each record has one, and some may be empty."""

    def at(self, places: Sequence[int]) -> Mapping[int, tuple[RecordId, Part]]:
        """Return the records at these places with their parts, without empty places."""

    def members(self, part: Part, positions: Sequence[int]) -> list[RecordId]:
        """Return the records at these positions of a part."""


# The largest size of a store, and the sample size that suffices for it every night; a larger store is reviewed weekly.
_RECOMMENDED = ((999, 20), (10_000, 50), (100_000, 100))
WEEKLY_SIZE = 200


@dataclass(frozen=True)
class Plan:
    """How many records to draw from each stratum, which strata are judged, and remarks for the user."""

    wanted: Mapping[Stratum, int]
    judged: tuple[Stratum, ...]
    notes: tuple[str, ...] = ()


def recommended_size(records: int) -> int:
    """Return the sample size for a store with this number of records: nightly up to 100,000, weekly above."""
    return next((size for most, size in _RECOMMENDED if records <= most), WEEKLY_SIZE)


def plan(
    sizes: Mapping[Stratum, int], sample_size: int, low_confidence_share: float, baseline: int, *, divided: bool
) -> Plan:
    """Allocate the sample to the strata; if one is too small, the other fills its place.

    Args:
        sizes: The number of records of each stratum in the store.
        sample_size: The number of records to draw from low_confidence and old together.
        low_confidence_share: The share of low_confidence in it, from 0 to 1.
        baseline: The number of additional records from the rest of the store.
        divided: Whether the store has the columns that define the strata; if not, all of it is sampled uniformly.
    """
    total = sum(sizes.values())
    if not divided:
        drawn = min(sample_size, total)
        note = (
            "the store has neither confidence nor timestamp to divide it by, so the sample is drawn uniformly from all"
            " of it"
        )
        return Plan({Stratum.BASELINE: drawn}, (Stratum.BASELINE,), (note, *_all_of_it(sample_size, total)))
    judged = (Stratum.LOW_CONFIDENCE, Stratum.OLD)
    if sample_size >= total:
        candidates = sizes[Stratum.LOW_CONFIDENCE] + sizes[Stratum.OLD]
        return Plan(dict(sizes), judged if candidates else (Stratum.BASELINE,), _all_of_it(sample_size, total))
    low_wanted = round(sample_size * low_confidence_share)
    low, old = _fill(low_wanted, sample_size - low_wanted, sizes[Stratum.LOW_CONFIDENCE], sizes[Stratum.OLD])
    wanted = dict(zip(STORE_STRATA, (low, old, min(baseline, sizes[Stratum.BASELINE])), strict=True))
    return Plan(wanted, judged, tuple(_shortfalls(wanted, low_wanted, sample_size, baseline)))


def plan_alike(sizes: Mapping[Stratum, int], sample_size: int) -> Plan:
    """Allocate the sample to the strata in proportion to their sizes, so that its rate estimates that of the store."""
    total = sum(sizes.values())
    if sample_size >= total:
        return Plan(dict(sizes), STORE_STRATA, _all_of_it(sample_size, total))
    exact = {stratum: sample_size * size / total for stratum, size in sizes.items()}
    wanted = {stratum: int(number) for stratum, number in exact.items()}
    # The largest remainders are rounded up.
    for stratum in sorted(exact, key=lambda key: wanted[key] - exact[key])[: sample_size - sum(wanted.values())]:
        wanted[stratum] += 1
    return Plan(wanted, STORE_STRATA, ("the sample is drawn uniformly from the whole store",))


def draw(
    divided: Divided[Part], wanted: Mapping[Part, int], sizes: Mapping[Part, int], seed: int
) -> dict[Part, list[RecordId]]:
    """Draw the wanted number of records of each part at random without replacement.

    The same seed draws the same records; those of a part are returned in the order of the store.
    """
    generator = random.Random(seed)  # noqa: S311 - a sample, not a secret
    total = sum(sizes.values())
    rare = {part for part in wanted if sizes[part] < total * _RARE or wanted[part] * 2 > sizes[part]}
    drawn = {
        part: divided.members(part, sorted(generator.sample(range(sizes[part]), wanted[part])))
        for part in wanted
        if part in rare
    }
    common = {part: number for part, number in wanted.items() if part not in rare and number}
    # Large enough that most draws need only one batch.
    places = divided.places()
    batch = 8 + max((ceil(1.3 * number * places / sizes[part]) for part, number in common.items()), default=0)
    drawn.update(_reject(divided, common, _batches(places, batch, generator)))
    return {part: drawn.get(part, []) for part in wanted}


def _reject(
    divided: Divided[Part], wanted: Mapping[Part, int], batches: Iterator[list[int]]
) -> dict[Part, list[RecordId]]:
    accepted: dict[Part, dict[RecordId, int]] = {part: {} for part in wanted}
    while any(len(accepted[part]) < number for part, number in wanted.items()):
        order = next(batches, None)
        if order is None:
            # There are fewer records than were counted.
            break
        found = divided.at(sorted(order))
        for place in filter(found.__contains__, order):
            record_id, part = found[place]
            if part in wanted and len(accepted[part]) < wanted[part]:
                accepted[part].setdefault(record_id, place)
    return {part: sorted(chosen, key=chosen.__getitem__) for part, chosen in accepted.items()}


def _batches(places: int, size: int, generator: random.Random) -> Iterator[list[int]]:
    """Yield all places in random order, a batch at a time."""
    seen: set[int] = set()
    while len(seen) < places:
        batch: dict[int, None] = {}
        while len(batch) < min(size, places - len(seen)):
            place = generator.randrange(places)
            if place not in seen:
                batch[place] = None
        seen.update(batch)
        yield list(batch)


def _fill(low_wanted: int, old_wanted: int, low_there: int, old_there: int) -> tuple[int, int]:
    low = min(low_there, low_wanted + max(0, old_wanted - old_there))
    return low, min(old_there, low_wanted + old_wanted - low)


def _shortfalls(wanted: Mapping[Stratum, int], low_wanted: int, sample_size: int, baseline: int) -> Iterator[str]:
    low = wanted[Stratum.LOW_CONFIDENCE], low_wanted, "low-confidence records"
    old = wanted[Stratum.OLD], sample_size - low_wanted, "old records"
    for (number, target, what), (others, others_target, other) in ((low, old), (old, low)):
        if number < target:
            more = others - others_target
            filled = f"; {more} {other} replace the others" if more > 0 else ""
            yield f"the store has only {number} of {target} wanted {what}{filled}"
    if wanted[Stratum.BASELINE] < baseline:
        yield f"the rest of the store has only {wanted[Stratum.BASELINE]} of {baseline} wanted baseline records"


def _all_of_it(sample_size: int, total: int) -> tuple[str, ...]:
    if sample_size < total:
        return ()
    return (f"the store ({total}) is no larger than the sample size ({sample_size}), so all of it is reviewed",)
