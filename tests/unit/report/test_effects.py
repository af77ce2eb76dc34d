"""Criteria that judge statistics: an effect must be large, and larger than chance makes it."""

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
    """Return a statistic whose message is its name and value."""
    return Statistic(name, f"{name} {value}", value, 100, p_value)


def check(
    *statistics: Statistic, criterion: str = "class_mix", result: Result = Result.PASSED, message: str = ""
) -> Outcome:
    """Return the outcome of a check that reported these statistics."""
    return Outcome(criterion, result, message, statistics=statistics, check=f"test_{criterion}")


def skipped(message: str) -> Outcome:
    """Return the outcome of a check that measured nothing."""
    return check(result=Result.UNMEASURED, message=message)


def judged(*made: Outcome, criterion: Criterion = MIX, **changed: Any) -> CriterionResult:
    """Return the result of the criterion, alone in its run."""
    return report(made, [criterion], **changed).criteria[0]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (-3.0, Verdict.OK),
        (0.1, Verdict.OK),
        (0.10001, Verdict.WARNING),
        (0.5, Verdict.WARNING),
        (0.50001, Verdict.CRITICAL),
        (inf, Verdict.CRITICAL),
    ],
)
def test_an_effect_is_compared_with_the_thresholds(value: float, verdict: Verdict) -> None:
    """Larger is worse, and an effect equal to a threshold is not above it; there is no rate."""
    found = judged(check(figure(value)))
    assert (found.verdict, found.effect, found.statistics[0].verdict) == (verdict, value, verdict)
    assert (found.warn, found.critical, found.rate, found.interval) == (0.1, 0.5, None, None)


def test_without_a_critical_threshold_no_effect_is_critical() -> None:
    """However large it is."""
    found = judged(check(figure(1e9), criterion="trend"), criterion=TREND)
    assert (found.verdict, found.critical) == (Verdict.WARNING, None)


def test_statistics_are_counted() -> None:
    """As passed, failed and not measured; one without a value has no verdict."""
    made = [check(figure(0.05), figure(0.2), figure(0.3), figure(None)), skipped("too few"), skipped("too few")]
    found = judged(*made)
    assert (found.passed, found.failed, found.unmeasured, found.measured) == (1, 2, 3, 3)
    alone = judged(check(figure(None)))
    assert (alone.verdict, alone.effect, alone.statistics[0].verdict, alone.unmeasured) == (None, None, None, 1)
    assert alone.message.startswith("not measured")


def test_the_worst_statistic_is_the_criterions_verdict() -> None:
    """And the largest value is its effect, whichever check reported it."""
    found = judged(check(figure(0.2)), check(figure(0.7)), check(figure(0.0)))
    assert (found.verdict, found.effect) == (Verdict.CRITICAL, 0.7)
    assert [item.verdict for item in found.statistics] == [Verdict.WARNING, Verdict.CRITICAL, Verdict.OK]


@pytest.mark.parametrize(
    ("statistics", "error_rate", "verdict"),
    [
        ([figure(0.9)], 0.01, Verdict.CRITICAL),
        ([figure(0.9, 0.01)], 0.01, Verdict.CRITICAL),
        ([figure(0.9, 0.0101)], 0.01, Verdict.OK),
        ([figure(0.9, 0.05)], 0.05, Verdict.CRITICAL),
        ([figure(0.1, 1e-30)], 0.01, Verdict.OK),
        ([figure(nan)], 0.01, None),
        ([figure(0.9, nan)], 0.01, Verdict.OK),
        ([figure(0.9, nan), figure(0.9, 1e-9)], 0.01, Verdict.CRITICAL),
    ],
)
def test_an_effect_that_chance_explains_does_not_count(
    statistics: list[Statistic], error_rate: float, verdict: Verdict | None
) -> None:
    """A p-value equal to the error rate is small enough, a NaN is not; a significant effect may still be small."""
    assert judged(check(*statistics), error_rate=error_rate).verdict is verdict


def test_a_criterion_without_tests_makes_no_other_less_significant() -> None:
    """Nor do statistics that involve no chance."""
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
    """By Holm within each criterion and across criteria; in the statistics' order, whichever check reported them."""
    criteria = [replace(MIX, name=f"mix_{place}") for place in range(len(groups))]
    named = list(zip([criterion.name for criterion in criteria], groups, strict=True))
    made = [check(figure(value, p_value), criterion=name) for name, group in named for value, p_value in group]
    right = holm_by_group({name: [p_value for _, p_value in group if p_value is not None] for name, group in named})
    for result, group in zip(report(made, criteria).criteria, groups, strict=True):
        assert [item.statistic.p_value for item in result.statistics] == [p_value for _, p_value in group]
        adjusted = [item.adjusted_p_value for item in result.statistics if item.adjusted_p_value is not None]
        assert adjusted == pytest.approx(right[result.criterion.name])
        for item, (value, _) in zip(result.statistics, group, strict=True):
            significant = item.adjusted_p_value is None or item.adjusted_p_value <= 0.01
            bad = value is not None and value > 0.1 and significant
            assert (item.verdict in (Verdict.WARNING, Verdict.CRITICAL)) is bad


def test_family_of_its_own_does_not_weaken_the_others() -> None:
    """It is a group of tests like a criterion; the figures stay in their order."""
    single = [figure(0.2, p_value) for p_value in (0.002, 0.5)]
    pair = replace(figure(0.3, 0.001), family="pairs")
    found = judged(check(single[0], pair, single[1])).statistics
    assert [item.statistic for item in found] == [single[0], pair, single[1]]
    assert [item.adjusted_p_value for item in found] == pytest.approx([0.004, 0.002, 0.5])


def test_an_unmeasured_criterion_has_no_verdict_and_says_why() -> None:
    """The three most frequent reasons, each once; the verdict of the others stands."""
    found = judged(skipped("no vectors"), skipped("too few"), skipped("too few"))
    assert (found.verdict, found.effect, found.measured, found.unmeasured) == (None, None, 0, 3)
    assert found.message == "not measured: too few; no vectors"
    assert judged(*(skipped(f"reason {number}") for number in range(9))).message.count(";") == 2
    assert judged().message == "not measured: nothing was checked"
    run = report([*reviewed(50, 0), skipped("too few")], [AGREEMENT, MIX])
    assert (run.verdict, run.exit_code) == (Verdict.OK, 0)


@pytest.mark.parametrize(
    ("value", "verdict", "code", "message"),
    [
        (None, Verdict.INCONCLUSIVE, 3, "not measured: nothing was checked"),
        (0.2, Verdict.INCONCLUSIVE, 3, "mix 0.2"),
        (0.9, Verdict.CRITICAL, 1, "mix 0.9"),
    ],
)
def test_a_broken_check_is_inconclusive_unless_another_is_critical(
    value: float | None, verdict: Verdict, code: int, message: str
) -> None:
    """The message has what was measured beside it."""
    found = report([check(figure(value)), check(result=Result.BROKEN, message="KeyError")], [MIX])
    assert (found.verdict, found.exit_code) == (verdict, code)
    assert found.criteria[0].message == f"the check itself broke; {message}"


def test_a_failed_assertion_is_not_ignored() -> None:
    """A check of an effect that fails by itself is not OK."""
    made = [check(figure(0.0)), check(result=Result.FAILED, message="the index cannot be negative")]
    assert judged(*made).verdict is Verdict.WARNING


def test_a_message_names_the_worst_first() -> None:
    """Three that failed and the number of the rest; or the largest effect and how many were measured."""
    values = {"a": 0.2, "b": 0.6, "c": 0.3, "d": 0.9, "e": 0.05}
    found = judged(check(*(figure(value, name=name) for name, value in values.items())))
    assert found.message == "d 0.9; b 0.6; c 0.3; 1 more"
    assert judged(check(figure(0.05, name="a"), figure(0.07, name="b"))).message == "b 0.07; 2 measured"
    assert judged(check(figure(0.05))).message == "mix 0.05"


def test_a_check_with_a_bad_statistic_has_failed() -> None:
    """And no other; it has the statistic's message."""
    made = [check(figure(0.2)), check(figure(0.0)), check(figure(0.9, 0.5)), skipped("too few")]
    found = report(made, [MIX])
    results = [Result.FAILED, Result.PASSED, Result.PASSED, Result.UNMEASURED]
    assert [item.result for item in found.outcomes] == results
    assert [item.message for item in found.other_failures] == [found.outcomes[0].message] == ["mix 0.2"]


def test_equal_statistics_of_two_criteria_are_judged_separately() -> None:
    """Their thresholds differ."""
    made = [check(figure(0.2)), check(figure(0.2), criterion="trend")]
    found = report(made, [replace(MIX, warn=0.3), TREND])
    assert [item.result for item in found.outcomes] == [Result.PASSED, Result.FAILED]


def test_the_document_has_the_effect() -> None:
    """With its thresholds, p-values and details."""
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
def test_an_effect_that_could_not_be_judged_is_refused(bounds: dict[str, float]) -> None:
    """When the criterion is declared."""
    with pytest.raises(ValueError):
        Criterion("name", "Is it so?", effect="distance", **bounds)  # type: ignore[arg-type]
