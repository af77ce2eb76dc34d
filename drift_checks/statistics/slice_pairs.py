"""Comparison of what two slices of the sample share with the rest."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.slices import SliceCount, SliceDifference, compare_slice

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WeakPair:
    """The records that two slices share, which agree less than others.

    Attributes:
        slices: The numbers of the two slices.
        shared: Those that agreed and those that were reviewed; `others` are those of either slice alone.
        difference: The stratified rate of the rest of the sample minus that of the shared records.
        p_value: The one-sided p-value of a lower rate, adjusted for all pairs that were searched.
    """

    slices: tuple[int, int]
    shared: tuple[int, int]
    others: tuple[tuple[int, int], tuple[int, int]]
    difference: float
    p_value: float


@dataclass(frozen=True)
class PairSearch:
    """How many pairs were searched, and the one that is least likely to be chance; None if none says more."""

    searched: int
    weakest: WeakPair | None


def search_pairs(slices: Integers, stratum: Integers, agreed: Integers, least: int, margin: float) -> PairSearch:
    """Compare the records that two slices share with the rest of the sample, for all pairs of slices.

    The comparison is that of single slices (`compare_slice`). By S. Holm, Scandinavian Journal of Statistics 6 (1979),
    the smallest p-value is multiplied by the number of pairs, which only depends on how many records they share. A pair
    says more than its slices if it agrees less than the other records of each by more than `margin`, and if its
    adjusted p-value is lower than that of each.

    Args:
        slices: The number of each record's slice in each dimension, below 0 if it has none; slices of different
            dimensions have different numbers. Shape (records, dimensions).
        stratum: The stratum of each record, 0 or 1.
        agreed: 1 for each record that agrees, 0 for the others.
        least: The number of records that a pair needs.
        margin: The difference of rates, from 0 to 1.
    """
    kinds = 2 * stratum + agreed
    total = np.bincount(kinds, minlength=4)
    counts = np.zeros((int(np.max(slices, initial=-1)) + 1, 4), dtype=np.int64)
    there = slices >= 0
    np.add.at(counts, (slices[there], np.broadcast_to(kinds[:, None], slices.shape)[there]), 1)
    pairs, shared = _pairs(slices, kinds, len(counts), least)
    others = [counts[pairs[:, place]] - shared for place in (0, 1)]
    searched = np.all([_comparable(shared, rest) for rest in others], axis=0)
    pairs, shared, others = pairs[searched], shared[searched], [rest[searched] for rest in others]
    lower = np.all([_differences(shared, rest) > margin for rest in (*others, total - shared)], axis=0)
    singles = int((counts.sum(axis=1) >= least).sum())
    found = []
    for place in np.flatnonzero(lower):
        compared = _compared(shared[place], total - shared[place])
        alone = [_compared(counts[number], total - counts[number]) for number in pairs[place]]
        p_value = min(1.0, compared.p_value * len(pairs))
        if all(p_value < single.p_value * singles for single in alone):
            either = (_agreed_and_reviewed(others[0][place]), _agreed_and_reviewed(others[1][place]))
            numbers = (int(pairs[place][0]), int(pairs[place][1]))
            found.append(WeakPair(numbers, _agreed_and_reviewed(shared[place]), either, compared.difference, p_value))
    return PairSearch(len(pairs), min(found, key=lambda pair: (pair.p_value, pair.slices), default=None))


def _pairs(slices: Integers, kinds: Integers, number: int, least: int) -> tuple[Integers, Integers]:
    """Return the pairs of slices that share enough records, and how many of each kind they share."""
    found = []
    for first, second in combinations(slices.T, 2):
        both = (first >= 0) & (second >= 0)
        codes, numbers = np.unique((first * number + second)[both] * 4 + kinds[both], return_counts=True)
        found.append(np.stack([codes, numbers]))
    codes, numbers = np.concatenate(found, axis=1) if found else np.zeros((2, 0), dtype=np.int64)
    keys, places = np.unique(codes // 4, return_inverse=True)
    shared = np.zeros((len(keys), 4), dtype=np.int64)
    shared[places, codes % 4] = numbers
    enough = shared.sum(axis=1) >= least
    return np.stack(np.divmod(keys[enough], max(1, number)), axis=1), shared[enough]


def _reviewed(counts: Integers) -> Integers:
    """Return the number of records in each stratum."""
    return counts[..., 0::2] + counts[..., 1::2]


def _comparable(inside: Integers, outside: Integers) -> npt.NDArray[np.bool_]:
    """Return whether any stratum has records inside and outside."""
    both = (_reviewed(inside) > 0) & (_reviewed(outside) > 0)
    comparable: npt.NDArray[np.bool_] = both[..., 0] | both[..., 1]
    return comparable


def _differences(inside: Integers, outside: Integers) -> npt.NDArray[np.float64]:
    """Return the differences that `compare_slice` would."""
    within, without = _reviewed(inside), _reviewed(outside)
    both = np.maximum(1, within + without)
    weighted = (within * outside[..., 1::2] - without * inside[..., 1::2]) / both
    differences: npt.NDArray[np.float64] = weighted.sum(axis=-1) / (within * without / both).sum(axis=-1)
    return differences


def _compared(inside: Integers, outside: Integers) -> SliceDifference:
    strata = zip(
        *(part.tolist() for part in (inside[1::2], _reviewed(inside), outside[1::2], _reviewed(outside))), strict=True
    )
    compared = compare_slice([SliceCount(*stratum) for stratum in strata])
    # A slice that holds all records cannot be weaker than others.
    return SliceDifference(0.0, 1.0) if compared is None else compared


def _agreed_and_reviewed(counts: Integers) -> tuple[int, int]:
    return int(counts[1::2].sum()), int(counts.sum())
