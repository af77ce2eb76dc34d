"""What the criterion label_issues compares."""

from __future__ import annotations

from typing import Any

import pytest

from drift_checks.criteria.test_label_issues import compare_ages, in_words, measure_rise
from drift_checks.reviews.labels.issues import AgeCount, LabelAssessment, LabelIssue


@pytest.mark.parametrize(("recent_wrong", "difference"), [(30, 0.16), (0, -0.04)])
def test_more_and_fewer_wrong_labels_are_differences(recent_wrong: int, difference: float) -> None:
    """Of 150 recent records against 4 % of 750 older ones, in two categories alike."""
    found = compare_ages([AgeCount(150, recent_wrong, 750, 30)] * 2)
    assert found is not None
    assert found.difference == pytest.approx(difference, abs=0.001)
    assert found.p_value < 0.001


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (0.067, "recent ones 6.7 points more often"),
        (-0.067, "older ones 6.7 points more often"),
        (-0.0004, "both equally often"),
    ],
)
def test_it_is_said_which_labels_are_wrong_more_often(difference: float, words: str) -> None:
    """A difference that would be shown as 0.0 points is none."""
    assert in_words(difference) == words


def test_another_mix_of_categories_is_no_difference() -> None:
    """One category has more wrong labels than the other, and more recent records."""
    found = compare_ages([AgeCount(180, 18, 300, 30), AgeCount(20, 0, 900, 0)])
    assert found is not None
    assert abs(found.difference) < 0.001
    assert found.p_value == 1


def night(wrong: int, basis: str = "Chroma") -> dict[str, Any]:
    """Return what an earlier night found."""
    return {"basis": basis, "records": 1000, "wrong": wrong}


@pytest.mark.parametrize("past", [[night(9)] * 4, [night(9, "the table")] * 9, [{**night(0), "records": 0}] * 9])
def test_past_of_fewer_than_five_comparable_nights_is_not_compared(past: list[dict[str, Any]]) -> None:
    """Nights with other vectors, or without a label, do not count."""
    measured: list[float] = []
    assert not measure_rise(assessment(9), past, lambda *found, **_: measured.append(found[1]))
    assert measured == []


def test_share_above_that_of_past_nights_is_measured() -> None:
    """A share below it counts as none."""
    measured: list[tuple[float, float]] = []
    for wrong in (60, 2):
        measure_rise(
            assessment(wrong), [night(9)] * 9, lambda *found, **more: measured.append((found[1], more["p_value"]))
        )
    (rise, p_value), (fall, _) = measured
    assert rise == pytest.approx(0.051)
    assert fall == 0
    assert p_value < 0.001


def assessment(wrong: int) -> LabelAssessment:
    """Return an assessment of a thousand labels."""
    issues = [LabelIssue(key, "fraud", "loan", 0.1, 0.8, "recent") for key in range(wrong)]
    return LabelAssessment(basis="Chroma", records=1000, wrong=wrong, issues=issues)
