"""Comparison of a slice of the sample with the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift_checks.statistics.tails import hypergeometric


@dataclass(frozen=True)
class SliceCount:
    """The reviewed records of a stratum and those that agreed, in the slice and in the rest of the sample."""

    agreed: int
    reviewed: int
    rest_agreed: int
    rest_reviewed: int


@dataclass(frozen=True)
class SliceDifference:
    """The rate of the rest of the strata minus that of the slice, and the one-sided p-value of a lower rate of it."""

    difference: float
    p_value: float


def compare_slice(strata: Sequence[SliceCount]) -> SliceDifference | None:
    """Compare the agreement of a slice with that of the rest, stratum by stratum.

    Only records of the same stratum are compared, so a slice with more records of a stratum that agrees less does not
    stand out. The difference of the rates is weighted as by N. Mantel and W. Haenszel, Statistical aspects of the
    analysis of data from retrospective studies of disease, Journal of the National Cancer Institute 22 (1959). The test
    is exact, given the margins of each stratum: M. Zelen, The analysis of several 2x2 contingency tables, Biometrika 58
    (1971). With one stratum, it is Fisher's exact test.

    Returns:
        The difference, or None if no stratum has reviewed records both inside and outside the slice.
    """
    shared = [stratum for stratum in strata if stratum.reviewed and stratum.rest_reviewed]
    if not shared:
        return None
    difference = total = 0.0
    for stratum in shared:
        weight = stratum.reviewed * stratum.rest_reviewed / (stratum.reviewed + stratum.rest_reviewed)
        rest = stratum.rest_agreed / stratum.rest_reviewed
        difference += weight * (rest - stratum.agreed / stratum.reviewed)
        total += weight
    return SliceDifference(min(1.0, max(-1.0, difference / total)), _chance_of_as_few(shared))


def _chance_of_as_few(strata: Sequence[SliceCount]) -> float:
    """Return the probability of so few agreements in the slice if it does not differ from the rest."""
    chances = np.ones(1)
    fewest = 0
    for stratum in strata:
        fewest += _fewest(stratum)
        chances = np.convolve(chances, _chances(stratum))
    above_fewest = sum(stratum.agreed for stratum in strata) - fewest
    return min(1.0, float(chances[: above_fewest + 1].sum()))


def _fewest(stratum: SliceCount) -> int:
    """Return the minimum number of agreements in the slice, given the margins."""
    return max(0, stratum.agreed + stratum.rest_agreed - stratum.rest_reviewed)


def _chances(stratum: SliceCount) -> NDArray[np.float64]:
    """Return the probabilities of the possible numbers of agreements in the slice, ascending."""
    agreed, reviewed = stratum.agreed + stratum.rest_agreed, stratum.reviewed + stratum.rest_reviewed
    first, chances = hypergeometric(reviewed, agreed, stratum.reviewed)
    fewest, most = _fewest(stratum), min(stratum.reviewed, agreed)
    return np.pad(chances, (first - fewest, most + 1 - first - len(chances)))
