"""The agreement of the whole store, from a sample and a prediction for every record."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drift_checks.statistics.intervals import Estimate
from drift_checks.statistics.predicted_agreement import PredictedStratum, predicted
from drift_checks.statistics.strata import stratified
from tests.support.thorough import repetitions
from tests.support.tolerance import tolerance

Flags = NDArray[np.bool_]


def known(strata: list[PredictedStratum]) -> Estimate:
    """The estimate where all strata were measured."""
    found = predicted(strata)
    assert found is not None
    return found


def without_predictions(strata: list[PredictedStratum]) -> Estimate:
    """What the samples say alone."""
    found = stratified([stratum.count for stratum in strata])
    assert found is not None
    return found


def width(found: Estimate) -> float:
    """From end to end."""
    return found.interval[1] - found.interval[0]


@st.composite
def strata_of_a_store(draw: st.DrawFn) -> list[PredictedStratum]:
    """Up to three strata with any predictions, some of them missing, and any outcome."""
    strata = []
    for _ in range(draw(st.integers(1, 3))):
        generator = np.random.default_rng(draw(st.integers(0, 2**32)))
        size = draw(st.integers(1, 400))
        predictions = generator.beta(*draw(st.tuples(st.floats(0.2, 9), st.floats(0.2, 9))), size)
        predictions[generator.random(size) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = np.nan
        measured = generator.choice(size, draw(st.integers(1, min(size, 40))), replace=False)
        agreed = generator.random(len(measured)) < draw(st.floats(0, 1))
        strata.append(PredictedStratum.of(predictions, measured, agreed))
    return strata


@given(strata_of_a_store())
def test_the_interval_holds_the_estimate_and_is_hardly_ever_wider(strata: list[PredictedStratum]) -> None:
    """Never by more than a tenth, whatever was predicted and measured; nor past what the sample allows."""
    found, plain = known(strata), without_predictions(strata)
    lower, upper = found.interval
    total = sum(stratum.count.size for stratum in strata)
    agreed = sum(stratum.count.agreed for stratum in strata)
    failed = sum(stratum.count.measured for stratum in strata) - agreed
    assert agreed / total - 1e-12 <= lower <= found.rate <= upper <= 1 - failed / total + 1e-12
    assert width(found) <= 1.1 * width(plain) + 1e-9


@settings(max_examples=repetitions(25, 200))
@given(strata_of_a_store())
def test_the_order_of_the_strata_does_not_matter(strata: list[PredictedStratum]) -> None:
    """Except for rounding."""
    one, other = known(strata), known(strata[::-1])
    assert (one.rate, *one.interval) == pytest.approx((other.rate, *other.interval), abs=0.002)


@pytest.mark.parametrize("agreed", [0, 1, 15, 29, 30])
@pytest.mark.parametrize("prediction", [0.5, 0.99, np.nan])
def test_predictions_that_are_all_alike_leave_the_interval_as_it_is(agreed: int, prediction: float) -> None:
    """They tell no record from another."""
    outcome = np.arange(30) < agreed
    strata = [PredictedStratum.of(np.full(size, prediction), np.arange(30), outcome) for size in (500, 900)]
    assert predicted(strata) == without_predictions(strata)


@pytest.mark.parametrize("failures", [0, 3, 20])
def test_one_more_disagreement_lowers_the_interval(failures: int) -> None:
    """And the estimate."""
    predictions = np.random.default_rng(4).beta(4, 1, 1000)
    found = [
        known([PredictedStratum.of(predictions, np.arange(40), np.arange(40) >= number)])
        for number in (failures, failures + 1)
    ]
    assert found[1].rate < found[0].rate
    assert found[1].interval[0] < found[0].interval[0]
    assert found[1].interval[1] <= found[0].interval[1]


def test_records_that_are_predicted_better_than_the_sample_raise_the_estimate() -> None:
    """The sample corrects the predictions; these tell how the rest differs from it."""
    generator = np.random.default_rng(8)
    predictions = generator.beta(2, 1, 2000)
    agreed = generator.random(2000) < predictions
    lowest = np.argsort(predictions)[:1000:10]
    one = [PredictedStratum.of(predictions, lowest, agreed[lowest])]
    assert without_predictions(one).interval[1] < agreed.mean()
    found = known(one).interval
    assert found[0] < agreed.mean() < found[1]


def test_records_without_prediction_are_estimated_by_their_own_sample() -> None:
    """Those of which no record disagreed stay near full agreement."""
    predictions = np.r_[np.linspace(0.05, 0.95, 300), np.full(300, np.nan)]
    outcome = np.r_[np.linspace(0.05, 0.95, 300) > 0.5, np.ones(300, dtype=bool)]
    measured = np.arange(0, 600, 10)
    found = known([PredictedStratum.of(predictions, measured, outcome[measured])])
    assert found.interval[0] < outcome.mean() < found.interval[1]
    assert found.rate == pytest.approx(outcome.mean(), abs=0.03)


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_certain_predictions_are_not_believed_without_a_sample(edge: float) -> None:
    """Probabilities of 0 and 1 that the reviewer contradicts."""
    predictions = np.r_[np.full(500, edge), np.full(500, 0.5)]
    measured = np.arange(0, 1000, 25)
    found = known([PredictedStratum.of(predictions, measured, np.full(40, edge == 0))])
    assert abs(found.rate - (edge == 0)) < 0.1


def test_what_was_measured_whole_is_known() -> None:
    """Whatever is predicted."""
    outcome = np.arange(20) < 15
    found = known([PredictedStratum.of(np.linspace(0.1, 0.9, 20), np.arange(20), outcome)])
    assert found.rate == found.interval[0] == found.interval[1] == 0.75


def test_a_stratum_that_was_not_measured_leaves_the_whole_unknown() -> None:
    """An empty stratum weighs nothing, and an empty store has no rate."""
    predictions = np.linspace(0.1, 0.9, 50)
    measured = PredictedStratum.of(predictions, np.arange(0, 50, 5), np.arange(10) > 2)
    nothing = PredictedStratum.of(predictions, [], [])
    empty = PredictedStratum.of([], [], [])
    assert predicted([measured, nothing]) is None
    assert predicted([measured, empty]) == predicted([measured])
    assert predicted([]) is predicted([empty]) is None


DRAWS = repetitions(50, 2000)
SIZES, DRAWN = (500, 1600, 500), (30, 20, 10)
SHAPES = (1.0, 0.7), (6.0, 0.4), (6.0, 0.4)


def simulated(is_useful: bool) -> tuple[float, float]:
    """The share of samples whose interval holds the rate of a generated store, and its width beside the other's."""
    generator = np.random.default_rng(20261128)
    predictions = [generator.beta(*shape, size) for shape, size in zip(SHAPES, SIZES, strict=True)]
    outcomes: list[Flags] = [generator.random(len(each)) < each for each in predictions]
    if not is_useful:
        predictions = [generator.permutation(each) for each in predictions]
    truth = np.concatenate(outcomes).mean()
    covered, widths, plain_widths = 0, 0.0, 0.0
    for _ in range(DRAWS):
        strata = []
        for each, outcome, number in zip(predictions, outcomes, DRAWN, strict=True):
            measured = generator.choice(len(each), number, replace=False)
            strata.append(PredictedStratum.of(each, measured, outcome[measured]))
        found = known(strata)
        covered += found.interval[0] <= truth <= found.interval[1]
        widths += width(found)
        plain_widths += width(without_predictions(strata))
    return covered / DRAWS, widths / plain_widths


def test_useful_predictions_narrow_the_interval_and_keep_its_coverage() -> None:
    """In a store where they are right on average."""
    covered, ratio = simulated(is_useful=True)
    assert covered >= 0.94 - tolerance(0.94, DRAWS)
    assert ratio < 0.8


def test_useless_predictions_cost_no_coverage() -> None:
    """They are shuffled within each stratum."""
    covered, ratio = simulated(is_useful=False)
    assert covered >= 0.94 - tolerance(0.94, DRAWS)
    assert ratio < 1.05
