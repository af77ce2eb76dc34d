"""The charts of a report."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.outcomes import Criterion, Outcome, Result, Statistic
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.page.pictures import pictures_of, trend_of
from drift_checks.report.run import RunReport
from tests.support.histories import NIGHTS, altered, run
from tests.support.pages import decided
from tests.support.reports import AGREEMENT, INTEGRITY, report, reviewed

DETAILS: dict[str, dict[str, Any]] = {
    "agreement_by_slice": {"agreed": 3, "reviewed": 10, "rest_agreed": 39, "rest_reviewed": 40},
    "class_mix": {"categories": [["fraud", 50, 20], ["cyber", 10, 40]]},
    "calibration": {"bins": [[0.75, 0.6, 20, 0.4, 0.8], [0.95, 0.9, 20, 0.7, 0.98]]},
    "confidence_distribution": {"bins": [0.0, 0.5, 1.0], "reference": [10, 20], "recent": [20, 10]},
    "embedding_drift": {"points": [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]], "reference_points": 2},
}
NAMES = dict(zip(DETAILS, ("slices", "class-mix", "calibration", "confidence-distribution", "embeddings"), strict=True))


def measured(criterion: str, details: dict[str, Any], name: str = "category=fraud") -> Outcome:
    """Return the measurement of a criterion that judges statistics."""
    return Outcome(criterion, Result.PASSED, statistics=(Statistic(name, "as it was", 0.1, 50, details=details),))


def run_of(*made: Outcome, past: tuple[RecordedRun, ...] = ()) -> RunReport:
    """Return a run with these outcomes and fifty reviewed records."""
    effects = [Criterion(name, "Is it so?", effect="effect", warn=0.2) for name in DETAILS]
    return replace(report([*reviewed(45, 5), *made], (AGREEMENT, INTEGRITY, *effects)), past=past)


def names(made: RunReport) -> list[str]:
    """Return the names of the charts."""
    return [shown.name for shown in pictures_of(made)]


@pytest.mark.parametrize("criterion", DETAILS)
def test_a_criterion_with_figures_has_its_chart(criterion: str) -> None:
    """Without figures it has none."""
    assert NAMES[criterion] in names(run_of(measured(criterion, DETAILS[criterion])))
    assert NAMES[criterion] not in names(run_of())
    assert NAMES[criterion] not in names(run_of(measured(criterion, {})))


def test_full_width_charts_come_last() -> None:
    """Otherwise the columns would have gaps."""
    many = [decided(f"k{key}", f"stored {key % 40}", f"reviewed {key}") for key in range(80)]
    shown = pictures_of(run_of(*many, *(measured(name, details) for name, details in DETAILS.items())))
    assert [item.across for item in shown] == sorted(item.across for item in shown)
    assert len({item.name for item in shown}) == len(shown)
    assert all(item.criterion and item.heading and item.caption for item in shown)
    assert {item.across for item in shown} == {False, True}


def test_decisions_need_reviews_and_confidences() -> None:
    """A classifier may report no confidence."""
    assert not {"flow", "confidence"} & {*names(report(reviewed(0, 0, 5)))}
    both = decided(1, "fraud", "cyber", confidences=(0.5, 0.9))
    assert both.decision is not None
    assert {"flow", "confidence"} <= {*names(report([both]))}
    assert "confidence" not in names(report([replace(both, decision=replace(both.decision, reviewed_confidence=None))]))


def test_records_drawn_because_their_labels_are_doubted_are_in_no_chart() -> None:
    """As they are in no criterion that a chart belongs to."""
    doubted = replace(decided(1, "fraud", "cyber", confidences=(0.5, 0.9)), stratum="label_issue")
    assert not {"flow", "confidence"} & {*names(report([doubted]))}


def test_the_trend_has_a_point_for_each_run() -> None:
    """Each links to its page; a run without a rate is a point too."""
    past = tuple(map(run, NIGHTS[:2]))
    points = trend_of(past, "sample", lambda found: f"../{found.run_id}/index.html")
    assert [(point.run_id, point.link, point.rate) for point in points] == [
        (night, f"../{night}/index.html", 0.9) for night in NIGHTS[:2]
    ]
    assert "trend" in names(run_of(past=past))
    (bare,) = trend_of([altered(run(), agreement={"rate": None, "interval": None})], "sample", lambda _: None)
    assert (bare.rate, bare.low, bare.high, bare.link) == (None, None, None, None)


# Vectors have single precision, so none is larger.
NUMBERS = st.sampled_from([0.0, 5e-324, -5e-324, 1e-9, 0.5, 1.0, -1.0, 3e38, -3e38])
COUNTS = st.sampled_from([0, 1, 7, 10**6])
LABELS = st.text(max_size=20)
ANY: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "agreement_by_slice": st.tuples(COUNTS, COUNTS).map(
        lambda pair: {"agreed": min(pair), "reviewed": max(pair), "rest_agreed": 0, "rest_reviewed": max(pair)}
    ),
    "class_mix": st.lists(st.tuples(LABELS, COUNTS, COUNTS), max_size=5).map(lambda found: {"categories": found}),
    "calibration": st.lists(st.tuples(*[st.floats(0, 1)] * 2, COUNTS, *[st.floats(0, 1)] * 2), max_size=5).map(
        lambda found: {"bins": found}
    ),
    "confidence_distribution": st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=5).map(
        lambda found: {
            "bins": [place / len(found) for place in range(len(found) + 1)],
            "reference": [pair[0] for pair in found],
            "recent": [pair[1] for pair in found],
        }
    ),
    "embedding_drift": st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5).map(
        lambda found: {"points": found, "reference_points": len(found) // 2}
    ),
}


@pytest.mark.parametrize("criterion", ANY)
@given(data=st.data())
def test_any_figures_can_be_drawn(criterion: str, data: st.DataObject) -> None:
    """Tiny, huge and equal ones, none at all, and duplicate names."""
    made = measured(criterion, data.draw(ANY[criterion]), data.draw(LABELS))
    names(run_of(made, replace(made, check="again")))


@pytest.mark.parametrize("number", [inf, -inf, nan])
@pytest.mark.parametrize(
    ("criterion", "details"),
    [
        ("calibration", lambda number: {"bins": [[0.75, 0.6, 20, 0.4, 0.8], [number, 0.6, 20, 0.4, 0.8]]}),
        ("embedding_drift", lambda number: {"points": [[0.0, 1.0], [number, 0.0]], "reference_points": 1}),
        ("embedding_drift", lambda number: {"points": [[number, 1.0]], "reference_points": 0}),
    ],
)
def test_figures_that_are_not_finite_are_left_out(criterion: str, details: Any, number: float) -> None:
    """They have no position."""
    names(run_of(measured(criterion, details(number))))
