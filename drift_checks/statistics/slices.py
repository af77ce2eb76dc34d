"""A slice of a sample against the rest of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SliceCount:
    """What was reviewed of one stratum and how much of it agreed, inside the slice and in the rest of the sample."""

    agreed: int
    reviewed: int
    rest_agreed: int
    rest_reviewed: int


@dataclass(frozen=True)
class SliceDifference:
    """How much less a slice agrees than the rest of its strata.

    Attributes:
        difference: The rate of the rest minus that of the slice, from -1 to 1: positive where the slice agrees less.
        p_value: One-sided, that the slice agrees as little by chance; 0 only where a float holds nothing smaller.
    """

    difference: float
    p_value: float


def compare_slice(strata: Sequence[SliceCount]) -> SliceDifference | None:
    """Compare the agreement of a slice with that of the rest, stratum by stratum.

    A slice that merely holds more of a stratum that agrees less differs in nothing: it is compared within the strata
    alone. The difference is that of the rates, weighted as by N. Mantel and W. Haenszel, Statistical aspects of the
    analysis of data from retrospective studies of disease, Journal of the National Cancer Institute 22 (1959). The
    test is exact, given how many of each stratum were reviewed, agreed and are in the slice: M. Zelen, The analysis of
    several 2x2 contingency tables, Biometrika 58 (1971). With one stratum it is R. A. Fisher's.

    Returns:
        The difference, or None where no stratum has reviewed records both inside and outside of the slice.
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
    """Return the chance of as few agreements inside the slice, were it no different from the rest of its strata."""
    chances = np.ones(1)
    fewest = 0
    for stratum in strata:
        fewest += _fewest(stratum)
        chances = np.convolve(chances, _chances(stratum))
    above_fewest = sum(stratum.agreed for stratum in strata) - fewest
    return min(1.0, float(chances[: above_fewest + 1].sum()))


def _fewest(stratum: SliceCount) -> int:
    """Return how few agreements the slice can hold: those for which the rest has no room."""
    return max(0, stratum.agreed + stratum.rest_agreed - stratum.rest_reviewed)


def _chances(stratum: SliceCount) -> NDArray[np.float64]:
    """Return the chance of each number of agreements inside the slice, from the fewest to the most possible."""
    from scipy.stats import hypergeom

    agreed = stratum.agreed + stratum.rest_agreed
    numbers = np.arange(_fewest(stratum), min(stratum.reviewed, agreed) + 1)
    chances = hypergeom.pmf(numbers, stratum.reviewed + stratum.rest_reviewed, agreed, stratum.reviewed)
    return np.asarray(chances, dtype=np.float64)
