"""Since which night the agreement has been what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from drift_checks.statistics.control_chart import RunRate
from drift_checks.statistics.tails import normal_lower_tail

# The probability of finding a change in nights that are alike.
_LEVEL = 0.01


def latest_change(nights: Sequence[Mapping[str, RunRate]]) -> int:
    """Return the index of the first night since the agreement last changed; 0 if it did not.

    Each night has the counts of its strata. The nights are divided where those before and after differ the most, by
    the test for several strata of W. G. Cochran (Some methods for strengthening the common chi-squared tests,
    Biometrics 10 (1954)) and N. Mantel and W. Haenszel (Journal of the National Cancer Institute 22 (1959)), with
    Bonferroni's correction for the number of places; then those after it are divided again (binary segmentation:
    A. J. Scott and M. Knott, A cluster analysis method for grouping means, Biometrics 30 (1974)). Unlike the
    permutations of `change_points`, this can tell from a single night that it is different.
    """
    first = 0
    while places := range(first + 1, len(nights)):
        smallest, place = min((_p_value(nights[first:place], nights[place:]), place) for place in places)
        if smallest * len(places) >= _LEVEL:
            break
        first = place
    return first


def _p_value(before: Sequence[Mapping[str, RunRate]], after: Sequence[Mapping[str, RunRate]]) -> float:
    difference = variance = 0.0
    for name in {name for night in (*before, *after) for name in night}:
        earlier, later = _total(before, name), _total(after, name)
        reviewed, agreed = earlier.reviewed + later.reviewed, earlier.agreed + later.agreed
        if reviewed > 1:
            difference += later.agreed - later.reviewed * agreed / reviewed
            product = float(earlier.reviewed * later.reviewed * agreed * (reviewed - agreed))
            variance += product / (reviewed**2 * (reviewed - 1))
    if not variance:
        return 1.0
    # With Yates's correction for continuity.
    return 2 * normal_lower_tail(-max(0.0, abs(difference) - 0.5) / sqrt(variance))


def _total(nights: Sequence[Mapping[str, RunRate]], name: str) -> RunRate:
    found = [night[name] for night in nights if name in night]
    return RunRate(sum(item.agreed for item in found), sum(item.reviewed for item in found))
