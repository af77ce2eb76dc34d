"""Agreement beyond chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from drift_checks.statistics.intervals import Estimate, wilson
from drift_checks.statistics.kappa import Weighed, cohen_kappa
from tests.support.thorough import repetitions

CATEGORIES = st.sampled_from("abc")
DECISIONS = st.lists(st.builds(Weighed, CATEGORIES, CATEGORIES, st.floats(0.5, 300)), min_size=1, max_size=40)


def kappa(decisions: list[Weighed]) -> tuple[float, tuple[float, float]] | None:
    """Return kappa with the interval that Wilson's of the unweighted rate gives."""
    agreed = sum(item.stored == item.reviewed for item in decisions)
    total = sum(item.weight for item in decisions)
    rate = sum(item.weight for item in decisions if item.stored == item.reviewed) / total
    lower, upper = wilson(agreed, len(decisions)) or (0.0, 1.0)
    return cohen_kappa(decisions, Estimate(rate, (min(rate, lower), max(rate, upper))))


@given(DECISIONS)
def test_kappa_is_that_of_scikit_learn(decisions: list[Weighed]) -> None:
    """With weights; it lies in its interval."""
    found = kappa(decisions)
    stored, reviewed, weights = zip(*decisions, strict=True)
    if {*stored, *reviewed} == {stored[0]}:
        assert found is None
        return
    assert found is not None
    value, (lower, upper) = found
    assert value == pytest.approx(cohen_kappa_score(stored, reviewed, sample_weight=weights), abs=1e-9)
    assert -1 <= lower <= value + 1e-12
    assert value - 1e-12 <= upper <= 1 + 1e-12


def test_without_records_there_is_none() -> None:
    """Not 0, which is what chance would give."""
    assert cohen_kappa([], Estimate(1.0, (0.9, 1.0))) is None


def test_the_interval_has_a_width_if_all_agree() -> None:
    """Ten of ten do not show that all do."""
    found = kappa([Weighed(name, name) for name in "ab" * 5])
    assert found is not None
    assert (found[0], found[1][1]) == (1.0, 1.0)
    assert 0.3 < found[1][0] < 0.5


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.4, 0.3, 0.2, 0.1), (0.85, 0.15)])
@pytest.mark.parametrize("kept", [0.6, 0.9])
def test_the_interval_covers_kappa_in_most_samples_of_fifty(shares: tuple[float, ...], kept: float) -> None:
    """A reviewer keeps a category with this probability, and chooses by the same shares otherwise."""
    number = repetitions(300, 4000)
    generator = np.random.default_rng(7)
    table = np.outer(shares, shares) * (1 - kept) + np.diag(shares) * kept
    covered = 0
    for counts in generator.multinomial(50, table.ravel(), size=number).reshape(number, *table.shape):
        made = [Weighed(str(a), str(b)) for (a, b), times in np.ndenumerate(counts) for _ in range(times)]
        found = kappa(made)
        # With these shares, the probability of the same category is the kappa of the population.
        covered += found is not None and found[1][0] <= kept <= found[1][1]
    assert covered / number >= 0.92 - 2 * (0.07 * 0.93 / number) ** 0.5
