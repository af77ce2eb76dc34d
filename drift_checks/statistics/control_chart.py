"""The agreement of many runs as a control chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

# Fewer runs say too little of the usual level and spread.
FEWEST_REFERENCE_RUNS = 10
SIGMAS = 3.0


@dataclass(frozen=True)
class RunRate:
    """How many records a run reviewed and how many of them agreed."""

    agreed: int
    reviewed: int


@dataclass(frozen=True)
class Trend:
    """Where the agreement of runs has come to.

    Attributes:
        centre: The rate of the reference runs, from 0 to 1.
        smoothed: The exponentially weighted moving average of the runs after them, as of the newest.
        limit: The lower control limit of that average, three standard deviations below the centre.
        p_value: One-sided, that the average came to lie so far below the centre by chance.
        runs: How many runs went into it, those of the reference included.
    """

    centre: float
    smoothed: float
    limit: float
    p_value: float
    runs: int


def ewma(runs: Sequence[RunRate], weight: float = 0.2, reference: int | None = None) -> Trend | None:
    """Smooth the agreement of runs and hold the newest value against that of the first ones.

    The chart is that of S. W. Roberts, Control chart tests based on geometric moving averages, Technometrics 1 (1959);
    its variance is that of each run's number of records, exactly, which for equal numbers is weight / (2 - weight) *
    (1 - (1 - weight) ** (2 * later runs)) times a run's: D. C. Montgomery, Introduction to statistical quality
    control, section 9.2. That of the centre is added. Where the reference runs spread wider than a binomial does,
    variances are raised as much: D. B. Laney, Improved control charts for attributes, Quality Engineering 14 (2002);
    the p value is then of the t distribution with a degree of freedom fewer than reference runs, else of the normal;
    but never below that of K. Pearson's type III, which allows for how far rates near 1 lean to the low side.

    Args:
        runs: The oldest first; those without reviewed records are left out.
        weight: Of the newest run in the average, above 0 and at most 1.
        reference: How many of the first runs give centre and spread; by default the first half, at least 10.

    Returns:
        The trend, or None where there are not at least 10 reference runs and 1 later run.

    Raises:
        ValueError: The weight is out of bounds.
    """
    if not 0 < weight <= 1:
        raise ValueError(f"a weight of {weight}")
    reviewed = [run for run in runs if run.reviewed]
    number = max(FEWEST_REFERENCE_RUNS, len(reviewed) // 2) if reference is None else reference
    if number < FEWEST_REFERENCE_RUNS or len(reviewed) <= number:
        return None
    first, later = reviewed[:number], reviewed[number:]
    records = sum(run.reviewed for run in first)
    agreed = sum(run.agreed for run in first)
    centre = agreed / records
    rate = _adjusted_rate(agreed, records)
    excess = _dispersion(first, centre, rate)
    smoothed = centre
    for run in later:
        smoothed += weight * (run.agreed / run.reviewed - smoothed)
    spread, lean = _moments(later, weight, records)
    deviation = sqrt(max(1.0, excess) * rate * (1 - rate) * spread)
    skewness = (1 - 2 * rate) * lean / spread / sqrt(rate * (1 - rate) * spread)
    return Trend(
        centre=centre,
        smoothed=smoothed,
        limit=max(0.0, centre - SIGMAS * deviation),
        p_value=_p_value((smoothed - centre) / deviation, skewness, number - 1 if excess > 1 else None),
        runs=len(reviewed),
    )


def _adjusted_rate(agreed: int, records: int) -> float:
    """Return a rate that leaves some variance even where all agreed or none.

    Two agreements and two disagreements are added: A. Agresti and B. A. Coull, Approximate is better than "exact" for
    interval estimation of binomial proportions, The American Statistician 52 (1998).
    """
    return (agreed + 2) / (records + 4)


def _moments(later: Sequence[RunRate], weight: float, records: int) -> tuple[float, float]:
    """Return how much of one record's variance and third moment the average's distance from the centre has."""
    second = third = 0.0
    for run in later:
        second = (1 - weight) ** 2 * second + weight**2 / run.reviewed
        third = (1 - weight) ** 3 * third + weight**3 / run.reviewed**2
    return second + 1 / records, third - 1 / records**2


def _dispersion(runs: Sequence[RunRate], centre: float, rate: float) -> float:
    """Return how many times the binomial variance the runs' rates vary by."""
    squares = sum(run.reviewed * (run.agreed / run.reviewed - centre) ** 2 for run in runs)
    return squares / (rate * (1 - rate)) / (len(runs) - 1)


def _p_value(deviations: float, skewness: float, degrees_of_freedom: int | None) -> float:
    """Return the chance of such a distance or a lower one, the larger where both skewness and spread matter."""
    from scipy.stats import norm, pearson3, t

    # Near a rate of 1 low values are likelier than the normal distribution has them; a skewness the other way would
    # only make them rarer.
    skewed = pearson3.cdf(deviations, skewness) if skewness < 0 else norm.cdf(deviations)
    return float(skewed if degrees_of_freedom is None else max(skewed, t.cdf(deviations, degrees_of_freedom)))
