"""Does agreement slide, against this store's own past?

An EWMA chart (S. W. Roberts, Control chart tests based on geometric moving averages, Technometrics 1 (1959)) of the
agreement of past runs and this one: a slow slide is found before a threshold is crossed, and a store whose normal is
79 % is not called sliding every day. The centre and the spread come from the earlier half of the runs; runs of another
reviewer, prompt or rule are left out.

When it fails, look where the slide began and what was changed then: versions, prompt, source of the texts.
"""

from collections.abc import Callable, Sequence

import pytest

from drift_checks.core.outcomes import PastRun
from drift_checks.core.records import Record, Review, Sample
from drift_checks.core.text import tenths
from drift_checks.statistics.control_chart import RunRate, ewma

pytestmark = pytest.mark.drift_criterion(
    question="Does agreement slide, against this store's own past?",
    effect="fall of the smoothed agreement",
    remedy="Find the night on which the slide began, and what was changed then.",
    warn=0.03,
    least=12,
)


def test_trend(
    past: Sequence[PastRun],
    sample: Sample,
    decisions: Sequence[tuple[Record, Review]],
    need: Callable[[int, str], None],
    measure: Callable[..., None],
) -> None:
    """Agreement, smoothed over the last runs, is where it was."""
    judged = [review.agrees_with(record) for record, review in decisions if record.stratum in sample.judged]
    need(len(past), "past runs by the same reviewer")
    if sample.chosen or not judged:
        pytest.skip("these records are no draw that could be compared with past runs")
    rates = [*(RunRate(run.agreed, run.reviewed) for run in past), RunRate(sum(judged), len(judged))]
    trend = ewma(rates)
    if trend is None:
        pytest.skip("too few past runs")
    measure(
        "trend",
        max(0.0, trend.centre - trend.smoothed),
        f"smoothed agreement {tenths(trend.smoothed)}, normal is {tenths(trend.centre)}, over {trend.runs} runs",
        number=trend.runs,
        p_value=trend.p_value,
        centre=trend.centre,
        smoothed=trend.smoothed,
        limit=trend.limit,
    )
