"""Seeded draws from the strata of a store.

A draw depends on the seed, the strata and the ids alone, so the same store gives the same sample on any
machine. Common strata are drawn by rejection from random places of the whole store, rare ones from random
positions of their own: either way each record of a stratum is as likely as any other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol, TypeVar

from drift_checks.core.records import RecordId, Stratum

Part = TypeVar("Part")

# A stratum with less than this share of the store is drawn from its own positions.
_RARE = 0.01


class Divided(Protocol[Part]):
    """A store divided into parts, as the sampler needs it; places and positions are given ascending."""

    def places(self) -> int:
        """Return how many places there are; each record has one, and some may be empty."""

    def at(self, places: Sequence[int]) -> Mapping[int, tuple[RecordId, Part]]:
        """Return the record at each of these places that holds one, with its part."""

    def members(self, part: Part, positions: Sequence[int]) -> list[RecordId]:
        """Return the records at these positions of a part."""


# The most records of a store, and the sample that is enough for it every night; of a larger one, every week.
_RECOMMENDED = ((999, 20), (10_000, 50), (100_000, 100))
WEEKLY_SIZE = 200


@dataclass(frozen=True)
class Plan:
    """How many records to draw from each stratum, whose agreement is judged, and what the user is told."""

    wanted: Mapping[Stratum, int]
    judged: tuple[Stratum, ...]
    notes: tuple[str, ...] = ()


def recommended_size(records: int) -> int:
    """Return how many records to review of a store of so many: nightly, and weekly where it is more than 100,000."""
    return next((size for most, size in _RECOMMENDED if records <= most), WEEKLY_SIZE)


def plan(
    sizes: Mapping[Stratum, int],
    sample_size: int,
    low_confidence_share: float,
    baseline: int,
    *,
    divided: bool,
) -> Plan:
    """Divide the sample among the strata; one that is too small is filled from the other.

    Args:
        sizes: Each stratum's records in the store.
        sample_size: Records of the strata low_confidence and old together.
        low_confidence_share: The share of them of low confidence, 0 to 1.
        baseline: Further records, from the rest of the store.
        divided: Whether the store has what divides it into strata; if not, the sample is drawn from all of it.
    """
    total = sum(sizes.values())
    if not divided:
        drawn = min(sample_size, total)
        note = "the store has neither confidence nor timestamp, so the sample is drawn from all of it alike"
        return Plan({Stratum.BASELINE: drawn}, (Stratum.BASELINE,), (note, *_all_of_it(sample_size, total)))
    judged = (Stratum.LOW_CONFIDENCE, Stratum.OLD)
    if sample_size >= total:
        candidates = sizes[Stratum.LOW_CONFIDENCE] + sizes[Stratum.OLD]
        return Plan(dict(sizes), judged if candidates else (Stratum.BASELINE,), _all_of_it(sample_size, total))
    low_wanted = round(sample_size * low_confidence_share)
    low, old = _fill(low_wanted, sample_size - low_wanted, sizes[Stratum.LOW_CONFIDENCE], sizes[Stratum.OLD])
    wanted = {
        Stratum.LOW_CONFIDENCE: low,
        Stratum.OLD: old,
        Stratum.BASELINE: min(baseline, sizes[Stratum.BASELINE]),
    }
    return Plan(wanted, judged, tuple(_shortfalls(wanted, low_wanted, sample_size, baseline)))


def plan_alike(sizes: Mapping[Stratum, int], sample_size: int) -> Plan:
    """Divide the sample among the strata as the store is divided, so that its rate estimates the store's.

    Args:
        sizes: Each stratum's records in the store.
        sample_size: Records to draw; all strata are judged.
    """
    total = sum(sizes.values())
    if sample_size >= total:
        return Plan(dict(sizes), tuple(Stratum), _all_of_it(sample_size, total))
    exact = {stratum: sample_size * size / total for stratum, size in sizes.items()}
    wanted = {stratum: int(number) for stratum, number in exact.items()}
    # The largest remainders are rounded up.
    for stratum in sorted(exact, key=lambda key: wanted[key] - exact[key])[: sample_size - sum(wanted.values())]:
        wanted[stratum] += 1
    return Plan(wanted, tuple(Stratum), ("the sample is drawn from the whole store alike",))


def draw(
    divided: Divided[Part], wanted: Mapping[Part, int], sizes: Mapping[Part, int], seed: int
) -> dict[Part, list[RecordId]]:
    """Draw records at random without replacement, those of each part in the order of the store.

    Args:
        divided: The store's parts, as its strata.
        wanted: Records to draw from each; at most its size.
        sizes: Each part's records in the store.
        seed: The same seed draws the same records.
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
    # About as many positions as it will take, so that most draws need one batch.
    places = divided.places()
    batch = 8 + max((ceil(1.3 * number * places / sizes[part]) for part, number in common.items()), default=0)
    drawn.update(_reject(divided, common, _batches(places, batch, generator)))
    return {part: drawn.get(part, []) for part in wanted}


def _reject(
    divided: Divided[Part], wanted: Mapping[Part, int], batches: Iterator[list[int]]
) -> dict[Part, list[RecordId]]:
    accepted: dict[Part, list[tuple[int, RecordId]]] = {part: [] for part in wanted}
    while any(len(accepted[part]) < number for part, number in wanted.items()):
        order = next(batches, None)
        if order is None:
            # Fewer are there than were counted.
            break
        found = divided.at(sorted(order))
        for place in filter(found.__contains__, order):
            record_id, part = found[place]
            if part in wanted and len(accepted[part]) < wanted[part]:
                accepted[part].append((place, record_id))
    return {part: [record_id for _, record_id in sorted(chosen)] for part, chosen in accepted.items()}


def _batches(places: int, size: int, generator: random.Random) -> Iterator[list[int]]:
    """Yield all places in random order, a batch at a time, remembering only those already drawn."""
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
    low, old = wanted[Stratum.LOW_CONFIDENCE], wanted[Stratum.OLD]
    if low < low_wanted:
        yield f"the store has only {low} records of low confidence, {low_wanted} were wanted" + _filled(
            old - (sample_size - low_wanted), "old ones"
        )
    if old < sample_size - low_wanted:
        yield f"the store has only {old} old records, {sample_size - low_wanted} were wanted" + _filled(
            low - low_wanted, "ones of low confidence"
        )
    if wanted[Stratum.BASELINE] < baseline:
        yield f"the rest of the store has only {wanted[Stratum.BASELINE]} records, {baseline} were wanted as baseline"


def _filled(number: int, others: str) -> str:
    return f"; {number} {others} take their place" if number > 0 else ""


def _all_of_it(sample_size: int, total: int) -> tuple[str, ...]:
    if sample_size < total:
        return ()
    return (f"the sample size ({sample_size}) is no smaller than the store ({total}): all of it is reviewed",)
