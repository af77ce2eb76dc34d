"""A sequential decision whether the rate of agreement is below a threshold."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, inf, log, log1p

# The maximum probability of each of the two wrong decisions, whenever the reviews stop.
ERROR = 0.05
DECIDED_AT = log(1 / ERROR)

# Each bet is the share of the capital that a review against the claim loses. With a bet of 0.9, three disagreements at
# the start would decide that the rate is below 0.75, and one sample in 300 starts like this at a rate of 0.85.
BETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_LOG_BETS = tuple(log(bet) for bet in BETS)
_LOG_LOSSES = tuple(log1p(-bet) for bet in BETS)

# The result if no number of reviews decides.
NEVER = 2**53


@dataclass(frozen=True)
class SequentialDecision:
    """Whether the rate is below the threshold, None if undecided, and the number of reviews that this took."""

    below: bool | None
    after: int


def decide(agreed: Sequence[bool], critical: float) -> SequentialDecision:
    """Decide whether the rate of agreement is below a threshold, by betting on each claim against the other.

    The reviews must be in random order. The first claim whose capital grows from 1 to 20 is decided; later reviews do
    not change the decision. Each wrong decision has a probability of at most 5 %, wherever the reviews end. The capital
    is the mean over a grid of fixed bets: I. Waudby-Smith and A. Ramdas, Estimating means of bounded random variables
    by betting, Journal of the Royal Statistical Society B 86 (2024). This is the form for draws with replacement, which
    needs no sizes of the strata; without replacement its errors are rarer still. The form for draws without replacement
    would save hardly any reviews unless most of a stratum is drawn.

    Args:
        agreed: Whether each review agreed, in the order of the draw.
        critical: The threshold, a rate from 0 to 1; a rate equal to it is not below it. At 0, the decision is "not
            below" without a review. At 1, the first disagreement decides "below", and "not below" is never decided.

    Raises:
        ValueError: The threshold is not a rate.
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
    """Return the minimum number of further reviews before a decision, or 0 if it is made.

    This many reviews may run at once without any being superfluous, since no outcome of fewer decides. It is the number
    with which `decide` would decide if all of them agreed, or all disagreed, whichever is smaller.
    """
    odds = _log_odds(critical)
    if decide(agreed, critical).below is not None:
        return 0
    agreeing = sum(1 for agrees in agreed if agrees)
    disagreeing = len(agreed) - agreeing
    return min(reviews_needed(agreeing, odds) - disagreeing, reviews_needed(disagreeing, -odds) - agreeing)


@lru_cache(maxsize=2**14)
def reviews_needed(against: int, log_odds: float) -> int:
    """Return the minimum number of reviews for a claim that decides it despite those against it, or NEVER.

    Args:
        against: The number of reviews against the claim.
        log_odds: As for `log_capital`; infinite if reviews for the claim, or against it, are impossible when it is
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
        favouring: The number of reviews for the claim: disagreements for "below", agreements for "not below".
        against: The number of reviews against it.
        log_odds: The logarithm of the gain on each unit staked, so that the bet is fair at the threshold:
            log(critical / (1 - critical)) for "below", and its negative for "not below". Finite.
    """
    logs = [
        favouring * _log_of_one_plus_exp(bet + log_odds) + against * loss
        for bet, loss in zip(_LOG_BETS, _LOG_LOSSES, strict=True)
    ]
    # Relative to the largest, so that nothing overflows and not all terms vanish.
    largest = max(logs)
    return largest + log(sum(exp(one - largest) for one in logs) / len(logs))


def _log_of_one_plus_exp(exponent: float) -> float:
    return exponent + log1p(exp(-exponent)) if exponent > 0 else log1p(exp(exponent))


def _log_odds(critical: float) -> float:
    """Return the logarithm of the odds of a rate, infinite at 0 and at 1."""
    if not 0 <= critical <= 1:
        raise ValueError(f"critical must be a rate from 0 to 1, not {critical}")
    if critical in (0, 1):
        return inf if critical else -inf
    return log(critical) - log1p(-critical)
