"""What the criterion reviewer_accuracy measures and says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.outcomes import Criterion
from drift_checks.core.records import Record, Stratum
from drift_checks.criteria.test_reviewer_accuracy import test_reviewer_accuracy as check
from drift_checks.reviews.anchor_answers import AnchorAnswer, AnchorAnswers
from drift_checks.reviews.anchors import Anchor

CRITERION = Criterion("reviewer_accuracy", "Is the reviewer right?", effect="fall", warn=0.1, least=5)


def tonight(right: str, known: Sequence[bool] = (), **changed: Any) -> AnchorAnswers:
    """Return the answers to the records a, b, …: a capital is a wrong answer."""
    made = []
    for letter in right:
        key = letter.lower()
        record = Record(key, Stratum.BASELINE, {"id": key, "text": f"text {key}", "category": "card"})
        anchor = Anchor(
            record, frozenset({"loan"}), f"record {key}", answers=tuple(("own:answer", item) for item in known)
        )
        made.append(AnchorAnswer(anchor, "loan" if letter.islower() else "card"))
    values: dict[str, Any] = {"reviewer": "own:answer", "made": tuple(made), "drawn": len(made)} | changed
    return AnchorAnswers(**values)


def need(number: int, what: str) -> None:
    """Skip the check if there are too few."""
    if number < CRITERION.least:
        pytest.skip(f"needs {CRITERION.least} {what}, found {number}")


def measured(found: AnchorAnswers, *past: AnchorAnswers) -> dict[str, Any]:
    """Return what is measured after these nights."""
    statistics: list[dict[str, Any]] = []

    def measure(name: str, value: float, message: str, **more: Any) -> None:
        statistics.append({"name": name, "value": value, "message": message, **more})

    nights: list[dict[str, Any]] = []
    for night in past:
        check(night, [], CRITERION, need, measure)
        nights.append({"answers": statistics.pop()["answers"]})
    check(found, nights, CRITERION, need, measure)
    (statistic,) = statistics
    return statistic


CASES = {
    "the first night": (tonight("abcdeF"),),
    "the first night after judgements": (tonight("ABCDefg", known=[True]),),
    "a fall": (tonight("ABCDefghij"), *[tonight("abcdefghij")] * 4),
    "a fall of several nights": (tonight("ABcdefghij"), *[tonight("abcdefghij")] * 6, *[tonight("ABcdefghij")] * 2),
    "as before": (tonight("abcdE"), *[tonight("abcdE")] * 4),
    "some missing": (
        tonight("abcde", drawn=7, failures=("the reviewer is down",), notes=("record 3 is gone", "record 4 is gone")),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_said_how_often_the_reviewer_is_right_now_and_before(case: str, snapshot: SnapshotAssertion) -> None:
    """With the anchors that it is newly wrong on, and those that could not be used."""
    found, *past = CASES[case]
    statistic = measured(found, *past)
    del statistic["answers"]
    assert statistic == snapshot


def test_judgements_by_another_reviewer_are_not_compared() -> None:
    """What another one answered says nothing of this one."""
    found = measured(tonight("ABCDEFG", known=[True], reviewer="llm"))
    assert (found["value"], found["p_value"]) == (0, None)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (tonight("abcd"), "needs 5 reviewed anchors, found 4"),
        (tonight("", drawn=10, failures=("it has no vector",)), r"no anchor could be reviewed \(it has no vector\)"),
    ],
)
def test_too_few_anchors_are_not_measured(found: AnchorAnswers, reason: str) -> None:
    """The reason is the reviewer's if it said nothing of any."""
    with pytest.raises(pytest.skip.Exception, match=reason):
        measured(found)
