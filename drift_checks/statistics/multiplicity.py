"""Adjustment of p-values for the number of tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's step-down adjusted p-values, in the given order.

    The probability of rejecting any true hypothesis at a level is at most that level, however the tests depend on each
    other.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6
    (1979).
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * float(p_values[place])))
        adjusted[place] = largest
    return adjusted


def holm_by_group(groups: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return adjusted p-values of tests in groups.

    The p-value of a group is the smallest Holm-adjusted p-value in it. Holm's method across these gives each group a
    factor (its adjusted p-value divided by its own), by which the adjusted p-values in the group are multiplied.

    So without any true effect, the probability of a rejection in any group is at most the level. In a rejected group,
    Holm's method selects the tests; if several groups have effects, the level does not hold for each single test.
    """
    within = {name: holm(p_values) for name, p_values in groups.items()}
    own = {name: min(adjusted) for name, adjusted in within.items() if adjusted}
    across = dict(zip(own, holm(list(own.values())), strict=True))
    # A p-value of 0 is the smallest, whose factor is the number of groups.
    factors = {name: across[name] / own[name] if own[name] else float(len(own)) for name in own}
    return {name: [min(1.0, factors[name] * value) for value in adjusted] for name, adjusted in within.items()}
