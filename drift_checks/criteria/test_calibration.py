"""Is a stored confidence of 0.9 still right nine times out of ten?

The stored confidence is compared with the observed agreement in ten bins: the expected calibration error (M. Pakdaman
Naeini et al., AAAI 2015). Only overconfidence counts as an effect: many classifiers are right more often than their
confidence says, which is harmless. The test compares it with random agreements whose probabilities are the confidences.

If it fails, thresholds on the confidence let too many wrong decisions through: recalibrate on reviewed records, or
raise the thresholds.
"""

import pytest

from drift_checks.core.outcomes import Decisions, Measure, Need
from drift_checks.statistics.calibration import calibrate

pytestmark = pytest.mark.drift_criterion(
    question="Are decisions right as often as their stored confidence says?",
    effect="overconfidence",
    remedy="Recalibrate on reviewed records, or raise the thresholds on the confidence.",
    warn=0.1,
    least=30,
)


def test_calibration(decisions: Decisions, need: Need, measure: Measure) -> None:
    """The stored confidence does not exceed the agreement."""
    known = [
        (record.confidence, review.agrees_with(record))
        for record, review in decisions
        if record.confidence is not None and 0 <= record.confidence <= 1
    ]
    need(len(known), "reviewed records with a confidence", "confidence")
    found = calibrate([confidence for confidence, _ in known], [agreed for _, agreed in known])
    assert found is not None
    measure(
        "overconfidence",
        found.overconfidence,
        f"overconfidence {found.overconfidence:.2f}, expected calibration error {found.expected_error:.2f}",
        number=len(known),
        p_value=found.p_value,
        expected_error=found.expected_error,
        bins=[[item.confidence, item.agreement, item.number, *item.interval] for item in found.bins],
    )
