"""The agreement of many runs as a control chart."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm, t

from drift_checks.statistics.control_chart import RunRate, Trend, ewma
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance


@st.composite
def rates(draw: st.DrawFn) -> RunRate:
    """A run that reviewed something."""
    reviewed = draw(st.integers(1, 60))
    return RunRate(draw(st.integers(0, reviewed)), reviewed)


HISTORIES = st.lists(rates(), min_size=11, max_size=40)


def charted(runs: list[RunRate], weight: float = 0.2, reference: int | None = None) -> Trend:
    """The trend of enough runs."""
    found = ewma(runs, weight, reference)
    assert found is not None
    return found


def drawn(generator: np.random.Generator, course: np.ndarray, records: int) -> list[RunRate]:
    """Runs of a store whose rate takes this course."""
    return [RunRate(int(agreed), records) for agreed in generator.binomial(records, course)]


# Ten runs that spread less than a binomial does, and ten that spread more; both agree in 80 %.
QUIET = [RunRate(40, 50)] * 10
RESTLESS = [RunRate(30, 50), RunRate(50, 50)] * 5


def test_the_newest_value_is_smoothed_from_the_centre() -> None:
    """By the weight of each later run."""
    found = charted([*QUIET, RunRate(35, 50), RunRate(30, 50)])
    assert found.centre == pytest.approx(0.8)
    assert found.smoothed == pytest.approx(0.8 * (0.8 * 0.8 + 0.2 * 0.7) + 0.2 * 0.6)
    assert found.runs == 12


@pytest.mark.parametrize("later", [1, 2, 5, 10])
def test_the_limit_is_that_of_montgomery_with_the_centres_own_variance(later: int) -> None:
    """For runs of equal size."""
    found = charted([*QUIET, *[RunRate(39, 50)] * later], reference=10)
    adjusted = 402 / 504
    variance = adjusted * (1 - adjusted) / 50
    share = 0.2 / 1.8 * (1 - 0.8 ** (2 * later)) + 1 / 10
    assert found.limit == pytest.approx(0.8 - 3 * sqrt(variance * share))


def test_a_restless_reference_widens_the_limit() -> None:
    """By the observed spread in place of the binomial one."""
    found = charted([*RESTLESS, RunRate(35, 50)])
    observed = np.var([run.agreed / run.reviewed for run in RESTLESS], ddof=1)
    deviation = sqrt(observed * (0.2**2 + 1 / 10))
    assert found.limit == pytest.approx(0.8 - 3 * deviation)
    assert found.p_value == pytest.approx(t.cdf((found.smoothed - 0.8) / deviation, 9))


def test_a_steady_reference_at_a_rate_of_a_half_has_the_normal_p_value() -> None:
    """It leans to no side."""
    runs = [RunRate(25, 50)] * 10
    found = charted([*runs, RunRate(5, 50)])
    assert found.p_value == pytest.approx(norm.cdf((found.smoothed - 0.5) / ((0.5 - found.limit) / 3)))


@pytest.mark.parametrize("agreed", [44, 45, 46])
def test_near_a_rate_of_1_the_p_value_is_near_that_of_the_binomial(agreed: int) -> None:
    """Within the chance of that very number; the normal distribution's is a tenth of it and less."""
    found = charted([*[RunRate(49, 50)] * 200, RunRate(agreed, 50)], weight=1.0, reference=200)
    assert binom.cdf(agreed - 1, 50, 0.98) <= found.p_value <= binom.cdf(agreed, 50, 0.98)


@pytest.mark.parametrize("agreed", [0, 50], ids=["none agreed", "all agreed"])
def test_runs_that_are_all_at_an_end_are_no_fall(agreed: int) -> None:
    """Their variance is none, the chart's is not."""
    found = charted([RunRate(agreed, 50)] * 20)
    assert found.smoothed == found.centre == agreed / 50
    assert 0.3 < found.p_value < 0.7


def test_one_disagreement_after_perfect_runs_is_no_alarm() -> None:
    """But ten at once are."""
    assert charted([*[RunRate(50, 50)] * 10, RunRate(49, 50)]).p_value > 0.05
    assert charted([*[RunRate(50, 50)] * 10, RunRate(40, 50)]).p_value < 0.001


@pytest.mark.parametrize(("number", "reference"), [(11, 10), (20, 10), (21, 10), (22, 11), (40, 20)])
def test_the_reference_is_the_first_half_but_at_least_ten(number: int, reference: int) -> None:
    """By default."""
    runs = [RunRate(30 + place % 7, 50) for place in range(number)]
    assert charted(runs) == charted(runs, reference=reference)


@pytest.mark.parametrize(("number", "reference"), [(0, None), (10, None), (30, 9), (30, 0), (30, 30), (30, 31)])
def test_with_too_few_runs_there_is_no_trend(number: int, reference: int | None) -> None:
    """Before the reference's end or after it."""
    assert ewma([RunRate(40, 50)] * number, reference=reference) is None


@given(HISTORIES, st.integers(0, 40))
def test_runs_without_reviews_make_no_difference(runs: list[RunRate], where: int) -> None:
    """Wherever they are."""
    assert ewma([*runs[:where], RunRate(0, 0), *runs[where:]]) == ewma(runs)


@given(HISTORIES, st.floats(0.01, 1))
def test_every_number_lies_within_bounds(runs: list[RunRate], weight: float) -> None:
    """The limit below the centre."""
    found = charted(runs, weight)
    assert 0 <= found.limit <= found.centre <= 1
    assert -1e-12 <= found.smoothed <= 1 + 1e-12
    assert 0 <= found.p_value <= 1


@given(HISTORIES)
def test_more_agreement_in_the_newest_run_is_no_surer_fall(runs: list[RunRate]) -> None:
    """Nor a lower value."""
    better = [*runs[:-1], RunRate(runs[-1].reviewed, runs[-1].reviewed)]
    before, after = charted(runs), charted(better)
    assert after.smoothed >= before.smoothed
    assert after.p_value >= before.p_value - 1e-12


@pytest.mark.parametrize("weight", [0.0, -0.1, 1.1])
def test_a_weight_out_of_bounds_is_refused(weight: float) -> None:
    """It would smooth nothing."""
    with pytest.raises(ValueError, match="a weight of"):
        ewma(QUIET, weight)


@pytest.mark.parametrize(("before", "found"), [(10, 0.8), (20, 0.9), (60, 0.9)])
def test_a_slow_slide_is_found_before_the_rate_reaches_four_fifths(before: int, found: float) -> None:
    """Half a point a night from 92 %, at p = 0.001, in this share of histories, within three standard errors."""
    generator = np.random.default_rng(20260115)
    course = np.concatenate([np.full(before, 0.92), 0.92 - 0.005 * np.arange(1, 24)])
    alarms = 0
    histories = repetitions(25, 200)
    for _ in range(histories):
        runs = drawn(generator, course, 50)
        nights = range(max(before, 10) + 1, len(runs) + 1)
        alarms += any(charted(runs[:night]).p_value <= 0.001 for night in nights)
    assert alarms / histories >= found - tolerance(found, histories)


@pytest.mark.parametrize("rate", [0.79, 0.92, 0.98])
def test_a_steady_store_raises_few_alarms(rate: float) -> None:
    """In at most 3 of 1,000 histories at p = 0.001, and 6 of 100 at 0.05, within three standard errors."""
    generator = np.random.default_rng(20260115)
    nights = np.repeat(np.arange(11, 61), repetitions(6, 60)).tolist()
    p_values = np.array([charted(drawn(generator, np.full(number, rate), 50)).p_value for number in nights])
    assert np.mean(p_values <= 0.001) <= 0.003 + tolerance(0.003, len(p_values))
    assert 0 < np.mean(p_values <= 0.05) <= 0.06 + tolerance(0.06, len(p_values))
