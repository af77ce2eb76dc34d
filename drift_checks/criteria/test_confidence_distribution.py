"""Are recent decisions as confident as earlier ones?

The stored confidences of the recent window are compared with those of the reference window, in samples of the whole
store: the two-sample Kolmogorov–Smirnov test and distance; the Wasserstein distance gives the shift on the confidence
scale.

If it fails, the classifier was changed, or it receives texts that it does not know.
"""

import pytest

from drift_checks.core.outcomes import Measure, Need
from drift_checks.reviews.windows import COMPARED, Windows
from drift_checks.statistics.distributions import compare_distributions, histogram

pytestmark = pytest.mark.drift_criterion(
    question="Are recent decisions as confident as earlier ones?",
    effect="Kolmogorov–Smirnov distance",
    remedy="Compare the versions of model and prompt in both windows, and read recent records of low confidence.",
    warn=0.1,
    least=100,
)

BINS = [number / 20 for number in range(21)]


def test_confidence_distribution(windows: Windows, need: Need, measure: Measure) -> None:
    """Confidences have the same distribution in both windows."""
    recent, reference = (windows.values("confidence", window) for window in COMPARED)
    need(len(recent), "recent records with a confidence", "confidence", "timestamp")
    need(len(reference), "reference records with a confidence", "confidence", "timestamp")
    shift = compare_distributions(reference, recent)
    assert shift is not None
    measure(
        "confidence",
        shift.distance,
        f"median confidence {shift.reference_median:.2f} → {shift.recent_median:.2f}, Kolmogorov–Smirnov distance"
        f" {shift.distance:.2f}, Wasserstein distance {shift.wasserstein:.2f}",
        number=len(recent),
        p_value=shift.p_value,
        bins=BINS,
        reference=histogram(reference, BINS),
        recent=histogram(recent, BINS),
    )
