"""From outcomes to counts, rates and verdicts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.outcomes import Criterion, Decision, Outcome, Result, Statistic
from drift_checks.core.plain import from_plain, to_plain
from drift_checks.report.agreement import summarise_agreement
from drift_checks.report.judging import judge_criterion
from drift_checks.report.run import CriterionResult
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.intervals import wilson
from tests.support.reports import AGREEMENT, BASELINE, INTEGRITY, LOW, OLD, facts, outcomes, report, reviewed


def judged(*made: list[Outcome], criterion: Criterion = AGREEMENT, **changed: object) -> CriterionResult:
    """Return the result of the criterion."""
    return judge_criterion(criterion, [item for part in made for item in part], facts(**changed))


def whole_store(*statistics: Statistic) -> list[Outcome]:
    """Return the outcome of a check of the whole store."""
    return [Outcome("record_integrity", Result.PASSED, statistics=statistics)]


@pytest.mark.parametrize(
    ("agreed", "verdict"),
    [(100, Verdict.OK), (85, Verdict.OK), (84, Verdict.WARNING), (75, Verdict.WARNING), (74, Verdict.CRITICAL)],
)
def test_the_rate_is_compared_with_the_runs_thresholds(agreed: int, verdict: Verdict) -> None:
    """A rate equal to a threshold is not below it."""
    found = judged(reviewed(agreed, 100 - agreed))
    assert (found.verdict, found.rate, found.interval) == (verdict, agreed / 100, wilson(agreed, 100))
    assert (found.warn, found.critical) == (0.85, 0.75)
    assert found.message.startswith(f"{100 - agreed} of 100 disagree, {100 - agreed} %")


def test_a_criterions_own_thresholds_take_precedence() -> None:
    """0.99 and 0.95 for integrity."""
    found = judged(outcomes(Result.PASSED, 97), outcomes(Result.FAILED, 3), criterion=INTEGRITY)
    assert (found.verdict, found.warn, found.critical) == (Verdict.WARNING, 0.99, 0.95)


def test_agreement_leaves_the_baseline_out() -> None:
    """Unless the baseline is judged, as in a store without strata; other criteria count it."""
    found = judged(reviewed(40, 10), reviewed(0, 10, stratum=BASELINE))
    assert (found.passed, found.failed, found.verdict) == (40, 10, Verdict.WARNING)
    alone = judged(reviewed(40, 10, stratum=BASELINE), judged=[BASELINE])
    assert (alone.passed, alone.failed) == (40, 10)
    assert judged(outcomes(Result.FAILED, 5, stratum=BASELINE), criterion=INTEGRITY).failed == 5


@pytest.mark.parametrize(("measured", "verdict"), [(39, Verdict.INCONCLUSIVE), (40, Verdict.OK)])
def test_too_few_reviews_are_inconclusive(measured: int, verdict: Verdict) -> None:
    """80 % of the sample without its baseline must have been reviewed."""
    found = judged(reviewed(measured, 0, 50 - measured), reviewed(0, 0, 10, stratum=BASELINE))
    assert found.verdict is verdict
    assert found.unmeasured == 50 - measured


def test_an_outage_is_not_reported_as_drift() -> None:
    """The message says how many reviews are needed, and why they are missing."""
    assert judged(reviewed(0, 10, 40)).verdict is Verdict.INCONCLUSIVE
    message = "only 20 of 50 could be reviewed; 80 % are needed: the reviewer is down"
    assert judged(reviewed(20, 0, 30)).message == message
    found = judged(reviewed(0, 0, 50))
    assert (found.verdict, found.rate, found.interval) == (Verdict.INCONCLUSIVE, None, None)


@pytest.mark.parametrize(
    ("measured", "total"), [(4, 5), (7, 10), (9, 10), (29, 50), (55, 100), (7, 25), (56, 100), (7, 100)]
)
def test_exactly_the_required_share_is_enough(measured: int, total: int) -> None:
    """As 55 of 100 are 0.55."""
    found = judged(reviewed(measured, 0, total - measured), min_reviewed=measured / total)
    assert found.verdict is Verdict.OK


def test_unmeasured_records_of_other_criteria_are_not_an_outage() -> None:
    """A store may lack what they need; without any measurement there is neither a verdict nor a rate."""
    assert judged(outcomes(Result.PASSED, 1), outcomes(Result.UNMEASURED, 49), criterion=INTEGRITY).verdict == "OK"
    found = judged(outcomes(Result.UNMEASURED, 9, message="the store has no column x"), criterion=INTEGRITY)
    assert (found.verdict, found.rate, found.interval, found.unmeasured) == (None, None, None, 9)
    assert found.message == "not measured: the store has no column x"
    deselected = judged([], criterion=INTEGRITY)
    assert (deselected.verdict, deselected.rate) == (None, None)


@pytest.mark.parametrize(
    ("passed", "failed", "verdict"),
    [
        (16, 4, Verdict.CRITICAL),
        (18, 1, Verdict.WARNING),
        (2, 1, Verdict.CRITICAL),
        (9, 1, Verdict.WARNING),
        (19, 0, Verdict.OK),
        (1, 0, Verdict.OK),
    ],
)
def test_few_records_are_critical_only_if_the_whole_interval_is(passed: int, failed: int, verdict: Verdict) -> None:
    """One unlucky record of a few is not drift; two of three damaged ones are damage."""
    few = replace(INTEGRITY, least=20)
    found = judged(outcomes(Result.PASSED, passed), outcomes(Result.FAILED, failed), criterion=few)
    interval = wilson(passed, passed + failed)
    assert interval is not None
    if passed + failed < few.least and found.verdict is Verdict.CRITICAL:
        assert interval[1] < 0.95
    assert found.verdict is verdict
    said = f"WARNING, since {passed + failed} records can be below 95 % by chance (20 are needed for CRITICAL)"
    assert (said in found.message) is (verdict is Verdict.WARNING)


@pytest.mark.parametrize(("agreed", "disagreed"), [(3, 0), (2, 1), (0, 3), (1, 0), (0, 1)])
def test_fewer_than_four_reviewed_records_are_no_verdict(agreed: int, disagreed: int) -> None:
    """Neither good news nor bad; unless `least` says otherwise."""
    few = replace(AGREEMENT, least=20)
    found = judged(reviewed(agreed, disagreed), criterion=few)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "too few to judge, 4 are needed: " in found.message
    assert "nothing was checked" not in found.message
    assert judged(reviewed(agreed, disagreed), criterion=replace(few, least=1)).verdict is not Verdict.INCONCLUSIVE
    assert judged(reviewed(agreed + 4, disagreed), criterion=few).verdict is not Verdict.INCONCLUSIVE


def test_named_records_are_judged_however_few() -> None:
    """They are no sample, so there is no chance in their rate."""
    few = replace(AGREEMENT, least=20)
    assert judged(reviewed(1, 0), criterion=few, chosen=True).verdict is Verdict.OK
    assert judged(reviewed(0, 1), criterion=few, chosen=True).verdict is Verdict.CRITICAL


@pytest.mark.parametrize(
    ("failed", "verdict"), [(0, Verdict.OK), (1, Verdict.OK), (3, Verdict.WARNING), (6, Verdict.CRITICAL)]
)
def test_a_share_of_the_whole_store_is_compared_with_the_same_thresholds(failed: int, verdict: Verdict) -> None:
    """The worst of records and shares is the verdict."""
    share = Statistic.share("vectors", 100 - failed, failed, f"{failed} of 100 lack a vector")
    found = judged(outcomes(Result.PASSED, 50), whole_store(share), criterion=INTEGRITY)
    assert found.verdict is verdict
    assert [item.statistic for item in found.statistics] == [share]
    assert share.message in found.message


def test_a_share_of_the_whole_store_alone_has_a_verdict() -> None:
    """Without any record; a share of nothing has none."""
    found = judged(whole_store(Statistic.share("vectors", 50, 50, "half")), criterion=INTEGRITY)
    assert (found.verdict, found.rate) == (Verdict.CRITICAL, None)
    nothing = Statistic.share("vectors", 0, 0, "none there")
    assert (nothing.value, judged(whole_store(nothing), criterion=INTEGRITY).verdict) == (None, None)


def test_a_broken_check_is_inconclusive_unless_another_is_critical() -> None:
    """It is an error of the check, and the message says so."""
    found = judged(outcomes(Result.PASSED, 49), outcomes(Result.BROKEN, 1), criterion=INTEGRITY)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.message.startswith("the check itself broke; ")
    assert (found.passed, found.failed, found.unmeasured) == (49, 0, 1)
    critical = judged(outcomes(Result.FAILED, 49), outcomes(Result.BROKEN, 1), criterion=INTEGRITY)
    assert critical.verdict is Verdict.CRITICAL


@pytest.mark.parametrize(
    ("made", "verdict", "code"),
    [
        (reviewed(50, 0), Verdict.OK, 0),
        (reviewed(40, 10), Verdict.WARNING, 0),
        (reviewed(10, 40), Verdict.CRITICAL, 1),
        (reviewed(10, 0, 40), Verdict.INCONCLUSIVE, 75),
        ([], Verdict.INCONCLUSIVE, 75),
        (reviewed(49, 0) + outcomes(Result.BROKEN, 1), Verdict.INCONCLUSIVE, 3),
        (reviewed(0, 49) + outcomes(Result.BROKEN, 1), Verdict.CRITICAL, 1),
        (reviewed(0, 0, 50) + outcomes(Result.FAILED, 50, criterion="record_integrity"), Verdict.CRITICAL, 1),
        (reviewed(0, 0, 50) + outcomes(Result.PASSED, 50, criterion="record_integrity"), Verdict.INCONCLUSIVE, 75),
    ],
)
def test_the_worst_criterion_is_the_runs_verdict(made: list[Outcome], verdict: Verdict, code: int) -> None:
    """The exit code is that of the verdict, or of an internal error if a check broke and nothing is CRITICAL."""
    found = report(made)
    assert (found.verdict, found.exit_code) == (verdict, code)


def test_agreement_counts_only_the_judged_strata() -> None:
    """And estimates the whole store from all three."""
    made = [*reviewed(20, 10, stratum=LOW), *reviewed(20, 0, stratum=OLD), *reviewed(10, 0, stratum=BASELINE)]
    found = summarise_agreement(facts(), made)
    assert (found.agreed, found.reviewed, found.rate) == (40, 50, 0.8)
    assert found.interval == wilson(40, 50)
    assert found.population is not None
    assert found.population.rate == pytest.approx(0.3 * 2 / 3 + 0.2 + 0.5)


@pytest.mark.parametrize("unreviewed", [0, 10])
def test_without_a_reviewed_baseline_there_is_no_estimate(unreviewed: int) -> None:
    """The rest of the store is unknown."""
    made = [*reviewed(20, 10), *reviewed(20, 0, stratum=OLD), *reviewed(0, 0, unreviewed, stratum=BASELINE)]
    assert summarise_agreement(facts(), made).population is None


def test_missing_reviews_are_in_no_rate() -> None:
    """Without any review of agreement there is no rate, rather than 0."""
    found = summarise_agreement(facts(), reviewed(30, 10, 60))
    assert (found.agreed, found.reviewed) == (30, 40)
    nothing = summarise_agreement(facts(), reviewed(0, 0, 50))
    figures = (nothing.rate, nothing.interval, nothing.confidence_change, nothing.population)
    assert figures == (None, None, None, None)
    assert summarise_agreement(facts(), outcomes(Result.PASSED, 9, criterion="record_integrity")).reviewed == 0


@pytest.mark.parametrize(("comparable", "change"), [(True, 0.15), (False, None)])
def test_only_comparable_confidences_are_subtracted(comparable: bool, change: float | None) -> None:
    """A share of votes is on another scale; a missing confidence is left out of the mean."""
    made = [*outcomes(Result.PASSED, 1, change=0.1), *outcomes(Result.FAILED, 1, change=0.2)]
    made += outcomes(Result.PASSED, 1, change=None)
    found = summarise_agreement(facts(comparable_confidence=comparable), made).confidence_change
    assert found == (None if change is None else pytest.approx(change))


def test_disagreements_are_separate_from_other_failures() -> None:
    """By criterion."""
    found = report(reviewed(3, 2) + outcomes(Result.FAILED, 4, criterion="record_integrity"))
    assert (len(found.disagreements), len(found.other_failures)) == (2, 4)


COUNTS = st.integers(0, 40)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_every_judged_record_is_counted_once(passed: int, failed: int, unmeasured: int, broken: int) -> None:
    """As passed, failed or unmeasured."""
    found = judged(reviewed(passed, failed, unmeasured) + outcomes(Result.BROKEN, broken))
    assert (found.passed, found.failed, found.unmeasured) == (passed, failed, unmeasured + broken)
    assert (found.rate is None) is (passed + failed == 0)


def test_an_outcome_can_be_sent_between_processes() -> None:
    """As plain values and back."""
    share = Statistic.share("vectors", 1, 2, "a message")
    made = Outcome("agreement", Result.FAILED, "m", "id", OLD, Decision("a", 0.5, "b", None), (share,))
    for outcome in (made, Outcome("x", Result.BROKEN)):
        assert from_plain(Outcome, to_plain(outcome)) == outcome


@pytest.mark.parametrize(
    "values",
    [
        {"question": ""},
        {"question": "?", "warn": 1.1},
        {"question": "?", "critical": -0.1},
        {"question": "?", "warn": 0.5, "critical": 0.6},
    ],
)
def test_a_criterion_that_could_not_be_judged_is_refused(values: dict[str, object]) -> None:
    """When it is declared."""
    with pytest.raises(ValueError):
        Criterion("name", **values)  # type: ignore[arg-type]


EFFECT = Criterion("label_conflicts", "?", effect="share", warn=0.01, critical=0.05)


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.0, Verdict.INCONCLUSIVE), (0.02, Verdict.INCONCLUSIVE), (0.1, Verdict.CRITICAL)]
)
def test_a_check_that_could_not_read_the_store_is_inconclusive(value: float, verdict: Verdict) -> None:
    """With the reason; a critical finding of another check stays."""
    found = Outcome("label_conflicts", Result.PASSED, statistics=(Statistic("same text", "found", value),))
    locked = Outcome("label_conflicts", Result.UNMEASURED, "a.db: was locked", unreadable=True)
    result = judged([found, locked], criterion=EFFECT)
    assert result.verdict is verdict
    assert verdict is Verdict.CRITICAL or "a.db: was locked" in result.message
    alone = judged([replace(locked, criterion="record_integrity")], criterion=INTEGRITY)
    assert (alone.verdict, alone.message.count("was locked")) == (Verdict.INCONCLUSIVE, 1)
