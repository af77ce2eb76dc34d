"""Verdicts and exit codes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.report.verdict import MEANINGS, Verdict, judge, severity, worst

ORDER = (Verdict.CRITICAL, Verdict.INCONCLUSIVE, Verdict.WARNING, Verdict.OK)


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [(0.85, Verdict.OK), (0.8499, Verdict.WARNING), (0.75, Verdict.WARNING), (0.7499, Verdict.CRITICAL)],
)
def test_a_rate_equal_to_a_threshold_is_not_below_it(rate: float, verdict: Verdict) -> None:
    """WARNING and CRITICAL begin below theirs; no rate is below 0."""
    assert judge(rate, 0.85, 0.75) is verdict
    assert judge(0.0, 0.0, 0.0) is Verdict.OK


@given(st.floats(0, 1), st.floats(0, 1), st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted))
def test_a_lower_rate_has_no_better_verdict(one: float, other: float, bounds: list[float]) -> None:
    """Whatever the thresholds."""
    critical, warn = bounds
    low, high = sorted((one, other))
    assert severity(judge(low, warn, critical)) <= severity(judge(high, warn, critical))


@pytest.mark.parametrize(("worse", "better"), list(itertools.combinations(ORDER, 2)))
def test_the_worst_wins(worse: Verdict, better: Verdict) -> None:
    """An outage hides no drift, and a warning hides no outage."""
    assert worst([better, worse, better]) is worse
    assert severity(worse) < severity(better)


def test_unmeasured_criteria_do_not_count() -> None:
    """They come last in a list; a run without any verdict is INCONCLUSIVE."""
    assert worst([None, Verdict.OK, None]) is Verdict.OK
    assert severity(None) > severity(Verdict.OK)
    assert worst([]) is worst([None, None]) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.OK, 0), (Verdict.WARNING, 0), (Verdict.CRITICAL, 1), (Verdict.INCONCLUSIVE, 75)],
)
def test_each_verdict_has_its_exit_code(verdict: Verdict, code: int) -> None:
    """As schedulers know them; each is explained."""
    assert verdict.exit_code == code
    assert verdict in MEANINGS[code]
