"""Calibration: the stored confidence compared with the agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift_checks.statistics.intervals import Interval, wilson

DRAWS = 9_999
# Fixed, so that the same reviews have the same p-value in every run.
SEED = 20260115

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Bin:
    """The records with a confidence from `lower` to below `upper`; a confidence of 1 is in the last bin.

    `confidence` is their mean confidence, `agreement` their rate of agreement, `interval` its 95 % Wilson interval.
    """

    lower: float
    upper: float
    number: int
    confidence: float
    agreement: float
    interval: Interval


@dataclass(frozen=True)
class Calibration:
    """How well confidence predicts agreement.

    Attributes:
        bins: The bins that hold records, in order.
        expected_error: The mean distance between confidence and agreement over the records' bins, from 0 to 1.
        overconfidence: The same sum over the bins whose confidence is above their agreement.
        p_value: The one-sided p-value of the overconfidence; at least 1 / (`DRAWS` + 1).
    """

    bins: tuple[Bin, ...]
    expected_error: float
    overconfidence: float
    p_value: float


def calibrate(confidences: Sequence[float], agreed: Sequence[bool], bins: int = 10) -> Calibration | None:
    """Compare confidence with agreement in bins of equal width; None without records.

    The overconfidence is compared with draws in which each record agrees with a probability equal to its confidence:
    the hypothesis under which a store without overconfidence appears most overconfident.

    Source: M. Pakdaman Naeini, G. F. Cooper and M. Hauskrecht, Obtaining well calibrated probabilities using Bayesian
    binning, AAAI (2015).

    Args:
        confidences: One confidence a record; records whose confidence is not from 0 to 1 (NaN, 1.2) are skipped.
        agreed: Whether the review agreed, in the same order.
        bins: The number of bins.
    """
    if len(confidences) != len(agreed):
        raise ValueError(f"{len(confidences)} confidences for {len(agreed)} agreements")
    if bins < 1:
        raise ValueError(f"{bins} bins")
    known = np.asarray(confidences, dtype=np.float64)
    agreements = np.asarray(agreed, dtype=np.bool_)
    usable = (known >= 0) & (known <= 1)
    known, agreements = known[usable], agreements[usable]
    if not known.size:
        return None
    edges = np.arange(bins + 1) / bins
    places = np.minimum(np.searchsorted(edges, known, side="right") - 1, bins - 1)
    claimed = np.bincount(places, weights=known, minlength=bins).astype(np.float64)
    reached = np.bincount(places, weights=agreements, minlength=bins).astype(np.float64)
    return Calibration(
        bins=_bins(edges, np.bincount(places, minlength=bins), claimed, reached),
        expected_error=float(np.abs(claimed - reached).sum()) / known.size,
        overconfidence=float(_excess(claimed, reached)) / known.size,
        p_value=_p_value(known, places, claimed, reached),
    )


def _bins(edges: Numbers, numbers: Places, claimed: Numbers, reached: Numbers) -> tuple[Bin, ...]:
    return tuple(
        Bin(
            lower=float(edges[place]),
            upper=float(edges[place + 1]),
            number=int(numbers[place]),
            confidence=float(claimed[place] / numbers[place]),
            agreement=float(reached[place] / numbers[place]),
            interval=wilson(int(reached[place]), int(numbers[place])) or (0.0, 1.0),
        )
        for place in np.flatnonzero(numbers).tolist()
    )


def _excess(claimed: Numbers, reached: Numbers) -> Numbers:
    """Return the number of agreements claimed but not reached, summed over the bins in the last dimension."""
    return np.asarray(np.maximum(claimed - reached, 0).sum(axis=-1))


def _p_value(known: Numbers, places: Places, claimed: Numbers, reached: Numbers) -> float:
    """Return the probability of so large an excess if the confidence is the probability of agreement."""
    generator = np.random.default_rng(SEED)
    drawn = np.zeros((DRAWS, claimed.size))
    # Records of equal confidence are drawn together, which bounds the memory: models use few distinct values.
    values, first, numbers = np.unique(known, return_index=True, return_counts=True)
    for value, place, number in zip(values, places[first], numbers, strict=True):
        drawn[:, place] += generator.binomial(number, value, DRAWS)
    # Equal sums may differ by rounding.
    as_large = np.count_nonzero(_excess(claimed, drawn) >= _excess(claimed, reached) - 1e-9 * known.size)
    return (1 + int(as_large)) / (DRAWS + 1)
