"""Comparison of a share with those of earlier nights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from drift_checks.statistics.tails import student_lower_tail

FEWEST_NIGHTS = 5


@dataclass(frozen=True)
class Rise:
    """The share of earlier nights, how far this night's is above it, and the one-sided p-value of so much."""

    usual: float
    difference: float
    p_value: float


def rise_above(past: Sequence[float], share: float, number: int) -> Rise | None:
    """Compare a share of `number` records with those of earlier nights.

    The distance of the next value from the mean of earlier ones has a t distribution. Most records are the same every
    night, so that shares may hardly vary: their variance is taken to be at least that of a binomial, for which two
    records are added to either side (A. Agresti and B. A. Coull, The American Statistician 52 (1998)).

    Returns:
        The comparison, or None with fewer than five nights.
    """
    if len(past) < FEWEST_NIGHTS:
        return None
    usual = sum(past) / len(past)
    likely = (usual * number + 2) / (number + 4)
    spread = sum((value - usual) ** 2 for value in past) / (len(past) - 1)
    variance = max(spread, likely * (1 - likely) / number) * (1 + 1 / len(past))
    distance = (share - usual) / sqrt(variance)
    return Rise(usual, share - usual, student_lower_tail(-distance, len(past) - 1))
