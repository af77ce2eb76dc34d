"""Is a stored confidence of 0.9 still right in nine of ten?

Stored confidence against observed agreement, in ten bins: the expected calibration error (M. Pakdaman Naeini et al.,
AAAI 2015), and of it overconfidence alone, which counts: many classifiers are more often right than they say, and
nobody is harmed. The test draws agreements that come true as often as the confidences say.

When it fails, thresholds on the confidence let too much through: calibrate anew on reviewed records, or raise them.
"""

from collections.abc import Callable, Sequence

import pytest

from drift_checks.core.records import Record, Review
from drift_checks.statistics.calibration import calibrate

pytestmark = pytest.mark.drift_criterion(
    question="Is a stored confidence still right as often as it says?",
    effect="overconfidence",
    remedy="Raise the thresholds on the confidence, or calibrate anew on reviewed records.",
    warn=0.1,
    least=30,
)


def test_calibration(
    decisions: Sequence[tuple[Record, Review]], need: Callable[[int, str], None], measure: Callable[..., None]
) -> None:
    """The stored confidence is no higher than the agreement."""
    known = [
        (record.confidence, review.agrees_with(record))
        for record, review in decisions
        if record.confidence is not None and 0 <= record.confidence <= 1
    ]
    need(len(known), "reviewed records with a confidence")
    found = calibrate([confidence for confidence, _ in known], [agreed for _, agreed in known])
    assert found is not None
    measure(
        "overconfidence",
        found.overconfidence,
        f"stored confidence exceeds agreement by {found.overconfidence:.2f}, expected calibration error"
        f" {found.expected_error:.2f}",
        number=len(known),
        p_value=found.p_value,
        expected_error=found.expected_error,
        bins=[[item.confidence, item.agreement, item.number, *item.interval] for item in found.bins],
    )
