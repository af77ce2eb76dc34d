"""Whether a CRITICAL verdict is more than chance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drift_checks.core.outcomes import Criterion, Outcome, Result, Statistic
from drift_checks.report.acknowledgements import Acknowledged
from drift_checks.report.certainty import is_certain, is_confirmed
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.run import RunReport
from drift_checks.report.verdict import Verdict
from tests.support.pages import recorded
from tests.support.reports import AGREEMENT, known_criterion, outcomes, report, reviewed

EFFECT = Criterion("provenance", "Who decided?", effect="share", warn=0.1, critical=0.2)


def night(number: int, verdict: Verdict | None, **changed: Any) -> RecordedRun:
    """Return the run of a night, with its own sample, in which agreement had this verdict."""
    made = recorded(report(reviewed(45, 5), **{"seed": number, "record_ids": (number,), **changed}))
    return replace(made, criteria=(replace(made.criteria[0], verdict=verdict), *made.criteria[1:]))


def of(agreed: int, disagreed: int, *before: Verdict) -> RunReport:
    """Return a run after nights in which agreement had these verdicts."""
    past = tuple(night(number, verdict) for number, verdict in enumerate(before))
    return replace(report(reviewed(agreed, disagreed), criteria=[AGREEMENT]), past=past)


def measured(statistic: Statistic) -> RunReport:
    """Return a run in which this statistic is CRITICAL by its thresholds."""
    found = report([Outcome("provenance", Result.PASSED, statistics=(statistic,))], criteria=[EFFECT])
    assert found.verdict is Verdict.CRITICAL
    return found


def test_a_rate_is_certain_if_its_whole_interval_is_below() -> None:
    """At 25 of 50 the interval ends at 63 %, at 36 of 50 at 83 %."""
    assert is_certain(of(25, 25))
    found = of(36, 14)
    assert found.verdict is Verdict.CRITICAL
    assert not is_certain(found)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ((), False),
        ((Verdict.OK,), False),
        ((Verdict.CRITICAL,), True),
        ((Verdict.CRITICAL, Verdict.WARNING), False),
        ((Verdict.CRITICAL, Verdict.INCONCLUSIVE), True),
        ((Verdict.WARNING, Verdict.INCONCLUSIVE), False),
    ],
)
def test_a_second_critical_verdict_in_a_row_is_confirmed(before: tuple[Verdict, ...], expected: bool) -> None:
    """An INCONCLUSIVE night in between is ignored; no other verdict is confirmed."""
    assert is_confirmed(of(36, 14, *before)) is expected
    assert not is_confirmed(of(45, 5, *before))


@pytest.mark.parametrize(
    "again", [{"seed": 20260115}, {"record_ids": (1, 2, "three")}, {"record_ids": ("three", 2, 1)}]
)
def test_the_same_sample_confirms_nothing(again: dict[str, Any]) -> None:
    """A second run of the day draws the same records; the night before still counts."""
    repeated = night(2, Verdict.CRITICAL, **again)
    found = of(36, 14)
    assert not is_confirmed(replace(found, past=(repeated,)))
    assert is_confirmed(replace(found, past=(night(1, Verdict.CRITICAL), repeated)))
    assert not is_confirmed(replace(found, past=(night(1, Verdict.WARNING), repeated)))


def test_another_criterion_confirms_nothing() -> None:
    """Yesterday's damaged records say nothing about today's agreement."""
    other = night(1, Verdict.OK)
    other = replace(
        other,
        verdict=Verdict.CRITICAL,
        criteria=(*other.criteria, replace(other.criteria[0], name="record_integrity", verdict=Verdict.CRITICAL)),
    )
    assert not is_confirmed(replace(of(36, 14), past=(other,)))


def test_an_acknowledged_criterion_is_not_confirmed() -> None:
    """It does not count; what counts is another criterion's first CRITICAL."""
    acknowledged = Acknowledged([known_criterion("agreement")])
    integrity = replace(EFFECT, effect="", name="record_integrity", warn=0.99, critical=0.95)
    damaged = outcomes(Result.FAILED, 2, criterion="record_integrity") + outcomes(
        Result.PASSED, 28, criterion="record_integrity"
    )
    found = report([*reviewed(30, 20), *damaged], [AGREEMENT, integrity], acknowledged=acknowledged)
    assert found.verdict is Verdict.CRITICAL
    assert not is_confirmed(replace(found, past=(night(1, Verdict.CRITICAL),)))


def test_a_share_of_the_whole_store_is_certain() -> None:
    """It is a count, without chance."""
    consistency = Criterion("store_consistency", "Do both hold the same?", warn=0.99, critical=0.95)
    share = Statistic.share("the store", 90, 10, "10 of 100 lack a vector")
    assert is_certain(
        report([Outcome("store_consistency", Result.PASSED, statistics=(share,))], criteria=[consistency])
    )


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        (Statistic("share", "", 0.3), True),
        (Statistic("share", "", 0.3, p_value=1e-9), False),
        (Statistic("share", "", 0.3, p_value=1e-9, interval=(0.15, 0.4)), False),
        (Statistic("share", "", 0.3, p_value=1e-9, interval=(0.25, 0.4)), True),
    ],
)
def test_an_effect_is_certain_if_it_is_counted_or_its_whole_interval_is_above(
    statistic: Statistic, expected: bool
) -> None:
    """A p-value says that there is an effect, not how large it is."""
    assert is_certain(measured(statistic)) is expected


def test_a_sequential_decision_is_certain() -> None:
    """It ends only when the evidence suffices."""
    found = report(reviewed(5, 25), criteria=[AGREEMENT], decision="sequential", record_ids=list(range(1, 31)))
    assert is_certain(found)
