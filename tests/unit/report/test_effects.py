"""Criteria that judge statistics: large effects, and larger than chance makes them."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.outcomes import Criterion, Outcome, Result, Statistic
from drift_checks.report.document import drift_document
from drift_checks.report.run import CriterionResult
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.multiplicity import holm_by_group
from tests.support.reports import AGREEMENT, report, reviewed

MIX = Criterion("class_mix", "Are they as frequent as they were?", effect="stability index", warn=0.1, critical=0.5)
TREND = Criterion("trend", "Does it slide?", effect="fall", warn=0.03)


def figure(value: float | None, p_value: float | None = None, name: str = "mix") -> Statistic:
    """Return a statistic that says its name and value."""
    return Statistic(name, f"{name} {value}", value, 100, p_value)


def check(
    *statistics: Statistic, criterion: str = "class_mix", result: Result = Result.PASSED, message: str = ""
) -> Outcome:
    """Return the outcome of a check that reported these statistics."""
    return Outcome(criterion, result, message, statistics=statistics, check=f"test_{criterion}")


def skipped(message: str, criterion: str = "class_mix") -> Outcome:
    """Return the outcome of a check that was left unmeasured."""
    return check(criterion=criterion, result=Result.UNMEASURED, message=message)


def judged(*made: Outcome, criterion: Criterion = MIX, **changed: Any) -> CriterionResult:
    """Return what the criterion comes to, alone in its run."""
    return report(made, [criterion], **changed).criteria[0]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (0.0, Verdict.OK),
        (0.1, Verdict.OK),
        (0.10001, Verdict.WARNING),
        (0.5, Verdict.WARNING),
        (0.50001, Verdict.CRITICAL),
        (1e300, Verdict.CRITICAL),
        (inf, Verdict.CRITICAL),
        (-3.0, Verdict.OK),
    ],
)
def test_an_effect_is_compared_with_the_thresholds(value: float, verdict: Verdict) -> None:
    """Larger is worse; at a threshold is not above it."""
    found = judged(check(figure(value)))
    assert (found.verdict, found.effect, found.statistics[0].verdict) == (verdict, value, verdict)
    assert (found.warn, found.critical) == (0.1, 0.5)


def test_without_a_critical_threshold_no_effect_is_critical() -> None:
    """However large."""
    found = judged(check(figure(1e9), criterion="trend"), criterion=TREND)
    assert (found.verdict, found.critical) == (Verdict.WARNING, None)


def test_an_effect_has_no_rate() -> None:
    """It is no share of records."""
    found = judged(check(figure(0.2), figure(0.05, name="other")))
    assert (found.rate, found.interval) == (None, None)


def test_statistics_are_counted() -> None:
    """Passed, failed and not measured."""
    made = [check(figure(0.05), figure(0.2), figure(0.3), figure(None)), skipped("too few"), skipped("too few")]
    found = judged(*made)
    assert (found.passed, found.failed, found.unmeasured, found.measured) == (1, 2, 3, 3)


def test_the_worst_statistic_is_the_criterions_verdict() -> None:
    """And the largest value its effect, of whichever check."""
    found = judged(check(figure(0.2)), check(figure(0.7)), check(figure(0.0)))
    assert (found.verdict, found.effect) == (Verdict.CRITICAL, 0.7)
    assert [item.verdict for item in found.statistics] == [Verdict.WARNING, Verdict.CRITICAL, Verdict.OK]


@pytest.mark.parametrize(
    ("p_value", "verdict"),
    [
        (None, Verdict.CRITICAL),
        (0.0, Verdict.CRITICAL),
        (0.01, Verdict.CRITICAL),
        (0.0101, Verdict.OK),
        (1, Verdict.OK),
    ],
)
def test_an_effect_that_may_be_chance_is_ok(p_value: float | None, verdict: Verdict) -> None:
    """A p-value of exactly the error rate is small enough."""
    assert judged(check(figure(0.9, p_value))).verdict is verdict


@pytest.mark.parametrize(("error_rate", "verdict"), [(0.05, Verdict.CRITICAL), (0.0499, Verdict.OK)])
def test_the_error_rate_is_a_setting(error_rate: float, verdict: Verdict) -> None:
    """The chance of a false alarm that a run may take."""
    assert judged(check(figure(0.9, 0.05)), error_rate=error_rate).verdict is verdict


def test_a_significant_effect_that_is_small_is_ok() -> None:
    """A large store makes anything significant."""
    assert judged(check(figure(0.1, 1e-30))).verdict is Verdict.OK


@pytest.mark.parametrize(("tests", "verdict"), [(1, Verdict.CRITICAL), (2, Verdict.CRITICAL), (3, Verdict.OK)])
def test_an_effect_may_be_significant_alone_but_not_among_others_of_its_criterion(tests: int, verdict: Verdict) -> None:
    """A p of 0.005 becomes 0.01 among two tests and 0.015 among three."""
    others = [figure(0.0, 1.0, f"other {number}") for number in range(tests - 1)]
    found = judged(check(figure(0.9, 0.005), *others))
    assert found.verdict is verdict
    assert found.statistics[0].adjusted_p_value == pytest.approx(0.005 * tests)


@pytest.mark.parametrize(("others", "verdict"), [(0, Verdict.CRITICAL), (1, Verdict.CRITICAL), (2, Verdict.OK)])
def test_an_effect_may_be_significant_alone_but_not_among_many_criteria(others: int, verdict: Verdict) -> None:
    """A p of 0.005 becomes 0.01 among two criteria and 0.015 among three."""
    names = [f"other_{number}" for number in range(others)]
    made = [check(figure(0.9, 0.005)), *(check(figure(0.0, 1.0), criterion=name) for name in names)]
    found = report(made, [MIX, *(replace(TREND, name=name) for name in names)])
    assert (found.criteria[0].verdict, found.verdict) == (verdict, verdict)


def test_a_criterion_without_tests_adjusts_no_p_value() -> None:
    """Nor do statistics without a p-value."""
    made = [
        check(figure(0.9, 0.01), *(figure(0.0, name=str(number)) for number in range(9))),
        check(figure(0.0), criterion="trend"),
    ]
    assert report(made, [MIX, TREND]).criteria[0].verdict is Verdict.CRITICAL


P_VALUES = st.floats(0, 1) | st.sampled_from([0.001, 0.002, 0.005, 0.01])


@given(
    groups=st.lists(
        st.lists(st.tuples(st.floats(0, 1) | st.none(), P_VALUES | st.none()), max_size=4), min_size=1, max_size=4
    )
)
def test_each_statistic_has_its_own_adjusted_p_value(groups: list[list[tuple[float | None, float | None]]]) -> None:
    """By Holm within each criterion and across criteria; in the statistics' order, whichever check they are of."""
    criteria = [replace(MIX, name=f"mix_{place}") for place in range(len(groups))]
    made = [
        check(figure(value, p_value), criterion=criterion.name)
        for criterion, group in zip(criteria, groups, strict=True)
        for value, p_value in group
    ]
    right = holm_by_group(
        {
            criterion.name: [p_value for _, p_value in group if p_value is not None]
            for criterion, group in zip(criteria, groups, strict=True)
        }
    )
    for result, group in zip(report(made, criteria).criteria, groups, strict=True):
        assert [item.statistic.p_value for item in result.statistics] == [p_value for _, p_value in group]
        adjusted = [item.adjusted_p_value for item in result.statistics if item.adjusted_p_value is not None]
        assert adjusted == pytest.approx(right[result.criterion.name])
        for item, (value, _) in zip(result.statistics, group, strict=True):
            sure = item.adjusted_p_value is None or item.adjusted_p_value <= 0.01
            bad = value is not None and value > 0.1 and sure
            assert (item.verdict in (Verdict.WARNING, Verdict.CRITICAL)) is bad


def test_what_was_not_measured_has_no_verdict_and_says_why() -> None:
    """The most frequent reasons first, each once."""
    found = judged(skipped("no vectors"), skipped("too few"), skipped("too few"))
    assert (found.verdict, found.effect, found.measured, found.unmeasured) == (None, None, 0, 3)
    assert found.message == "not measured: too few; no vectors"


def test_many_reasons_are_shortened() -> None:
    """To three."""
    assert judged(*(skipped(f"reason {number}") for number in range(9))).message.count(";") == 2


def test_nothing_checked_is_nothing_measured() -> None:
    """As if all were deselected."""
    found = judged()
    assert (found.verdict, found.message) == (None, "not measured: nothing was checked")


def test_a_statistic_of_nothing_is_not_measured() -> None:
    """It has neither verdict nor effect."""
    found = judged(check(figure(None)))
    assert (found.verdict, found.effect, found.statistics[0].verdict, found.unmeasured) == (None, None, None, 1)
    assert found.message.startswith("not measured")


def test_what_was_not_measured_counts_for_nothing_in_the_run() -> None:
    """The verdict is that of the others."""
    found = report([*reviewed(50, 0), skipped("too few")], [AGREEMENT, MIX])
    assert (found.verdict, found.exit_code) == (Verdict.OK, 0)


def test_a_check_that_broke_is_inconclusive() -> None:
    """It is a fault of the check, and says so beside what was measured."""
    made = [check(figure(0.2)), check(result=Result.BROKEN, message="ZeroDivisionError")]
    found = report(made, [MIX])
    assert (found.criteria[0].verdict, found.exit_code) == (Verdict.INCONCLUSIVE, 3)
    assert found.criteria[0].message == "the check itself broke; mix 0.2"


def test_a_criterion_whose_checks_all_broke_is_inconclusive() -> None:
    """Not merely unmeasured."""
    assert judged(check(result=Result.BROKEN, message="KeyError")).verdict is Verdict.INCONCLUSIVE


def test_a_broken_check_hides_no_large_effect() -> None:
    """CRITICAL stays."""
    found = report([check(figure(0.9)), check(result=Result.BROKEN)], [MIX])
    assert (found.verdict, found.exit_code) == (Verdict.CRITICAL, 1)


def test_a_failed_assertion_counts() -> None:
    """A check of an effect that fails by itself is not OK, as no other check is."""
    made = [check(figure(0.0)), check(result=Result.FAILED, message="the index cannot be negative")]
    assert judged(*made).verdict is not Verdict.OK


def test_nan_is_above_no_threshold() -> None:
    """As of 0 / 0."""
    assert judged(check(figure(nan))).verdict in (None, Verdict.OK)


def test_a_p_value_of_nan_is_not_significant() -> None:
    """As from tests of constant values."""
    assert judged(check(figure(0.9, nan))).verdict is Verdict.OK


def test_a_p_value_of_nan_hides_no_other_effect() -> None:
    """Of another statistic."""
    assert judged(check(figure(0.9, nan), figure(0.9, 1e-9))).verdict is Verdict.CRITICAL


def test_a_message_names_the_worst_first() -> None:
    """The critical ones, then the larger, three of them and the number of the rest."""
    values = {"a": 0.2, "b": 0.6, "c": 0.3, "d": 0.9, "e": 0.05}
    found = judged(check(*(figure(value, name=name) for name, value in values.items())))
    assert found.message == "d 0.9; b 0.6; c 0.3; 1 more"


def test_the_message_of_a_sound_criterion_names_its_largest_effect() -> None:
    """With how many were measured."""
    assert judged(check(figure(0.05, name="a"), figure(0.07, name="b"))).message == "b 0.07; 2 measured"
    assert judged(check(figure(0.05))).message == "mix 0.05"


def test_a_check_whose_statistic_is_bad_has_failed() -> None:
    """The check with it, and no other; with what the statistic says."""
    made = [check(figure(0.2)), check(figure(0.0)), check(figure(0.9, 0.5)), skipped("too few")]
    found = report(made, [MIX])
    results = [Result.FAILED, Result.PASSED, Result.PASSED, Result.UNMEASURED]
    assert [item.result for item in found.outcomes] == results
    assert found.outcomes[0].message == "mix 0.2"
    assert [item.message for item in found.other_failures] == ["mix 0.2"]


def test_statistics_alike_in_two_criteria_fail_one() -> None:
    """The thresholds differ, so do the outcomes."""
    made = [check(figure(0.2)), check(figure(0.2), criterion="trend")]
    found = report(made, [replace(MIX, warn=0.3), TREND])
    assert [item.result for item in found.outcomes] == [Result.PASSED, Result.FAILED]


def test_an_effect_is_documented() -> None:
    """What was measured, its thresholds, its p-values and what it says."""
    statistic = replace(figure(0.2, 0.001), interval=(0.1, 0.3), details={"categories": [["a", 1, 2]]})
    document = drift_document(report([check(statistic), check(figure(0.0, 0.5))], [MIX]))["criteria"][0]
    shown = [document[key] for key in ("verdict", "rate", "effect", "value", "warn", "critical")]
    assert shown == ["WARNING", None, "stability index", 0.2, 0.1, 0.5]
    first = document["statistics"][0]
    assert (first["p_value"], first["adjusted_p_value"], first["number"]) == (0.001, 0.002, 100)
    assert (first["interval"], first["details"]) == ([0.1, 0.3], {"categories": [["a", 1, 2]]})


@pytest.mark.parametrize(
    "bounds",
    [{}, {"warn": -0.1}, {"warn": nan}, {"warn": inf}, {"warn": 0.5, "critical": 0.4}, {"warn": 0.5, "critical": nan}],
)
def test_a_criterion_that_cannot_be_judged_is_refused(bounds: dict[str, float]) -> None:
    """With the reason."""
    with pytest.raises(ValueError):
        Criterion("name", "Is it so?", effect="distance", **bounds)  # type: ignore[arg-type]
