"""Stored confidence against agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift_checks.statistics.intervals import Interval, wilson

DRAWS = 9_999
# The same reviews have the same p value on every run.
SEED = 20260115

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Bin:
    """The records whose confidence lies from `lower` to below `upper`; a confidence of 1 is in the last bin.

    Attributes:
        lower: Where the bin begins, from 0 to 1.
        upper: Where it ends.
        number: How many records it holds, at least 1.
        confidence: Their mean confidence.
        agreement: The rate of those that agreed.
        interval: The 95 % Wilson interval of that rate.
    """

    lower: float
    upper: float
    number: int
    confidence: float
    agreement: float
    interval: Interval


@dataclass(frozen=True)
class Calibration:
    """How well confidence tells agreement.

    Attributes:
        bins: Those that hold records, in order.
        expected_error: The bins' distances between confidence and agreement, weighted by their records, from 0 to 1.
        overconfidence: The same sum, of the bins whose confidence is above their agreement.
        p_value: One-sided, that it is as large by chance; at least 1 / (`DRAWS` + 1).
    """

    bins: tuple[Bin, ...]
    expected_error: float
    overconfidence: float
    p_value: float


def calibrate(confidences: Sequence[float], agreed: Sequence[bool], bins: int = 10) -> Calibration | None:
    """Compare confidence with agreement in bins of equal width.

    The expected calibration error is that of M. Pakdaman Naeini, G. F. Cooper and M. Hauskrecht, Obtaining well
    calibrated probabilities using Bayesian binning, AAAI (2015). The overconfidence is held against draws in which
    each record agrees with the probability that is its confidence: of all stores that are not overconfident the one
    most easily taken for such.

    Args:
        confidences: From 0 to 1, one a record; a record whose confidence is no such number (NaN, 1.2) is left out.
        agreed: Whether the review agreed, in the same order.
        bins: How many bins of equal width part 0 to 1.

    Returns:
        The calibration, or None without records.

    Raises:
        ValueError: The two differ in length, or there is not at least one bin.
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
    """Return how many agreements are claimed and missing, summed over the bins in the last dimension."""
    return np.asarray(np.maximum(claimed - reached, 0).sum(axis=-1))


def _p_value(known: Numbers, places: Places, claimed: Numbers, reached: Numbers) -> float:
    """Return how likely as large an excess is, were confidence the probability of agreement."""
    generator = np.random.default_rng(SEED)
    drawn = np.zeros((DRAWS, claimed.size))
    # Records of one confidence are drawn together: models give few different ones, and memory is bounded.
    values, first, numbers = np.unique(known, return_index=True, return_counts=True)
    for value, place, number in zip(values, places[first], numbers, strict=True):
        drawn[:, place] += generator.binomial(number, value, DRAWS)
    # Equal sums may differ in their last digits.
    as_large = np.count_nonzero(_excess(claimed, drawn) >= _excess(claimed, reached) - 1e-9 * known.size)
    return (1 + int(as_large)) / (DRAWS + 1)
