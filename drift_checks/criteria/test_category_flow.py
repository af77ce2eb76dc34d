"""Does one category lose records to others?

Records stored under a category and reviewed as another are compared with the flow back. Two categories that are merely
confused exchange records both ways; a category that was renamed, split or forgotten only loses them. The tests are
exact sign tests for each category (marginal homogeneity: A. Stuart, Biometrika 42 (1955)) and Bowker's test of symmetry
of the whole table (A. H. Bowker, JASA 43 (1948)); the effect is the net share of its records that a category loses.

If it fails, the taxonomy or the prompt changed the meaning of the category: compare its definition then and now.
"""

from collections.abc import Mapping

import pytest

from drift_checks.core.outcomes import Decisions, Measure, Need
from drift_checks.statistics.flow import Drain, confusion, drains, symmetry_p_value

pytestmark = pytest.mark.drift_criterion(
    question="Does one category lose its records to others?",
    effect="net share of records lost",
    remedy="Compare the definition of the category in taxonomy and prompt with the earlier one.",
    warn=0.2,
    least=30,
)

FEWEST_STORED = 5
MOST_FLOWS = 200


def test_category_flow(decisions: Decisions, need: Need, measure: Measure) -> None:
    """A category gains as many records as it loses."""
    need(len(decisions), "reviewed records")
    pairs = [(record.category, review.category or "") for record, review in decisions]
    flows = confusion(pairs)
    for drain in drains(pairs):
        if drain.stored >= FEWEST_STORED:
            lost = max(0.0, (drain.out - drain.into) / drain.stored)
            measure(drain.category, lost, describe(drain, flows), number=drain.stored, p_value=drain.p_value)
    moved = {pair: number for pair, number in flows.items() if pair[0] != pair[1]}
    one_way = sum(max(0, number - moved.get((to, stored), 0)) for (stored, to), number in moved.items())
    measure(
        "all categories",
        one_way / len(pairs),
        f"{sum(moved.values())} of {len(pairs)} records reviewed as another category, a net flow of {one_way}",
        number=len(pairs),
        p_value=symmetry_p_value(pairs),
        flows=[[*pair, number] for pair, number in flows.items()][:MOST_FLOWS],
    )


def describe(drain: Drain, flows: Mapping[tuple[str, str], int]) -> str:
    """Return how many records a category loses and gains, and which category gains most of them."""
    to = next((reviewed for stored, reviewed in flows if stored == drain.category != reviewed), None)
    mostly = f", mostly to {to}" if to else ""
    return f"{drain.category}: loses {drain.out} of {drain.stored} records{mostly}, and gains {drain.into}"
