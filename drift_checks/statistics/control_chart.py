"""A control chart of the agreement of past runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from drift_checks.statistics.tails import normal_lower_tail, skewed_lower_tail, student_lower_tail

# Fewer runs do not determine the usual level and spread.
FEWEST_REFERENCE_RUNS = 10
SIGMAS = 3.0


@dataclass(frozen=True)
class RunRate:
    """The number of records that a run reviewed, and of those that agreed."""

    agreed: int
    reviewed: int


@dataclass(frozen=True)
class Trend:
    """The smoothed agreement of runs.

    Attributes:
        centre: The rate of the reference runs, from 0 to 1.
        smoothed: The exponentially weighted moving average of the later runs, at the newest one.
        limit: The lower control limit of that average, three standard deviations below the centre.
        p_value: The one-sided p-value of the average's distance below the centre.
        runs: The number of runs, including those of the reference.
    """

    centre: float
    smoothed: float
    limit: float
    p_value: float
    runs: int


def ewma(runs: Sequence[RunRate], weight: float = 0.2, reference: int | None = None) -> Trend | None:
    """Smooth the agreement of runs and compare the newest value with the rate of the first runs.

    The variance follows from the number of records of each run; for equal numbers it is weight / (2 - weight) *
    (1 - (1 - weight) ** (2 * later runs)) times that of a run (D. C. Montgomery, Introduction to statistical quality
    control, section 9.2). The variance of the centre is added. If the reference runs spread wider than a binomial, all
    variances are raised accordingly (D. B. Laney, Improved control charts for attributes, Quality Engineering 14
    (2002)), and the p-value is that of the t distribution with one degree of freedom fewer than reference runs, else
    that of the normal; but it is never below that of Pearson's type III, since rates near 1 are skewed to the low side.

    Source: S. W. Roberts, Control chart tests based on geometric moving averages, Technometrics 1 (1959).

    Args:
        runs: The runs, oldest first; those without reviewed records are skipped.
        weight: The weight of the newest run in the average, above 0 and at most 1.
        reference: The number of reference runs, which give centre and spread; by default the first half, at least 10.

    Returns:
        The trend, or None with fewer than 10 reference runs or no later run.
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
    # Some variance even if all or none agreed: two more agreements and disagreements (A. Agresti and B. A. Coull,
    # Approximate is better than "exact" for interval estimation of binomial proportions, The American Statistician 52
    # (1998)).
    rate = (agreed + 2) / (records + 4)
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


def _moments(later: Sequence[RunRate], weight: float, records: int) -> tuple[float, float]:
    """Return the variance and the third moment of the average's distance from the centre, relative to one record's."""
    second = third = 0.0
    for run in later:
        second = (1 - weight) ** 2 * second + weight**2 / run.reviewed
        third = (1 - weight) ** 3 * third + weight**3 / run.reviewed**2
    return second + 1 / records, third - 1 / records**2


def _dispersion(runs: Sequence[RunRate], centre: float, rate: float) -> float:
    """Return the variance of the runs' rates relative to the binomial variance."""
    squares = sum(run.reviewed * (run.agreed / run.reviewed - centre) ** 2 for run in runs)
    return squares / (rate * (1 - rate)) / (len(runs) - 1)


def _p_value(deviations: float, skewness: float, degrees_of_freedom: int | None) -> float:
    """Return the probability of such a distance or a lower one; the larger if both skewness and spread matter."""
    # Near a rate of 1, low values are more frequent than in the normal distribution; skewness in the other direction
    # would only make them rarer.
    skewed = skewed_lower_tail(deviations, skewness) if skewness < 0 else normal_lower_tail(deviations)
    return skewed if degrees_of_freedom is None else max(skewed, student_lower_tail(deviations, degrees_of_freedom))
