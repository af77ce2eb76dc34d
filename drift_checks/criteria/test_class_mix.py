"""Are the categories as frequent as before?

The categories of the recent window are compared with those of the reference window, over the whole store: the
population stability index, and a test of homogeneity (chi-square, by Monte Carlo for small counts). The message names
the categories that changed, appeared or vanished, by exact tests with Holm's correction.

If it fails, the incoming texts changed, or a category took over texts of another: read recent texts of the categories
that grew.
"""

from collections.abc import Iterator, Mapping

import pytest

from drift_checks.core.outcomes import Measure, Need
from drift_checks.core.text import tenths
from drift_checks.reviews.windows import Windows
from drift_checks.settings.declarations import Settings
from drift_checks.statistics.categories import (
    homogeneity_p_value,
    jensen_shannon_distance,
    population_stability_index,
    share_p_values,
)
from drift_checks.statistics.multiplicity import holm
from drift_checks.stores.windows import Window

pytestmark = pytest.mark.drift_criterion(
    question="Are the categories as frequent as before?",
    effect="population stability index",
    remedy="Read recent records of the categories that grew: did the texts change, or the decisions?",
    warn=0.1,
    least=100,
)

MOST_NAMED = 4


def test_class_mix(windows: Windows, drift_settings: Settings, need: Need, measure: Measure) -> None:
    """Recent records have the same mix of categories as reference records."""
    need(windows.size(Window.RECENT), "recent records", "timestamp")
    need(windows.size(Window.REFERENCE), "reference records", "timestamp")
    reference, recent = (windows.count("category", window) for window in (Window.REFERENCE, Window.RECENT))
    names = sorted({*reference, *recent})
    counts = {name: (reference[name], recent[name]) for name in names}
    before, now = [counts[name][0] for name in names], [counts[name][1] for name in names]
    psi = population_stability_index(before, now)
    changed = ", ".join(changes(counts, drift_settings.error_rate))
    measure(
        "class mix",
        psi,
        f"population stability index {psi:.2f} over {len(names)} categories{f': {changed}' if changed else ''}",
        number=sum(now),
        p_value=homogeneity_p_value(before, now, drift_settings.seed),
        jensen_shannon=jensen_shannon_distance(before, now),
        categories=[[name, *counts[name]] for name in names],
    )


def changes(counts: Mapping[str, tuple[int, int]], error_rate: float) -> Iterator[str]:
    """Yield the categories whose share changed significantly, by p-value."""
    names = list(counts)
    before, now = [counts[name][0] for name in names], [counts[name][1] for name in names]
    adjusted = dict(zip(names, holm(share_p_values(before, now)), strict=True))
    changed = [name for name in sorted(names, key=lambda name: adjusted[name]) if adjusted[name] <= error_rate]
    for name in changed[:MOST_NAMED]:
        if not counts[name][0]:
            yield f"{name} is new ({tenths(counts[name][1] / sum(now))})"
        elif not counts[name][1]:
            yield f"{name} vanished (was {tenths(counts[name][0] / sum(before))})"
        else:
            yield f"{name} {tenths(counts[name][0] / sum(before))} → {tenths(counts[name][1] / sum(now))}"
    if len(changed) > MOST_NAMED:
        yield f"{len(changed) - MOST_NAMED} more"
