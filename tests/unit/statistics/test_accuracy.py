"""How often a classifier is right, from a few judgements."""

from __future__ import annotations

import numpy as np
import pytest

from drift_checks.statistics.accuracy import (
    JudgedCount,
    JudgedStratum,
    accuracy,
    advantage,
    gain,
    more_to_halve,
    with_judged,
)
from drift_checks.statistics.krippendorff import krippendorff_alpha
from tests.support.thorough import repetitions

PLAIN = JudgedStratum(10_000, 100, 80, JudgedCount(20, 19), JudgedCount(20, 8))


def test_the_rate_weights_what_was_judged() -> None:
    """By how often both agree: 0.8 · 0.95 + 0.2 · 0.4."""
    found = accuracy([PLAIN])
    assert found is not None
    assert found.rate == pytest.approx(0.84)
    assert 0.65 < found.interval[0] < 0.84 < found.interval[1] < 0.93


def test_without_judgements_of_either_there_is_no_estimate() -> None:
    """The disagreements alone tell who is right more often."""
    strata = [JudgedStratum(10_000, 100, 80, JudgedCount(), JudgedCount(20, 2))]
    assert (accuracy(strata), more_to_halve(strata)) == (None, None)
    found = advantage(strata)
    assert found is not None
    assert found.rate == pytest.approx(-0.16)
    assert found.interval[1] < 0


def test_more_judgements_cannot_replace_reviews() -> None:
    """With few reviewed records, it is not known how often both agree."""
    few = JudgedStratum(10_000, 10, 8, JudgedCount(8, 8), JudgedCount(2, 0))
    many = JudgedStratum(10_000, 5000, 4000, JudgedCount(20, 19), JudgedCount(20, 8))
    few_to_judge = JudgedStratum(10_000, 120, 100, JudgedCount(20, 19), JudgedCount(20, 8))
    assert more_to_halve([few]) is None
    assert more_to_halve([few_to_judge]) is None
    assert 100 <= (more_to_halve([many]) or 0) <= 150


@pytest.mark.parametrize("judged", [20, 50])
def test_the_interval_holds_with_few_judgements(judged: int) -> None:
    """In simulated reviews, whose records are judged in the order of what they tell."""
    draws = np.random.default_rng(judged)
    sizes, reviewed = (2000, 6000, 5000), (30, 20, 10)
    agreed_rate, right, right_else = (0.7, 0.85, 0.95), (0.95, 0.97, 0.98), (0.4, 0.5, 0.5)
    truth = sum(
        size * (a * r + (1 - a) * e) for size, a, r, e in zip(sizes, agreed_rate, right, right_else, strict=True)
    ) / sum(sizes)
    covered = number = 0
    for _ in range(repetitions(40, 2000)):
        agreed = [int(draws.binomial(n, a)) for n, a in zip(reviewed, agreed_rate, strict=True)]
        strata = [JudgedStratum(*values) for values in zip(sizes, reviewed, agreed, strict=True)]
        left = {
            (place, both): agreed[place] if both else reviewed[place] - agreed[place]
            for place in range(3)
            for both in (True, False)
        }
        for _ in range(judged):
            place, both = max(
                (cell for cell in left if left[cell]), key=lambda cell: gain(strata[cell[0]], strata, agreed=cell[1])
            )
            left[place, both] -= 1
            rate = (right if both else right_else)[place]
            strata[place] = with_judged(strata[place], agreed=both, right=float(draws.random() < rate))
        found = accuracy(strata)
        if found is not None:
            number += 1
            covered += found.interval[0] <= truth <= found.interval[1]
    assert covered / number >= 0.9


def test_krippendorff_alpha() -> None:
    """One of three pairs differs: by hand, 1 - 5 · 2 / (36 - 20)."""
    assert krippendorff_alpha(["aa", "bb", "ab", "a"]) == pytest.approx(1 - 5 * 2 / 18)
    assert krippendorff_alpha(["aa"]) is None
