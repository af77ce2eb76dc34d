"""Which of two classifiers agrees more often with the store, from the records that both classified."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import comb, exp, log, log1p

from drift_checks.statistics.intervals import Interval

# Of each side of the interval, so that both together miss at most 5 %.
ERROR = 0.025
DECIDED_AT = log(1 / ERROR)
# Each bet is the share of the capital that one record against the claim loses.
BETS = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.95)
_HALVINGS = 40


class Conclusion(StrEnum):
    """What the evidence says of the second classifier, compared with the first."""

    WORSE = "worse"
    BETTER = "better"
    NO_WORSE = "no worse"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Pairs:
    """Records that both classified, by which of the two agrees with the store, or is right.

    `gained` are those on which only the second is right, `lost` those on which only the first is. Of the others, which
    are `tied`, both are right on `both`.
    """

    gained: int
    lost: int
    tied: int
    both: int = 0

    @property
    def number(self) -> int:
        """The number of records."""
        return self.gained + self.lost + self.tied

    @property
    def difference(self) -> float | None:
        """The second's rate of agreement minus the first's; None without records."""
        return (self.gained - self.lost) / self.number if self.number else None

    @property
    def mirrored(self) -> Pairs:
        """The same records with the classifiers exchanged."""
        return Pairs(self.lost, self.gained, self.tied, self.both)


def exact_mcnemar(pairs: Pairs) -> float:
    """Return the two-sided p-value of the exact test that both agree equally often; 1 if they differ on no record.

    It supposes that the number of records was fixed beforehand. Source: Q. McNemar, Note on the sampling error of the
    difference between correlated proportions or percentages, Psychometrika 12 (1947), with binomial probabilities.
    """
    discordant, fewer = pairs.gained + pairs.lost, min(pairs.gained, pairs.lost)
    tail: float = sum(comb(discordant, number) for number in range(fewer + 1)) / 2**discordant
    return min(1.0, 2 * tail)


def difference_interval(pairs: Pairs) -> Interval:
    """Return a 95 % interval of the difference that holds at every number of records at once.

    So the records may be looked at after each, and the reviews may stop whenever the interval suffices. The records
    must be in random order. A bound is the difference at which the capital of a bettor who claims a larger one grows
    from 1 to 40: I. Waudby-Smith and A. Ramdas, Estimating means of bounded random variables by betting, Journal of the
    Royal Statistical Society B 86 (2024). The capital is the mean over a grid of fixed bets; the form is that for draws
    with replacement. At a difference of 0, only the records on which one agrees and the other does not count, as in
    McNemar's test.
    """
    return _lower_bound(pairs), -_lower_bound(pairs.mirrored)


def conclude(interval: Interval, margin: float) -> Conclusion:
    """Return what the interval of the difference shows; "no worse" means by less than the margin.

    The probability that any of these conclusions is wrong is at most 5 %, whenever the reviews stop.
    """
    lower, upper = interval
    if upper < 0:
        return Conclusion.WORSE
    if lower > 0:
        return Conclusion.BETTER
    return Conclusion.NO_WORSE if lower > -margin else Conclusion.UNDECIDED


def fewest_to_conclude(pairs: Pairs, margin: float) -> int:
    """Return the minimum number of further records before a conclusion, at least 1.

    So many may be classified at once without any being superfluous. The fewest are needed if the classifiers differ on
    all of them in the same direction.
    """
    for more in range(1, 200):
        best, worst = (
            Pairs(pairs.gained + more, pairs.lost, pairs.tied),
            Pairs(pairs.gained, pairs.lost + more, pairs.tied),
        )
        if _log_capital(best, -margin) >= DECIDED_AT or _log_capital(worst.mirrored, 0.0) >= DECIDED_AT:
            return more
    return 200


def _lower_bound(pairs: Pairs) -> float:
    """Return the largest difference that is refuted as too small."""
    refuted, open_ = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (refuted + open_) / 2
        if _log_capital(pairs, middle) >= DECIDED_AT:
            refuted = middle
        else:
            open_ = middle
    return refuted


def _log_capital(pairs: Pairs, difference: float) -> float:
    """Return the logarithm of the capital of the claim that the difference is larger than this one, above -1."""
    logs = []
    for bet in BETS:
        stake = bet / (1 + difference)
        logs.append(
            pairs.gained * log1p(stake * (1 - difference))
            + pairs.tied * log1p(-stake * difference)
            + pairs.lost * log1p(-bet)
        )
    # Relative to the largest, so that nothing overflows and not all terms vanish.
    largest = max(logs)
    return largest + log(sum(exp(one - largest) for one in logs) / len(logs))
