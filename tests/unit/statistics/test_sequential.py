"""The decision, review by review, whether a rate lies below a threshold."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, log, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.statistics.sequential import (
    BETS,
    ERROR,
    NEVER,
    SequentialDecision,
    decide,
    fewest_to_decide,
    log_capital,
    reviews_needed,
)
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance

LONGEST = 200
THRESHOLDS = st.floats(0.02, 0.98)
REVIEWS = st.one_of(
    st.lists(st.booleans(), max_size=60),
    st.lists(st.sampled_from([True, True, True, False]), max_size=LONGEST),
)


def capital_by_bets(agreed: list[bool], critical: float, *, below: bool) -> float:
    """The mean of the products of the bets, one review at a time, as the paper writes them."""
    values = np.array(agreed, dtype=float)
    shares = np.array(BETS)[:, None]
    stakes = shares / (1 - critical) if below else -shares / critical
    products: np.ndarray[tuple[int], np.dtype[np.float64]] = np.prod(1 + stakes * (critical - values), axis=1)
    return float(products.mean())


def by_bets(agreed: list[bool], critical: float) -> SequentialDecision:
    """The first prefix at which a claim's capital has reached 20."""
    for length in range(1, len(agreed) + 1):
        for below in (True, False):
            if capital_by_bets(agreed[:length], critical, below=below) >= 20:
                return SequentialDecision(below, length)
    return SequentialDecision(None, len(agreed))


@given(REVIEWS, THRESHOLDS)
def test_capital_is_the_product_of_the_bets(agreed: list[bool], critical: float) -> None:
    """Of both claims, whatever the order."""
    agreeing, disagreeing = sum(agreed), len(agreed) - sum(agreed)
    odds = log(critical / (1 - critical))
    below, not_below = log_capital(disagreeing, agreeing, odds), log_capital(agreeing, disagreeing, -odds)
    assert exp(below) == pytest.approx(capital_by_bets(agreed, critical, below=True), rel=1e-9)
    assert exp(not_below) == pytest.approx(capital_by_bets(agreed, critical, below=False), rel=1e-9)


@given(REVIEWS, THRESHOLDS)
def test_the_decision_is_the_first_capital_of_twenty(agreed: list[bool], critical: float) -> None:
    """By the reference, bet by bet."""
    assert decide(agreed, critical) == by_bets(agreed, critical)


@given(REVIEWS, REVIEWS, st.floats(0, 1))
def test_later_reviews_never_change_a_decision(agreed: list[bool], later: list[bool], critical: float) -> None:
    """Nor when it was made."""
    before, after = decide(agreed, critical), decide(agreed + later, critical)
    if before.below is None:
        assert after.after >= len(agreed)
    else:
        assert after == before


@given(REVIEWS, THRESHOLDS)
def test_a_decision_needs_no_more_than_the_reviews_it_took(agreed: list[bool], critical: float) -> None:
    """They decide alone, and all but the last do not."""
    found = decide(agreed, critical)
    if found.below is None:
        assert found.after == len(agreed)
    else:
        assert decide(agreed[: found.after], critical) == found
        assert decide(agreed[: found.after - 1], critical).below is None


@given(REVIEWS, THRESHOLDS)
def test_disagreement_with_the_opposite_threshold_mirrors_agreement(agreed: list[bool], critical: float) -> None:
    """A rate lies below the threshold where its opposite lies above."""
    found = decide(agreed, critical)
    mirrored = decide([not agrees for agrees in agreed], 1 - critical)
    assert mirrored.after == found.after
    assert mirrored.below == (None if found.below is None else not found.below)


@given(REVIEWS, THRESHOLDS)
def test_fewest_to_decide_is_the_least_number_that_decides(agreed: list[bool], critical: float) -> None:
    """By trying 0, 1, 2... further reviews, all agreeing or all disagreeing."""

    def could_decide(more: int) -> bool:
        return any(decide([*agreed, *[further] * more], critical).below is not None for further in (True, False))

    least = next(more for more in range(1000) if could_decide(more))
    assert fewest_to_decide(agreed, critical) == least


@given(REVIEWS, st.data(), THRESHOLDS)
def test_fewer_reviews_decide_nothing_however_they_come_out(
    agreed: list[bool], data: st.DataObject, critical: float
) -> None:
    """So none of those that run at once is without need."""
    fewer = min(fewest_to_decide(agreed, critical) - 1, 300)
    if fewer > 0:
        further = data.draw(st.lists(st.booleans(), min_size=fewer, max_size=fewer))
        assert decide(agreed + further, critical).below is None


def test_four_disagreements_or_eighteen_agreements_decide_by_default() -> None:
    """No fewer."""
    assert decide([False] * 200, 0.75) == SequentialDecision(True, 4)
    assert decide([True] * 200, 0.75) == SequentialDecision(False, 18)
    assert fewest_to_decide([], 0.75) == 4
    assert fewest_to_decide([False], 0.75) == 3
    assert fewest_to_decide([False] * 4, 0.75) == 0


@pytest.mark.parametrize("critical", [0.02, 0.5, 0.75, 1.0])
def test_nothing_is_decided_without_reviews(critical: float) -> None:
    """A decision takes at least one."""
    assert decide([], critical) == SequentialDecision(None, 0)
    assert fewest_to_decide([], critical) >= 1


@given(REVIEWS)
def test_nothing_lies_below_a_threshold_of_0(agreed: list[bool]) -> None:
    """No review is needed to know."""
    assert decide(agreed, 0.0) == SequentialDecision(False, 0)
    assert fewest_to_decide(agreed, 0.0) == 0


@given(st.integers(0, 300), REVIEWS)
def test_the_first_disagreement_lies_below_a_threshold_of_1(agreeing: int, later: list[bool]) -> None:
    """Until then nothing is decided, and one more could."""
    agreed = [True] * agreeing
    assert decide(agreed, 1.0) == SequentialDecision(None, agreeing)
    assert fewest_to_decide(agreed, 1.0) == 1
    assert decide([*agreed, False, *later], 1.0) == SequentialDecision(True, agreeing + 1)


@pytest.mark.parametrize("critical", [5e-324, 1e-300, 1e-17, 1e-9, 1 - 1e-9, 1 - 2**-53])
def test_thresholds_next_to_0_and_1_are_decided_by_what_hardly_happens_there(critical: float) -> None:
    """Without an overflow; a thousand of what nearly always happens there decide nothing."""
    rare = critical < 0.5
    assert decide([rare], critical) == SequentialDecision(not rare, 1)
    assert decide([not rare] * 1000, critical) == SequentialDecision(None, 1000)
    assert fewest_to_decide([], critical) == 1
    assert 1 <= fewest_to_decide([not rare] * 1000, critical) <= 1000


def test_a_claim_that_reviews_cannot_win_is_never_decided() -> None:
    """Neither where they win nothing nor where they win too little to count."""
    assert reviews_needed(0, -inf) == NEVER
    assert reviews_needed(0, -740.0) == NEVER


@pytest.mark.parametrize("critical", [-0.1, 1.1, inf, nan])
def test_what_is_no_rate_is_refused_as_a_threshold(critical: float) -> None:
    """By both functions."""
    with pytest.raises(ValueError, match="rate from 0 to 1"):
        decide([], critical)
    with pytest.raises(ValueError, match="rate from 0 to 1"):
        fewest_to_decide([], critical)


def probability_of(critical: float, agrees: Callable[[int, int], float], reviews: int, *, below: bool) -> float:
    """The exact probability that a claim is decided, from that of agreement after that many agreed and disagreed."""
    odds = log(critical / (1 - critical))
    undecided = {(0, 0): 1.0}
    decided = 0.0
    for _ in range(reviews):
        following: dict[tuple[int, int], float] = {}
        for (good, bad), probability in undecided.items():
            chance = agrees(good, bad)
            for count, share in (((good + 1, bad), chance), ((good, bad + 1), 1 - chance)):
                following[count] = following.get(count, 0.0) + probability * share
        undecided = {}
        for (good, bad), probability in following.items():
            reached = bad >= reviews_needed(good, odds) if below else good >= reviews_needed(bad, -odds)
            if reached:
                decided += probability
            else:
                undecided[good, bad] = probability
    return decided


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("critical", [0.3, 0.5, 0.75, 0.9, 0.95])
def test_at_the_threshold_each_claim_is_decided_in_at_most_5_of_100(critical: float, below: bool) -> None:
    """Looking after each of up to 200 reviews, and not so rarely that the test would be pointless."""
    assert 0.01 < probability_of(critical, lambda good, bad: critical, LONGEST, below=below) <= ERROR


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("size", [40, 100, 200, 1000])
@pytest.mark.parametrize("critical", [0.5, 0.75, 0.95])
def test_drawn_without_replacement_it_errs_less(critical: float, size: int, below: bool) -> None:
    """Of a stratum of any size, whose rate is the threshold."""

    def of_the_rest(good: int, bad: int) -> float:
        return (critical * size - good) / (size - good - bad)

    infinite = probability_of(critical, lambda good, bad: critical, LONGEST, below=below)
    assert probability_of(critical, of_the_rest, min(size, LONGEST), below=below) < infinite


RUNS = repetitions(300, 3000)


def simulate(rate: float, critical: float = 0.75) -> tuple[float, float, float]:
    """The share judged critical in the end, the share decided wrongly, and the mean number of reviews."""
    runs = np.random.default_rng(20260115).random((RUNS, LONGEST)) < rate
    found = [decide(run, critical) for run in runs.tolist()]
    judged = [
        decision.below or (decision.below is None and float(run.mean()) < critical)
        for decision, run in zip(found, runs, strict=True)
    ]
    wrong = [decision.below is (rate >= critical) for decision in found]
    return sum(judged) / RUNS, sum(wrong) / RUNS, sum(decision.after for decision in found) / RUNS


def test_a_rate_of_85_is_hardly_ever_critical() -> None:
    """In at most 5 of 1000 runs, within three standard errors; the rate is judged if 200 reviews are undecided."""
    judged_critical, _, _ = simulate(0.85)
    assert judged_critical <= 0.005 + tolerance(0.005, RUNS)


def test_a_rate_of_95_is_settled_with_30_reviews_and_hardly_ever_critical() -> None:
    """On average; critical in at most 2 of 1000 runs, within three standard errors."""
    judged_critical, _, reviews = simulate(0.95)
    assert judged_critical <= 0.002 + tolerance(0.002, RUNS)
    assert reviews <= 30


def test_a_rate_of_60_is_critical_after_80_reviews() -> None:
    """On average; in at least 98 of 100 runs, within three standard errors."""
    judged_critical, _, reviews = simulate(0.60)
    assert judged_critical >= 0.98 - tolerance(0.98, RUNS)
    assert reviews <= 80


@pytest.mark.parametrize("rate", [0.75, 0.7499])
def test_next_to_the_threshold_a_simulation_is_rarely_wrong(rate: float) -> None:
    """On either side of it, in at most 5 of 100 runs, within three standard errors."""
    _, wrong, _ = simulate(rate)
    assert wrong <= ERROR + tolerance(ERROR, RUNS)
