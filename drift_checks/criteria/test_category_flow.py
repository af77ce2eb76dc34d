"""Does one category drain into another?

What is stored under a category and reviewed as another, against what is reviewed as it and stored under another: mere
confusion of two categories goes both ways, a category that was renamed, split or forgotten loses and gains nothing.
Exact sign tests for each category (marginal homogeneity: A. Stuart, Biometrika 42 (1955)) and Bowker's test of
symmetry of the whole table (A. H. Bowker, JASA 43 (1948)); the effect is the share of a category's records that
it loses on balance.

When it fails, the taxonomy or the prompt changed what the category means: compare its definition then and now.
"""

from collections.abc import Callable, Sequence

import pytest

from drift_checks.core.records import Record, Review
from drift_checks.statistics.flow import Drain, confusion, drains, symmetry_p_value

pytestmark = pytest.mark.drift_criterion(
    question="Does one category drain into another?",
    effect="share lost on balance",
    remedy="Compare the category's definition, in taxonomy and prompt, then and now.",
    warn=0.2,
    least=30,
)

FEWEST_STORED = 5
MOST_FLOWS = 200


def test_category_flow(
    decisions: Sequence[tuple[Record, Review]], need: Callable[[int, str], None], measure: Callable[..., None]
) -> None:
    """What leaves a category comes back as much."""
    need(len(decisions), "reviewed records")
    pairs = [(record.category, review.category or "") for record, review in decisions]
    flows = [(stored, reviewed, number) for (stored, reviewed), number in confusion(pairs).items()]
    for drain in drains(pairs):
        if drain.stored >= FEWEST_STORED:
            lost = max(0.0, (drain.out - drain.into) / drain.stored)
            measure(drain.category, lost, words(drain, flows), number=drain.stored, p_value=drain.p_value)
    moved = [flow for flow in flows if flow[0] != flow[1]]
    one_way = sum(max(0, number - number_of(flows, reviewed, stored)) for stored, reviewed, number in moved)
    other = sum(number for *_, number in moved)
    measure(
        "all categories",
        one_way / len(pairs),
        f"{other} of {len(pairs)} reviewed as another category, {one_way} more one way than back",
        number=len(pairs),
        p_value=symmetry_p_value(pairs),
        flows=flows[:MOST_FLOWS],
    )


def words(drain: Drain, flows: Sequence[tuple[str, str, int]]) -> str:
    """Return what a category loses, and to which mostly."""
    to = max((flow for flow in flows if flow[0] == drain.category != flow[1]), key=lambda flow: flow[2], default=None)
    mostly = f", mostly to {to[1]}" if to else ""
    return f"{drain.category}: {drain.out} of {drain.stored} leave it{mostly}, {drain.into} come to it"


def number_of(flows: Sequence[tuple[str, str, int]], stored: str, reviewed: str) -> int:
    """Return how many records were stored and reviewed so."""
    return next((number for first, second, number in flows if (first, second) == (stored, reviewed)), 0)
