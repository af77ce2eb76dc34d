"""Is agreement falling over time?

An EWMA chart (S. W. Roberts, Control chart tests based on geometric moving averages, Technometrics 1 (1959)) of the
agreement of past runs and this one finds a slow decline before a threshold is crossed, and does not flag a store whose
normal rate is 79 % every day. The centre and the spread come from the earlier half of the runs. Runs of another
reviewer, prompt or rule are skipped.

If it fails, find the night on which the decline began, and what changed then: versions, the prompt, the source of the
texts.
"""

from collections.abc import Sequence

import pytest

from drift_checks.core.outcomes import Decisions, Measure, Need, PastRun
from drift_checks.core.records import Sample
from drift_checks.core.text import tenths
from drift_checks.statistics.control_chart import RunRate, ewma

pytestmark = pytest.mark.drift_criterion(
    question="Is agreement falling over time?",
    effect="fall of the smoothed agreement",
    remedy="Find the night on which the decline began, and what changed then.",
    warn=0.03,
    least=12,
)


def test_trend(past: Sequence[PastRun], sample: Sample, decisions: Decisions, need: Need, measure: Measure) -> None:
    """The smoothed agreement of the last runs is not below the earlier rate."""
    judged = [review.agrees_with(record) for record, review in decisions if record.stratum in sample.judged]
    need(len(past), "past runs by the same reviewer")
    if sample.chosen or not judged:
        pytest.skip("these records are not a random sample that is comparable with past runs")
    rates = [*(RunRate(run.agreed, run.reviewed) for run in past), RunRate(sum(judged), len(judged))]
    trend = ewma(rates)
    if trend is None:
        pytest.skip("too few past runs")
    measure(
        "trend",
        max(0.0, trend.centre - trend.smoothed),
        f"smoothed agreement {tenths(trend.smoothed)} over {trend.runs} runs, normally {tenths(trend.centre)}",
        number=trend.runs,
        p_value=trend.p_value,
        centre=trend.centre,
        smoothed=trend.smoothed,
        limit=trend.limit,
    )
