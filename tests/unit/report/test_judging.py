"""From outcomes to counts, rates and verdicts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.outcomes import Criterion, Decision, Outcome, Result, Statistic
from drift_checks.core.plain import from_plain, to_plain
from drift_checks.report.agreement import summarise_agreement
from drift_checks.report.judging import build_report, judge_criterion
from drift_checks.report.run import CriterionResult
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.intervals import wilson
from tests.support.reports import AGREEMENT, BASELINE, INTEGRITY, LOW, OLD, facts, outcomes, report, reviewed


def judged(*made: list[Outcome], criterion: Criterion = AGREEMENT, **changed: object) -> CriterionResult:
    """Return what the criterion comes to."""
    return judge_criterion(criterion, [item for part in made for item in part], facts(**changed))


def whole_store(*statistics: Statistic, criterion: str = "record_integrity") -> list[Outcome]:
    """Return the outcome of a check of the whole store."""
    return [Outcome(criterion, Result.PASSED, statistics=statistics)]


@pytest.mark.parametrize(
    ("agreed", "verdict"),
    [(100, Verdict.OK), (85, Verdict.OK), (84, Verdict.WARNING), (75, Verdict.WARNING), (74, Verdict.CRITICAL)],
)
def test_the_rate_is_compared_with_the_runs_thresholds(agreed: int, verdict: Verdict) -> None:
    """At a threshold is not below it."""
    found = judged(reviewed(agreed, 100 - agreed))
    assert (found.verdict, found.rate, found.interval) == (verdict, agreed / 100, wilson(agreed, 100))
    assert (found.warn, found.critical) == (0.85, 0.75)


def test_a_criterions_own_thresholds_come_first() -> None:
    """0.99 and 0.95 for integrity."""
    made = [*outcomes(Result.PASSED, 97), *outcomes(Result.FAILED, 3)]
    found = judged(made, criterion=INTEGRITY)
    assert (found.verdict, found.warn, found.critical) == (Verdict.WARNING, 0.99, 0.95)


def test_the_message_counts_what_fails() -> None:
    """As the contract's example does."""
    assert judged(reviewed(47, 3)).message.startswith("3 of 50 disagree, 6 %")


def test_the_baseline_is_left_out_of_agreement() -> None:
    """It is drawn to estimate the whole store."""
    found = judged(reviewed(40, 10), reviewed(0, 10, stratum=BASELINE))
    assert (found.passed, found.failed, found.verdict) == (40, 10, Verdict.WARNING)


def test_the_baseline_counts_if_it_is_judged() -> None:
    """As in a store that cannot be divided."""
    found = judged(reviewed(40, 10, stratum=BASELINE), judged=[BASELINE])
    assert (found.passed, found.failed) == (40, 10)


def test_other_criteria_count_the_baseline() -> None:
    """A damaged record is damaged wherever it was drawn."""
    found = judged(outcomes(Result.FAILED, 5, stratum=BASELINE), criterion=INTEGRITY)
    assert found.failed == 5


@pytest.mark.parametrize(("measured", "verdict"), [(39, Verdict.INCONCLUSIVE), (40, Verdict.OK), (41, Verdict.OK)])
def test_too_few_reviews_are_no_verdict(measured: int, verdict: Verdict) -> None:
    """80 % of the sample must have been reviewed."""
    found = judged(reviewed(measured, 0, 50 - measured))
    assert found.verdict is verdict
    assert found.unmeasured == 50 - measured


def test_too_few_reviews_say_how_many_are_needed_and_why() -> None:
    """In the message."""
    message = "only 20 of 50 could be reviewed; 80 % are needed: the reviewer is down"
    assert judged(reviewed(20, 0, 30)).message == message


def test_an_outage_is_not_reported_as_drift() -> None:
    """However the few that were reviewed came out."""
    assert judged(reviewed(0, 10, 40)).verdict is Verdict.INCONCLUSIVE


def test_an_unreviewed_baseline_makes_nothing_inconclusive() -> None:
    """The share is that of the sample without it."""
    assert judged(reviewed(50, 0), reviewed(0, 0, 10, stratum=BASELINE)).verdict is Verdict.OK


def test_an_outage_of_all_says_why() -> None:
    """With the reviewer's reason, and no rate."""
    found = judged(reviewed(0, 0, 50))
    assert (found.verdict, found.rate, found.interval) == (Verdict.INCONCLUSIVE, None, None)
    assert "the reviewer is down" in found.message


@pytest.mark.parametrize(
    ("measured", "total"),
    [(4, 5), (7, 10), (9, 10), (29, 50), (55, 100), (7, 25), (56, 100), (7, 100)],
)
def test_exactly_the_share_that_is_needed_is_enough(measured: int, total: int) -> None:
    """As 55 of 100 are 0.55."""
    found = judged(reviewed(measured, 0, total - measured), min_reviewed=measured / total)
    assert found.verdict is Verdict.OK


def test_unmeasured_records_of_other_criteria_are_no_outage() -> None:
    """A store may lack what they need."""
    made = [*outcomes(Result.PASSED, 1), *outcomes(Result.UNMEASURED, 49)]
    assert judged(made, criterion=INTEGRITY).verdict is Verdict.OK


def test_what_was_not_measured_has_neither_verdict_nor_rate() -> None:
    """Never 0."""
    found = judged(outcomes(Result.UNMEASURED, 9, message="the store has no column x"), criterion=INTEGRITY)
    assert (found.verdict, found.rate, found.interval, found.unmeasured) == (None, None, None, 9)
    assert found.message == "not measured: the store has no column x"


def test_without_a_check_there_is_no_verdict() -> None:
    """As if all were deselected."""
    found = judged([], criterion=INTEGRITY)
    assert (found.verdict, found.rate) == (None, None)


@pytest.mark.parametrize(("number", "verdict"), [(19, None), (20, Verdict.OK)])
def test_fewer_than_the_least_are_no_basis(number: int, verdict: Verdict | None) -> None:
    """The criterion says how many it needs."""
    criterion = replace(INTEGRITY, least=20)
    found = judged(outcomes(Result.PASSED, number), criterion=criterion)
    assert found.verdict is verdict
    assert ("20 are needed" in found.message) is (verdict is None)


@pytest.mark.parametrize(
    ("failed", "verdict"), [(0, Verdict.OK), (1, Verdict.OK), (3, Verdict.WARNING), (6, Verdict.CRITICAL)]
)
def test_a_share_of_the_whole_store_is_compared_with_the_same_thresholds(failed: int, verdict: Verdict) -> None:
    """The worse of both counts."""
    share = Statistic.share("vectors", 100 - failed, failed, f"{failed} of 100 lack a vector")
    found = judged(outcomes(Result.PASSED, 50), whole_store(share), criterion=INTEGRITY)
    assert found.verdict is verdict
    assert [item.statistic for item in found.statistics] == [share]
    assert share.message in found.message


def test_a_share_of_the_whole_store_alone_is_a_verdict() -> None:
    """Without any record."""
    found = judged(whole_store(Statistic.share("vectors", 50, 50, "half")), criterion=INTEGRITY)
    assert (found.verdict, found.rate) == (Verdict.CRITICAL, None)


def test_a_share_of_nothing_is_no_verdict() -> None:
    """Its rate is None, not 0."""
    share = Statistic.share("vectors", 0, 0, "none there")
    assert share.value is None
    assert judged(whole_store(share), criterion=INTEGRITY).verdict is None


def test_a_check_that_broke_is_inconclusive() -> None:
    """It is a fault of the check, and says so."""
    found = judged(outcomes(Result.PASSED, 49), outcomes(Result.BROKEN, 1), criterion=INTEGRITY)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.message.startswith("the check itself broke; ")
    assert (found.passed, found.failed, found.unmeasured) == (49, 0, 1)


def test_a_broken_check_hides_no_drift() -> None:
    """CRITICAL stays."""
    found = judged(outcomes(Result.FAILED, 49), outcomes(Result.BROKEN, 1), criterion=INTEGRITY)
    assert found.verdict is Verdict.CRITICAL


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
    ],
)
def test_a_run_ends_with_the_code_of_its_verdict(made: list[Outcome], verdict: Verdict, code: int) -> None:
    """A broken check with that of an internal error, unless something is CRITICAL."""
    found = report(made)
    assert (found.verdict, found.exit_code) == (verdict, code)


def test_the_worst_criterion_is_the_runs_verdict() -> None:
    """An outage of the reviewer hides no damage, and the other way round."""
    damaged = outcomes(Result.FAILED, 50, criterion="record_integrity")
    assert report(reviewed(0, 0, 50) + damaged).verdict is Verdict.CRITICAL
    sound = outcomes(Result.PASSED, 50, criterion="record_integrity")
    assert report(reviewed(0, 0, 50) + sound).verdict is Verdict.INCONCLUSIVE


def test_agreement_counts_the_judged_strata_alone() -> None:
    """And estimates the whole store from all three."""
    made = [*reviewed(20, 10, stratum=LOW), *reviewed(20, 0, stratum=OLD), *reviewed(10, 0, stratum=BASELINE)]
    found = summarise_agreement(facts(), made)
    assert (found.agreed, found.reviewed, found.rate) == (40, 50, 0.8)
    assert found.interval == wilson(40, 50)
    assert found.population is not None
    assert found.population.rate == pytest.approx(0.3 * 2 / 3 + 0.2 + 0.5)


def test_without_a_baseline_the_population_is_unknown() -> None:
    """The rest of the store was not looked at."""
    found = summarise_agreement(facts(), [*reviewed(20, 10), *reviewed(20, 0, stratum=OLD)])
    assert found.population is None


def test_a_baseline_that_failed_leaves_the_population_unknown() -> None:
    """Unreviewed is no agreement."""
    made = [*reviewed(20, 10), *reviewed(20, 0, stratum=OLD), *reviewed(0, 0, 10, stratum=BASELINE)]
    assert summarise_agreement(facts(), made).population is None


def test_what_was_not_reviewed_is_in_no_rate() -> None:
    """Neither for nor against."""
    found = summarise_agreement(facts(), reviewed(30, 10, 60))
    assert (found.agreed, found.reviewed) == (30, 40)


def test_without_reviews_agreement_has_no_rate() -> None:
    """Never 0."""
    found = summarise_agreement(facts(), reviewed(0, 0, 50))
    assert (found.rate, found.interval, found.confidence_change, found.population) == (None, None, None, None)


def test_other_criteria_are_no_agreement() -> None:
    """Only the criterion of that name."""
    assert summarise_agreement(facts(), outcomes(Result.PASSED, 9, criterion="record_integrity")).reviewed == 0


@pytest.mark.parametrize(("comparable", "change"), [(True, 0.15), (False, None)])
def test_confidences_are_subtracted_only_where_they_are_comparable(comparable: bool, change: float | None) -> None:
    """A share of votes is on another scale."""
    made = [*outcomes(Result.PASSED, 1, change=0.1), *outcomes(Result.FAILED, 1, change=0.2)]
    found = summarise_agreement(facts(comparable_confidence=comparable), made).confidence_change
    assert found == (None if change is None else pytest.approx(change))


def test_a_missing_confidence_is_no_change() -> None:
    """The others' mean stands."""
    made = [*outcomes(Result.PASSED, 1, change=0.1), *outcomes(Result.PASSED, 1, change=None)]
    assert summarise_agreement(facts(comparable_confidence=True), made).confidence_change == pytest.approx(0.1)


def test_disagreements_and_other_failures_are_told_apart() -> None:
    """By criterion."""
    found = report(reviewed(3, 2) + outcomes(Result.FAILED, 4, criterion="record_integrity"))
    assert (len(found.disagreements), len(found.other_failures)) == (2, 4)


COUNTS = st.integers(0, 40)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_every_judged_record_is_counted_once(passed: int, failed: int, unmeasured: int, broken: int) -> None:
    """Passed, failed or unmeasured."""
    made = reviewed(passed, failed, unmeasured) + outcomes(Result.BROKEN, broken)
    found = judged(made)
    assert (found.passed, found.failed, found.unmeasured) == (passed, failed, unmeasured + broken)
    assert (found.rate is None) is (passed + failed == 0)


def test_an_outcome_crosses_between_processes() -> None:
    """As plain values and back."""
    share = Statistic.share("vectors", 1, 2, "said")
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
    """With the reason."""
    with pytest.raises(ValueError):
        Criterion("name", **values)  # type: ignore[arg-type]


def test_a_report_keeps_facts_and_time() -> None:
    """For whoever writes it."""
    found = build_report(facts(demo=True), [], [], 1.5)
    assert (found.facts.demo, found.duration_seconds, found.criteria) == (True, 1.5, ())
