"""Do decisions take as much time and as many tokens as before?

Response time and tokens of the recent window are compared with those of the reference window: the two-sample
Kolmogorov–Smirnov test and distance, with the medians and the Wasserstein distance in milliseconds and tokens. A model
that was replaced under the same name shows here first.

If it fails, ask the provider, or look for a change of the prompt; if only the texts became longer, only tokens change.
"""

import pytest

from drift_checks.core.outcomes import Measure, Need
from drift_checks.reviews.windows import COMPARED, Windows
from drift_checks.statistics.distributions import compare_distributions

pytestmark = pytest.mark.drift_criterion(
    question="Do decisions take as much time and as many tokens as before?",
    effect="Kolmogorov–Smirnov distance",
    remedy="Look for a change of model, endpoint, prompt or length of the texts.",
    warn=0.2,
    least=100,
)


@pytest.mark.parametrize("column", ["response_time_ms", "input_tokens", "output_tokens"])
def test_latency_and_tokens(column: str, windows: Windows, need: Need, measure: Measure) -> None:
    """The column has the same distribution in both windows."""
    recent, reference = (windows.values(column, window) for window in COMPARED)
    need(len(recent), f"recent records with {column}", column, "timestamp")
    need(len(reference), f"reference records with {column}", column, "timestamp")
    shift = compare_distributions(reference, recent)
    assert shift is not None
    measure(
        column,
        shift.distance,
        f"median {column} {shift.reference_median:.0f} → {shift.recent_median:.0f}, Kolmogorov–Smirnov distance"
        f" {shift.distance:.2f}, Wasserstein distance {shift.wasserstein:.0f}",
        number=len(recent),
        p_value=shift.p_value,
    )
