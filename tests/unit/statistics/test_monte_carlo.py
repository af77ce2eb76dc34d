"""P-values from random draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from drift_checks.statistics.monte_carlo import ENOUGH, monte_carlo_p_value
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance


@pytest.mark.parametrize("extreme", [0, 1, ENOUGH - 1])
def test_few_extreme_draws_count_with_the_observation(extreme: int) -> None:
    """The smallest p-value shows how many draws there were."""
    blocks = [np.arange(100) < extreme, np.zeros(99, dtype=bool)]
    assert monte_carlo_p_value(blocks) == (1 + extreme) / 200


def test_no_block_is_drawn_after_enough_extreme_draws() -> None:
    """The p-value is their share up to the last of them."""

    def blocks() -> Iterator[npt.NDArray[np.bool_]]:
        yield np.arange(100) % 4 == 3
        yield np.arange(300) % 4 == 3
        raise AssertionError("no third block")

    assert monte_carlo_p_value(blocks()) == 0.25


@pytest.mark.parametrize("level", [0.01, 0.05, 0.5])
def test_it_rejects_at_its_level(level: float) -> None:
    """In no more of the cases in which nothing differs, except for chance."""
    generator, number = np.random.default_rng(20260115), repetitions(2000, 20_000)
    rejected = 0
    for observed in generator.random(number):
        draws = (generator.random(100) >= observed for _ in range(10))
        rejected += monte_carlo_p_value(draws) <= level
    assert rejected / number <= level + tolerance(level, number)
