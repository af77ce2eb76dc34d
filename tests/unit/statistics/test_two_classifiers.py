"""The comparison of two classifiers that classified the same records."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from drift_checks.statistics.two_classifiers import (
    BETS,
    Conclusion,
    Pairs,
    _log_capital,
    conclude,
    difference_interval,
    exact_mcnemar,
    fewest_to_conclude,
)
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance

NUMBERS = st.integers(0, 80)
PAIRS = st.builds(Pairs, NUMBERS, NUMBERS, st.integers(0, 500))
MARGIN = 0.03


@given(PAIRS)
def test_the_exact_test_is_binomial(pairs: Pairs) -> None:
    """Compared with scipy's."""
    discordant = pairs.gained + pairs.lost
    expected = binomtest(pairs.gained, discordant).pvalue if discordant else 1.0
    assert exact_mcnemar(pairs) == pytest.approx(expected)


@given(st.lists(st.sampled_from([-1, 0, 0, 1]), max_size=60), st.floats(-0.9, 0.9))
def test_the_capital_is_the_product_of_the_bets(differences: list[int], claimed: float) -> None:
    """One record at a time, as the paper writes it."""
    stakes = np.array(BETS)[:, None] / (1 + claimed)
    expected = np.prod(1 + stakes * (np.array(differences, dtype=float) - claimed), axis=1).mean()
    pairs = Pairs(differences.count(1), differences.count(-1), differences.count(0))
    assert np.exp(_log_capital(pairs, claimed)) == pytest.approx(float(expected), rel=1e-9)


@given(PAIRS)
def test_the_interval_is_of_the_difference(pairs: Pairs) -> None:
    """It contains the difference, and exchanging the classifiers changes its sign."""
    lower, upper = difference_interval(pairs)
    assert -1 <= lower <= upper <= 1
    if pairs.difference is not None:
        assert lower <= pairs.difference <= upper
    assert difference_interval(pairs.mirrored) == (-upper, -lower)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (Pairs(0, 0, 0), Conclusion.UNDECIDED),
        (Pairs(0, 8, 10), Conclusion.WORSE),
        (Pairs(8, 0, 10), Conclusion.BETTER),
        (Pairs(0, 0, 200), Conclusion.NO_WORSE),
        (Pairs(3, 3, 30), Conclusion.UNDECIDED),
    ],
)
def test_a_conclusion_needs_evidence(pairs: Pairs, expected: Conclusion) -> None:
    """A few records that all differ in one direction are enough, and so are many that do not differ."""
    assert conclude(difference_interval(pairs), MARGIN) is expected


@given(PAIRS)
def test_fewer_records_than_needed_conclude_nothing_new(pairs: Pairs) -> None:
    """Whatever they show."""
    if conclude(difference_interval(pairs), MARGIN) is not Conclusion.UNDECIDED:
        return
    fewer = fewest_to_conclude(pairs, MARGIN) - 1
    for gained, lost, tied in ((fewer, 0, 0), (0, fewer, 0), (0, 0, fewer)):
        more = Pairs(pairs.gained + gained, pairs.lost + lost, pairs.tied + tied)
        assert conclude(difference_interval(more), MARGIN) is Conclusion.UNDECIDED


@pytest.mark.parametrize(("gained", "lost"), [(0.05, 0.05), (0.02, 0.05)])
def test_conclusions_are_rarely_wrong(gained: float, lost: float) -> None:
    """Even if the reviews stop at the first: of two equal ones none is better or worse, and 3 points are no less."""
    generator = np.random.default_rng(20260115)
    runs = repetitions(150, 2000)
    wrong = 0
    for _ in range(runs):
        drawn = generator.choice([1, -1, 0], size=600, p=[gained, lost, 1 - gained - lost])
        for number in range(10, 601, 10):
            seen = drawn[:number]
            pairs = Pairs(*(int((seen == value).sum()) for value in (1, -1, 0)))
            found = conclude(difference_interval(pairs), MARGIN)
            if found is not Conclusion.UNDECIDED:
                wrong += found in (
                    (Conclusion.WORSE, Conclusion.BETTER)
                    if gained == lost
                    else (Conclusion.NO_WORSE, Conclusion.BETTER)
                )
                break
    assert wrong / runs <= 0.05 + tolerance(0.05, runs)
