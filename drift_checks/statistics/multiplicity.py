"""Adjustment of p-values for how many tests were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's step-down adjusted p-values, in the order given; an empty list for none.

    The chance that any true hypothesis among them is rejected at a level is at most that level, whatever the
    dependence between the tests.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6
    (1979).

    Args:
        p_values: From 0 to 1, none of them NaN.

    Returns:
        Adjusted p-values, each at least its own p-value and at most 1.
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * float(p_values[place])))
        adjusted[place] = largest
    return adjusted


def holm_by_group(groups: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return adjusted p-values of tests that belong to groups.

    A group's own p-value, that of its global test, is the smallest of its Holm-adjusted ones. Holm across the groups'
    p-values gives each group a factor, its adjusted p-value by its own, from 1 to the number of groups; the factor
    multiplies the Holm-adjusted p-values within the group.

    So the chance that anything is rejected in any group without a true effect is at most the level. Within a group
    that is rejected, Holm tells which tests are; across groups that do have effects the level is not held test by
    test.

    Args:
        groups: The p-values of each group, from 0 to 1. A group with no tests counts for nothing.

    Returns:
        The adjusted p-values of each group, in the order given, at most 1; an empty list for a group with no tests.
    """
    within = {name: holm(p_values) for name, p_values in groups.items()}
    own = {name: min(adjusted) for name, adjusted in within.items() if adjusted}
    across = dict(zip(own, holm(list(own.values())), strict=True))
    # The smallest p-value has the factor of all groups, and none is smaller than 0.
    factors = {name: across[name] / own[name] if own[name] else float(len(own)) for name in own}
    return {name: [min(1.0, factors[name] * value) for value in adjusted] for name, adjusted in within.items()}
