"""Agreement judged by other rules than the sample's rate: by the evidence in order, or by the whole store."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.outcomes import Outcome, Result
from drift_checks.core.records import Stratum
from drift_checks.report.agreement import summarise_agreement
from drift_checks.report.document import drift_document
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.report.verdict import Verdict, judge
from drift_checks.statistics.sequential import decide
from tests.support.reports import AGREEMENT, BASELINE, LOW, OLD, facts, report, reviewed

ALL = [str(stratum) for stratum in Stratum]
LETTERS = {"+": Result.PASSED, "-": Result.FAILED, "?": Result.UNMEASURED, ".": Result.NOT_NEEDED}


def made(letters: str, first: int = 1, stratum: str = LOW) -> list[Outcome]:
    """Return outcomes of records with ids from `first`: + agrees, - does not, ? has no review, . needed none."""
    return [
        Outcome("agreement", LETTERS[letter], "the reviewer is down" if letter == "?" else "", key, stratum)
        for key, letter in enumerate(letters, first)
    ]


def sequential(letters: str, *further: Outcome, **changed: Any) -> RunReport:
    """Return the report of reviews in this order, decided by the evidence."""
    ids = list(range(1, len(letters) + 1))
    return report([*made(letters), *further], [AGREEMENT], decision="sequential", **{"record_ids": ids, **changed})


def alone(found: RunReport) -> CriterionResult:
    """Return what agreement comes to."""
    return found.criteria[0]


def test_disagreement_that_decides_is_critical() -> None:
    """After as many reviews as it took."""
    after = decide([False] * 50, 0.75).after
    found = sequential("-" * after + "." * 100)
    assert (found.verdict, found.exit_code) == (Verdict.CRITICAL, 1)
    assert alone(found).message.endswith(f"decided after {after} reviews: below 75 %)")


def test_agreement_that_decides_is_ok() -> None:
    """The records that were not needed are neither passed nor failed nor unmeasured."""
    after = decide([True] * 100, 0.75).after
    found = alone(sequential("+" * after + "." * 100))
    assert (found.verdict, found.passed, found.failed, found.unmeasured) == (Verdict.OK, after, 0, 0)
    assert found.not_needed == 100
    assert found.message.endswith(f"decided after {after} reviews: not below 75 %)")


def test_decided_not_below_is_a_warning_if_the_rate_is_low() -> None:
    """Between the thresholds: the rate tells OK from WARNING."""
    letters = "+++++++++-" * 30
    after = decide([letter == "+" for letter in letters], 0.75).after
    found = sequential(letters[:after] + "." * 100, warn=0.95)
    assert alone(found).verdict is Verdict.WARNING
    assert "not below 75 %" in alone(found).message


def test_decided_not_below_is_never_critical() -> None:
    """Reviews after the decision change nothing, as those of a run that goes on."""
    after = decide([True] * 100, 0.75).after
    found = alone(sequential("+" * after + "-" * after))
    assert (found.verdict, found.rate) == (Verdict.WARNING, 0.5)


def test_decided_below_stays_critical() -> None:
    """However the later reviews come out."""
    after = decide([False] * 50, 0.75).after
    assert alone(sequential("-" * after + "+" * 900)).verdict is Verdict.CRITICAL


@pytest.mark.parametrize(
    ("letters", "verdict"), [("+++++++++", Verdict.OK), ("++++-", Verdict.WARNING), ("++-", Verdict.CRITICAL)]
)
def test_undecided_at_the_end_is_judged_by_the_rate(letters: str, verdict: Verdict) -> None:
    """And the message says so."""
    assert decide([letter == "+" for letter in letters], 0.75).below is None
    found = alone(sequential(letters))
    assert found.verdict is verdict
    assert f"undecided after {len(letters)} reviews, so judged by the rate" in found.message


def test_the_order_of_the_draw_decides() -> None:
    """Not that in which the outcomes came: early disagreement decides, the same later does not."""
    after = decide([False] * 50, 0.75).after
    letters = "-" * after + "+" * 40
    outcomes = made(letters)
    onward, backward = list(range(1, len(letters) + 1)), list(range(len(letters), 0, -1))
    verdicts = {}
    for name, ids in (("onward", onward), ("backward", backward)):
        shuffled = random.Random(1).sample(outcomes, len(outcomes))
        found = report(shuffled, [AGREEMENT], decision="sequential", record_ids=ids)
        verdicts[name] = alone(found).message.rpartition(": ")[2]
    assert verdicts == {"onward": "below 75 %)", "backward": "not below 75 %)"}


@given(
    letters=st.text("+-?", min_size=1, max_size=60),
    critical=st.sampled_from([0.5, 0.75, 0.9]),
    seed=st.integers(0, 99),
)
def test_a_verdict_is_that_of_the_reviews_in_order(letters: str, critical: float, seed: int) -> None:
    """Whatever the outcomes are, and in whichever order they arrive."""
    shuffled = random.Random(seed).sample(made(letters), len(letters))
    ids = list(range(1, len(letters) + 1))
    limits: dict[str, Any] = {"warn": 0.95, "critical": critical, "min_reviewed": 0.0}
    found = alone(report(shuffled, [AGREEMENT], decision="sequential", record_ids=ids, **limits))
    agreed = [letter == "+" for letter in letters if letter != "?"]
    decision = decide(agreed, critical)
    if not agreed:
        assert found.verdict is Verdict.INCONCLUSIVE
    elif decision.below:
        assert found.verdict is Verdict.CRITICAL
    else:
        by_rate = judge(sum(agreed) / len(agreed), 0.95, critical)
        spared = decision.below is False and by_rate is Verdict.CRITICAL
        assert found.verdict is (Verdict.WARNING if spared else by_rate)


def test_the_baseline_decides_nothing() -> None:
    """It is drawn to estimate the whole store, and not judged."""
    baseline = made("-" * 30, 101, BASELINE)
    ids = [*range(1, 6), *range(101, 131)]
    assert alone(sequential("+++++", *baseline, record_ids=ids)).verdict is Verdict.OK


@pytest.mark.parametrize(("letters", "verdict"), [("++??......", Verdict.OK), ("++???.....", Verdict.INCONCLUSIVE)])
def test_what_was_not_needed_counts_as_reviewed(letters: str, verdict: Verdict) -> None:
    """Towards the required share."""
    assert alone(sequential(letters)).verdict is verdict


def test_an_outage_is_no_decision() -> None:
    """However the few that were reviewed came out."""
    assert alone(sequential("-" * 10 + "?" * 40)).verdict is Verdict.INCONCLUSIVE


def test_named_records_are_judged_by_their_rate() -> None:
    """They come in no random order."""
    found = alone(sequential("-" * 10 + "+" * 90, chosen=True))
    assert (found.verdict, "decided" in found.message) == (Verdict.OK, False)


def test_the_point_rule_reads_no_order() -> None:
    """Early disagreement weighs as late."""
    found = alone(report(made("-" * 10 + "+" * 90), [AGREEMENT], record_ids=list(range(1, 101))))
    assert (found.verdict, "decided" in found.message) == (Verdict.OK, False)


def test_reviews_that_stopped_estimate_no_store() -> None:
    """And the reason is given."""
    further = [*made("+" * 20, 201, OLD), *made("+" * 10, 301, BASELINE)]
    found = sequential("+" * 20 + "." * 9, *further)
    assert found.agreement.population is None
    assert found.agreement.population_missing == "the reviews stopped when the evidence sufficed"
    assert drift_document(found)["agreement"]["population_missing"] == found.agreement.population_missing


def test_reviews_that_did_not_stop_estimate_the_store() -> None:
    """As under the point rule."""
    further = [*made("+" * 20, 201, OLD), *made("+" * 10, 301, BASELINE)]
    found = sequential("+" * 20, *further)
    assert found.agreement.population is not None
    assert drift_document(found)["agreement"]["population_missing"] is None


@pytest.mark.parametrize(
    ("without", "changed", "reason"),
    [
        (BASELINE, {"drawn": {LOW: 30, OLD: 20, BASELINE: 0}}, "no record of the stratum baseline was drawn"),
        (BASELINE, {}, "a stratum was not reviewed"),
        (None, {"chosen": True}, "these records were not drawn at random"),
    ],
)
def test_a_missing_estimate_has_a_reason(without: str | None, changed: dict[str, object], reason: str) -> None:
    """There is either an estimate or a reason."""
    outcomes = [item for stratum in ALL if stratum != without for item in reviewed(9, 1, stratum=stratum)]
    found = summarise_agreement(facts(**changed), outcomes)
    assert (found.population, found.population_missing) == (None, reason)


def population(low: tuple[int, int], old: tuple[int, int], rest: tuple[int, int], **changed: Any) -> RunReport:
    """Return the report of reviews that agreed and did not, by stratum, judged by the estimate of the whole store."""
    counts = zip((LOW, OLD, BASELINE), (low, old, rest), strict=True)
    outcomes = [item for stratum, (agreed, not_so) in counts for item in reviewed(agreed, not_so, stratum=stratum)]
    return report(outcomes, [AGREEMENT], judge="population", **changed)


def test_the_estimate_of_the_whole_store_is_judged() -> None:
    """A sample of doubtful records is worse than the store: 0.3 × 0.5 + 0.2 + 0.5 is 0.85."""
    found = population((15, 15), (20, 0), (10, 0))
    result = alone(found)
    assert found.agreement.population is not None
    assert (found.agreement.rate, result.verdict) == (0.7, Verdict.OK)
    assert result.rate == found.agreement.population.rate == pytest.approx(0.85)
    assert result.interval == found.agreement.population.interval
    assert "estimated of the whole store 85 %" in result.message


@pytest.mark.parametrize(
    ("rest", "verdict"), [((10, 0), Verdict.OK), ((6, 4), Verdict.WARNING), ((4, 6), Verdict.CRITICAL)]
)
def test_the_baseline_weighs_as_much_as_the_store_has_of_it(rest: tuple[int, int], verdict: Verdict) -> None:
    """Half of the store, here."""
    assert alone(population((30, 0), (20, 0), rest)).verdict is verdict


def test_the_document_shows_the_estimate_as_the_criterions_rate() -> None:
    """The agreement of the sample stands beside it."""
    drift = drift_document(population((15, 15), (20, 0), (10, 0)))
    assert drift["criteria"][0]["rate"] == drift["agreement"]["population"]["rate"]
    assert drift["criteria"][0]["interval"] == drift["agreement"]["population"]["interval"]
    assert (drift["judge"], drift["agreement"]["rate"]) == ("population", 0.7)


def test_without_an_estimate_there_is_no_verdict() -> None:
    """Neither OK nor CRITICAL: INCONCLUSIVE, with the reason."""
    found = population((30, 0), (20, 0), (0, 0))
    assert (found.verdict, found.exit_code) == (Verdict.INCONCLUSIVE, 75)
    assert "the whole store cannot be estimated: a stratum was not reviewed" in alone(found).message


def test_named_records_estimate_nothing_and_are_judged_themselves() -> None:
    """By their own rate."""
    result = alone(population((9, 1), (10, 0), (10, 0), chosen=True, judged=ALL))
    assert (result.verdict, result.rate) == (Verdict.OK, 29 / 30)


def alike(letters: dict[str, str], **changed: Any) -> RunReport:
    """Return the report of a sample drawn from the whole store alike, decided in order: reviews by stratum."""
    outcomes: list[Outcome] = []
    for stratum in ALL:
        outcomes += made(letters[stratum], len(outcomes) + 1, stratum)
    ids: Sequence[int] = range(1, len(outcomes) + 1)
    values: dict[str, Any] = {"judged": ALL, "record_ids": list(ids), "judge": "population"}
    return report(outcomes, [AGREEMENT], decision="sequential", **(values | changed))


def test_a_decision_on_the_whole_store_counts_every_stratum() -> None:
    """The rest of the store too, which is drawn alike."""
    result = alone(alike({LOW: "+" * 9, OLD: "+" * 6, BASELINE: "-" * 30}))
    assert (result.verdict, result.passed, result.failed) == (Verdict.CRITICAL, 15, 30)


def test_a_decision_that_stopped_the_reviews_is_one_on_the_whole_store() -> None:
    """Though there is no estimate."""
    result = alone(alike({LOW: "+" * 9 + "....", OLD: "+" * 6, BASELINE: "+" * 15}))
    assert (result.verdict, "not below 75 %" in result.message) == (Verdict.OK, True)


@pytest.mark.parametrize("critical", [0.69, 0.705, 0.72])
def test_undecided_on_the_whole_store_is_judged_by_the_rate_that_is_shown(critical: float) -> None:
    """Though the strata, rounded to whole records, would weigh a little otherwise: 5 of 7 agree, 70 % by weight."""
    result = alone(alike({LOW: "--", OLD: "+", BASELINE: "++++"}, warn=critical, critical=critical))
    assert result.rate is not None
    assert "undecided" in result.message
    assert result.verdict is judge(result.rate, critical, critical)


def test_no_rate_is_below_a_threshold_of_zero() -> None:
    """It takes no review to decide that; the rate of those that were made is compared with warn."""
    found = alone(sequential("+-", critical=0.0))
    assert (found.verdict, "decided after 0 reviews: not below 0 %" in found.message) == (Verdict.WARNING, True)


def by_check(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes as those of another criterion."""
    return [replace(item, criterion="record_integrity") for item in outcomes]


def test_other_criteria_are_judged_by_their_rate_under_every_rule() -> None:
    """Only agreement is decided in order."""
    other = replace(AGREEMENT, name="record_integrity", reviewed=False)
    outcomes = by_check(made("-" * 10 + "+" * 90))
    ids = list(range(1, 101))
    found = report(outcomes, [other], decision="sequential", judge="population", record_ids=ids)
    assert (found.criteria[0].verdict, found.criteria[0].rate) == (Verdict.OK, 0.9)
