"""A decision, review by review, whether a rate of agreement lies below a threshold."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, inf, log, log1p

# The probability of each of the two wrong decisions, however often and whenever one looks.
ERROR = 0.05
DECIDED_AT = log(1 / ERROR)

# Each bet is the share of the capital that a review against the claim loses. With one of 0.9 among them, three
# disagreements at the start would decide that the rate lies below 0.75; at a rate of 0.85 one sample in 300 has those.
BETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_LOG_BETS = tuple(log(bet) for bet in BETS)
_LOG_LOSSES = tuple(log1p(-bet) for bet in BETS)

# More reviews than there can be: the answer where no number of them decides.
NEVER = 2**53


@dataclass(frozen=True)
class SequentialDecision:
    """Whether the rate lies below the threshold, as far as the reviews tell.

    Attributes:
        below: True where it does, False where it does not, None where that is undecided.
        after: How many reviews the decision took; where it is undecided, how many there are.
    """

    below: bool | None
    after: int


def decide(agreed: Sequence[bool], critical: float) -> SequentialDecision:
    """Decide whether the rate of agreement lies below a threshold, by betting on each claim against the other.

    The reviews must come in random order. The first claim whose capital, 1 at first, reaches 20 is decided; later
    reviews change nothing. Each wrong decision has a probability of at most 5 %, wherever the reviews end. The capital
    is the mean over a grid of fixed bets: I. Waudby-Smith and A. Ramdas, Estimating means of bounded random variables
    by betting, Journal of the Royal Statistical Society B 86 (2024). It is the form for draws with replacement: it
    speaks of the strata, each weighted by its share of the sample, without their sizes, and errs less still where
    records are drawn without replacement, whose own form saves next to nothing unless most of a stratum is drawn.

    Args:
        agreed: Whether each review agreed, in the order in which they were drawn; it may be empty.
        critical: The threshold, a rate from 0 to 1; a rate at it is not below it. Nothing lies below 0, which is
            decided without a review. At 1 the first disagreement decides that the rate lies below, and nothing can
            decide that it does not.

    Raises:
        ValueError: critical is no rate.
    """
    odds = _log_odds(critical)
    if odds == -inf:
        return SequentialDecision(False, 0)
    agreeing = disagreeing = 0
    for number, agrees in enumerate(agreed, start=1):
        if agrees:
            agreeing += 1
        else:
            disagreeing += 1
        if disagreeing >= reviews_needed(agreeing, odds):
            return SequentialDecision(True, number)
        if agreeing >= reviews_needed(disagreeing, -odds):
            return SequentialDecision(False, number)
    return SequentialDecision(None, len(agreed))


def fewest_to_decide(agreed: Sequence[bool], critical: float) -> int:
    """Return how many further reviews a decision takes at the least, or 0 where it is made.

    So many reviews may run at once without one in vain: no outcome of fewer would decide. It is the number with which
    `decide` would decide if all of them agreed, or all disagreed, whichever is fewer; mixed ones take no fewer.

    Args:
        agreed: Whether each review so far agreed, as for `decide`; it may be empty.
        critical: The threshold, a rate from 0 to 1, as for `decide`.

    Raises:
        ValueError: critical is no rate.
    """
    odds = _log_odds(critical)
    if decide(agreed, critical).below is not None:
        return 0
    agreeing = sum(1 for agrees in agreed if agrees)
    disagreeing = len(agreed) - agreeing
    return min(reviews_needed(agreeing, odds) - disagreeing, reviews_needed(disagreeing, -odds) - agreeing)


@lru_cache(maxsize=2**14)
def reviews_needed(against: int, log_odds: float) -> int:
    """Return the fewest reviews for a claim by which it is decided despite so many against it, or NEVER.

    Args:
        against: How many reviews speak against the claim.
        log_odds: As for `log_capital`; infinite where reviews for the claim, or against it, are impossible if it is
            wrong.
    """
    if log_odds == inf:
        return 1
    if log_odds == -inf:
        return NEVER
    most = 1
    while log_capital(most, against, log_odds) < DECIDED_AT:
        most *= 2
        if most >= NEVER:
            return NEVER
    numbers = range(most // 2 + 1, most + 1)
    return numbers[bisect_left(numbers, DECIDED_AT, key=lambda number: log_capital(number, against, log_odds))]


def log_capital(favouring: int, against: int, log_odds: float) -> float:
    """Return the logarithm of a claim's capital after reviews for and against it, in any order.

    Args:
        favouring: How many reviews speak for the claim: disagreements for "below", agreements for "not below".
        against: How many speak against it.
        log_odds: The logarithm of what a review for the claim wins on each unit staked, so that the bet is fair at the
            threshold: log(critical / (1 - critical)) for "below", and its negative for "not below". Finite.
    """
    logs = [
        favouring * _log_of_one_plus_exp(bet + log_odds) + against * loss
        for bet, loss in zip(_LOG_BETS, _LOG_LOSSES, strict=True)
    ]
    # The largest is taken out, so that nothing overflows and not all vanish.
    largest = max(logs)
    return largest + log(sum(exp(one - largest) for one in logs) / len(logs))


def _log_of_one_plus_exp(exponent: float) -> float:
    return exponent + log1p(exp(-exponent)) if exponent > 0 else log1p(exp(exponent))


def _log_odds(critical: float) -> float:
    """Return the logarithm of the odds of a rate, infinite at 0 and at 1."""
    if not 0 <= critical <= 1:
        raise ValueError(f"critical is a rate from 0 to 1, not {critical}")
    if critical in (0, 1):
        return inf if critical else -inf
    return log(critical) - log1p(-critical)
