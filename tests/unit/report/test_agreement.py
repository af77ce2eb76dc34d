"""Agreement judged sequentially, or by the estimate of the whole store."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from drift_checks.core.outcomes import Decision, Outcome, Result
from drift_checks.core.records import STORE_STRATA
from drift_checks.report.agreement import summarise_agreement
from drift_checks.report.document import drift_document
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.report.verdict import Verdict, judge
from drift_checks.statistics.sequential import decide
from tests.support.reports import AGREEMENT, BASELINE, LOW, OLD, facts, report, reviewed

ALL = [str(stratum) for stratum in STORE_STRATA]
LETTERS = {"+": Result.PASSED, "-": Result.FAILED, "?": Result.UNMEASURED, ".": Result.NOT_NEEDED}


def made(letters: str, first: int = 1, stratum: str = LOW) -> list[Outcome]:
    """Return outcomes of records with ids from `first`: + agrees, - disagrees, ? has no review, . needed none."""
    return [
        Outcome("agreement", LETTERS[letter], "the reviewer is down" if letter == "?" else "", key, stratum)
        for key, letter in enumerate(letters, first)
    ]


def sequential(letters: str, *further: Outcome, **changed: Any) -> RunReport:
    """Return the report of reviews in this order, decided sequentially."""
    ids = list(range(1, len(letters) + 1))
    return report([*made(letters), *further], [AGREEMENT], decision="sequential", **{"record_ids": ids, **changed})


def alone(found: RunReport) -> CriterionResult:
    """Return the result of the criterion `agreement`."""
    return found.criteria[0]


def test_decisive_disagreement_is_critical() -> None:
    """Whatever later reviews say."""
    after = decide([False] * 50, 0.75).after
    found = sequential("-" * after + "." * 100)
    assert (found.verdict, found.exit_code) == (Verdict.CRITICAL, 1)
    assert alone(found).message.endswith(f"decided after {after} reviews: below 75 %")
    assert sequential("-" * after + "+" * 900).verdict is Verdict.CRITICAL


def test_decisive_agreement_is_ok() -> None:
    """Records that were not needed are not counted as passed, failed or unmeasured."""
    after = decide([True] * 100, 0.75).after
    found = alone(sequential("+" * after + "." * 100))
    assert (found.verdict, found.passed, found.failed, found.unmeasured) == (Verdict.OK, after, 0, 0)
    assert found.not_needed == 100
    assert found.message.endswith(f"decided after {after} reviews: not below 75 %")


def test_decided_not_below_is_a_warning_if_the_rate_is_low() -> None:
    """Between the thresholds, the rate separates OK from WARNING."""
    letters = "+++++++++-" * 30
    after = decide([letter == "+" for letter in letters], 0.75).after
    found = sequential(letters[:after] + "." * 100, warn=0.95)
    assert alone(found).verdict is Verdict.WARNING
    assert "not below 75 %" in alone(found).message


def test_decided_not_below_is_never_critical() -> None:
    """Reviews after the decision, as of a resumed run, change nothing."""
    after = decide([True] * 100, 0.75).after
    found = alone(sequential("+" * after + "-" * after))
    assert (found.verdict, found.rate) == (Verdict.WARNING, 0.5)


@pytest.mark.parametrize(
    ("letters", "verdict"), [("+++++++++", Verdict.OK), ("++++-", Verdict.WARNING), ("++-", Verdict.CRITICAL)]
)
def test_an_undecided_run_is_judged_by_the_rate(letters: str, verdict: Verdict) -> None:
    """The message says so."""
    assert decide([letter == "+" for letter in letters], 0.75).below is None
    found = alone(sequential(letters))
    assert found.verdict is verdict
    assert f"undecided after {len(letters)} reviews, so judged by the rate" in found.message


def test_the_order_of_the_draw_decides() -> None:
    """Not the order of the outcomes: early disagreement decides, the same later does not."""
    after = decide([False] * 50, 0.75).after
    letters = "-" * after + "+" * 40
    outcomes = made(letters)
    ids = list(range(1, len(letters) + 1))
    shuffled = random.Random(1).sample(outcomes, len(outcomes))
    for order, decided in ((ids, "below 75 %"), (ids[::-1], "not below 75 %")):
        found = report(shuffled, [AGREEMENT], decision="sequential", record_ids=order)
        assert alone(found).message.rpartition(": ")[2] == decided


@given(
    letters=st.text("+-?", min_size=1, max_size=60),
    critical=st.sampled_from([0.5, 0.75, 0.9]),
    seed=st.integers(0, 99),
)
def test_the_verdict_is_that_of_the_reviews_in_order(letters: str, critical: float, seed: int) -> None:
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
    """It is drawn to estimate the whole store."""
    baseline = made("-" * 30, 101, BASELINE)
    ids = [*range(1, 6), *range(101, 131)]
    assert alone(sequential("+++++", *baseline, record_ids=ids)).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("letters", "verdict"),
    [
        ("++??......", Verdict.OK),
        ("++???.....", Verdict.INCONCLUSIVE),
        ("-" * 10 + "?" * 40, Verdict.INCONCLUSIVE),
    ],
)
def test_records_that_were_not_needed_count_as_reviewed(letters: str, verdict: Verdict) -> None:
    """Towards the required share; an outage decides nothing."""
    assert alone(sequential(letters)).verdict is verdict


@pytest.mark.parametrize("changed", [{"chosen": True}, {"decision": "point"}])
def test_named_records_and_the_point_rule_ignore_the_order(changed: dict[str, Any]) -> None:
    """Early disagreement counts like late disagreement."""
    ids = list(range(1, 101))
    settings = {"decision": "sequential", **changed}
    found = alone(report(made("-" * 10 + "+" * 90), [AGREEMENT], record_ids=ids, **settings))
    assert (found.verdict, "decided" in found.message) == (Verdict.OK, False)


def test_reviews_that_stopped_do_not_estimate_the_store() -> None:
    """The document says why; reviews that did not stop estimate it."""
    further = [*made("+" * 20, 201, OLD), *made("+" * 10, 301, BASELINE)]
    found = sequential("+" * 20 + "." * 9, *further)
    assert found.agreement.population is None
    assert found.agreement.population_missing == "the reviews stopped when the evidence sufficed"
    assert drift_document(found)["agreement"]["population_missing"] == found.agreement.population_missing
    complete = sequential("+" * 20, *further)
    assert complete.agreement.population is not None
    assert drift_document(complete)["agreement"]["population_missing"] is None


@pytest.mark.parametrize(
    ("without", "changed", "reason"),
    [
        (BASELINE, {"drawn": {LOW: 30, OLD: 20, BASELINE: 0}}, "no record of the stratum baseline was drawn"),
        (BASELINE, {}, "no record of the stratum baseline was reviewed"),
        (None, {"chosen": True}, "these records were not drawn at random"),
    ],
)
def test_a_missing_estimate_has_a_reason(without: str | None, changed: dict[str, object], reason: str) -> None:
    """In a phrase."""
    outcomes = [item for stratum in ALL if stratum != without for item in reviewed(9, 1, stratum=stratum)]
    found = summarise_agreement(facts(**changed), outcomes)
    assert (found.population, found.population_missing) == (None, reason)


def population(low: tuple[int, int], old: tuple[int, int], rest: tuple[int, int], **changed: Any) -> RunReport:
    """Return the report of agreements and disagreements by stratum, judged by the estimate of the whole store."""
    counts = zip((LOW, OLD, BASELINE), (low, old, rest), strict=True)
    outcomes = [item for stratum, (agreed, failed) in counts for item in reviewed(agreed, failed, stratum=stratum)]
    return report(outcomes, [AGREEMENT], judge="population", **changed)


def test_the_estimate_of_the_whole_store_is_judged() -> None:
    """A sample of doubtful records is worse than the store: 0.3 × 0.5 + 0.2 + 0.5 is 0.85; the document has both."""
    found = population((15, 15), (20, 0), (10, 0))
    result = alone(found)
    assert found.agreement.population is not None
    assert (found.agreement.rate, result.verdict) == (0.7, Verdict.OK)
    assert result.rate == found.agreement.population.rate == pytest.approx(0.85)
    assert result.interval == found.agreement.population.interval
    assert result.message.startswith("an estimated 85 % of the whole store agree (")
    assert result.message.endswith("; 15 of 50 disagree, 30 % in the sample")
    drift = drift_document(found)
    assert drift["criteria"][0]["rate"] == drift["agreement"]["population"]["rate"]
    assert drift["criteria"][0]["interval"] == drift["agreement"]["population"]["interval"]
    assert (drift["judge"], drift["agreement"]["rate"]) == ("population", 0.7)


@pytest.mark.parametrize(
    ("rest", "verdict"), [((10, 0), Verdict.OK), ((6, 4), Verdict.WARNING), ((4, 6), Verdict.CRITICAL)]
)
def test_the_baseline_has_its_share_of_the_store_as_weight(rest: tuple[int, int], verdict: Verdict) -> None:
    """It is half of the store here."""
    assert alone(population((30, 0), (20, 0), rest)).verdict is verdict


@pytest.mark.parametrize(("low", "verdict"), [((30, 0), Verdict.OK), ((10, 20), Verdict.CRITICAL)])
def test_without_an_estimate_the_sample_decides(low: tuple[int, int], verdict: Verdict) -> None:
    """With the reason."""
    found = population(low, (20, 0), (0, 0))
    result = alone(found)
    assert (found.verdict, result.rate, result.estimate) == (verdict, (low[0] + 20) / 50, None)
    reason = "no record of the stratum baseline was reviewed"
    assert result.message.endswith(f"; the whole store cannot be estimated ({reason}), so the sample decides")


@pytest.mark.parametrize(
    ("agreed", "hunted", "verdict"),
    [(45, False, Verdict.INCONCLUSIVE), (20, False, Verdict.CRITICAL), (45, True, Verdict.OK)],
)
def test_a_hunted_sample_without_its_likely_issues_is_never_ok(agreed: int, hunted: bool, verdict: Verdict) -> None:
    """After an outage, only records whose labels are not doubted may be reviewed: they agree more than the store."""
    issues = made(("+" if hunted else "?") * 20, first=1000, stratum="label_issue")
    sizes = {LOW: 300, OLD: 0, BASELINE: 0, "label_issue": 100}
    drawn = {LOW: 45, OLD: 0, BASELINE: 0, "label_issue": 20}
    found = report(
        [*reviewed(agreed, 45 - agreed), *issues], method="hunt", judge="population", sizes=sizes, drawn=drawn
    )
    assert found.criteria[0].verdict is verdict
    assert ("without the likely label issues" in found.criteria[0].message) is not hunted


def test_named_records_are_judged_by_their_own_rate() -> None:
    """They estimate nothing."""
    result = alone(population((9, 1), (10, 0), (10, 0), chosen=True, judged=ALL))
    assert (result.verdict, result.rate) == (Verdict.OK, 29 / 30)


HEAVY: dict[str, Any] = {"sizes": {LOW: 100, OLD: 100, BASELINE: 800}}


@pytest.mark.parametrize(
    ("rest", "drawn", "verdict"),
    [
        ((0, 1), 1, Verdict.WARNING),
        ((1, 1), 2, Verdict.WARNING),
        ((6, 4), 10, Verdict.WARNING),
        ((4, 6), 10, Verdict.CRITICAL),
    ],
)
def test_no_single_record_makes_the_store_critical(rest: tuple[int, int], drawn: int, verdict: Verdict) -> None:
    """Of few records of a large stratum, each stands for a large part of the store: one of ten for 8 %."""
    criterion = replace(AGREEMENT, least=20)
    counts = zip((LOW, OLD, BASELINE), ((30, 0), (20, 0), rest), strict=True)
    outcomes = [item for stratum, (agreed, failed) in counts for item in reviewed(agreed, failed, stratum=stratum)]
    values = {"judge": "population", "drawn": {LOW: 30, OLD: 20, BASELINE: drawn}, **HEAVY}
    result = alone(report(outcomes, [criterion], **values))
    assert result.estimate is not None
    assert result.estimate.rate < 0.75
    assert result.verdict is verdict
    said = f"WARNING, since one record, which stands for {80 // drawn} % of the store, would make it CRITICAL"
    assert (said in result.message) is (verdict is Verdict.WARNING)


@pytest.mark.parametrize("rule", ["sample", "population"])
@pytest.mark.parametrize(
    ("share", "by_tfidf", "by_vectors"),
    [
        (0.9, Verdict.OK, Verdict.OK),
        (0.7, Verdict.WARNING, Verdict.CRITICAL),
        (0.5, Verdict.CRITICAL, Verdict.CRITICAL),
    ],
)
def test_by_tfidf_only_a_whole_interval_below_the_threshold_is_critical(
    rule: str, share: float, by_tfidf: Verdict, by_vectors: Verdict
) -> None:
    """The message says what spared the run."""
    drawn = {LOW: 30, OLD: 20, BASELINE: 50}
    counts = {stratum: (round(share * number), round((1 - share) * number)) for stratum, number in drawn.items()}
    outcomes = [item for stratum, made in counts.items() for item in reviewed(*made, stratum=stratum)]
    values: dict[str, Any] = {"judge": rule, "drawn": drawn}
    texts = alone(report(outcomes, [AGREEMENT], basis="TF-IDF of the texts", **values))
    vectors = alone(report(outcomes, [AGREEMENT], basis="Chroma", **values))
    assert (texts.verdict, vectors.verdict) == (by_tfidf, by_vectors)
    assert texts.interval is not None
    assert (texts.interval[1] >= 0.75) is (share > 0.5)
    assert ("; WARNING, since TF-IDF may disagree" in texts.message) is (by_tfidf is not by_vectors)


def test_a_small_store_that_was_reviewed_whole_is_not_critical_by_chance() -> None:
    """Its estimate has no error, but eight records say little about the classifier."""
    values: dict[str, Any] = {"sizes": {LOW: 4, OLD: 2, BASELINE: 2}, "drawn": {LOW: 4, OLD: 2, BASELINE: 2}}
    outcomes = [*reviewed(2, 2), *reviewed(1, 1, stratum=OLD), *reviewed(2, 0, stratum=BASELINE)]
    result = alone(report(outcomes, [replace(AGREEMENT, least=20)], judge="population", **values))
    assert (result.rate, result.verdict) == (0.625, Verdict.WARNING)
    assert "8 records can be below 75 % by chance (20 are needed for CRITICAL)" in result.message


def test_kappa_is_of_the_agreement_that_is_judged() -> None:
    """Weighted by the strata for the whole store; the document has it."""
    counts = zip((LOW, OLD, BASELINE), ((15, 15), (20, 0), (10, 0)), strict=True)
    outcomes = [
        replace(item, decision=Decision(stored, 0.5, stored if item.result is Result.PASSED else "other", None))
        for stratum, (agreed, failed) in counts
        for place, item in enumerate(reviewed(agreed, failed, stratum=stratum))
        for stored in [("fraud", "cyber")[place % 2]]
    ]
    found = {rule: report(outcomes, [AGREEMENT], judge=rule).agreement for rule in ("sample", "population")}
    for rule, weights in (("sample", {LOW: 1, OLD: 1, BASELINE: 0}), ("population", {LOW: 10, OLD: 10, BASELINE: 50})):
        made = [item.decision for item in outcomes if item.decision]
        expected = cohen_kappa_score(
            [decision.stored for decision in made],
            [decision.reviewed for decision in made],
            sample_weight=[weights[str(item.stratum)] for item in outcomes],
        )
        kappa = found[rule].kappa
        assert kappa is not None
        assert kappa.value == pytest.approx(expected)
        assert kappa.interval[0] < kappa.value < kappa.interval[1]
    document = drift_document(report(outcomes, [AGREEMENT], judge="population"))
    assert document["agreement"]["kappa"].keys() == {"value", "interval"}


def alike(letters: dict[str, str], **changed: Any) -> RunReport:
    """Return the report of a uniform sample of the whole store, decided sequentially, from reviews by stratum."""
    outcomes: list[Outcome] = []
    for stratum in ALL:
        outcomes += made(letters[stratum], len(outcomes) + 1, stratum)
    ids = list(range(1, len(outcomes) + 1))
    values: dict[str, Any] = {"judged": ALL, "record_ids": ids, "judge": "population"}
    return report(outcomes, [AGREEMENT], decision="sequential", **(values | changed))


def test_a_decision_on_the_whole_store_counts_every_stratum() -> None:
    """Even if the reviews stopped, so that there is no estimate."""
    below = alone(alike({LOW: "+" * 9, OLD: "+" * 6, BASELINE: "-" * 30}))
    assert (below.verdict, below.passed, below.failed) == (Verdict.CRITICAL, 15, 30)
    stopped = alone(alike({LOW: "+" * 9 + "....", OLD: "+" * 6, BASELINE: "+" * 15}))
    assert (stopped.verdict, "not below 75 %" in stopped.message) == (Verdict.OK, True)


@pytest.mark.parametrize("critical", [0.69, 0.705, 0.72])
def test_an_undecided_whole_store_is_judged_by_the_rate_that_is_shown(critical: float) -> None:
    """By weight of the strata, rounded to whole records, it differs a little: 5 of 7 agree, 70 % by weight."""
    result = alone(alike({LOW: "--", OLD: "+", BASELINE: "++++"}, warn=critical, critical=critical))
    assert result.rate is not None
    assert "undecided" in result.message
    assert result.verdict is judge(result.rate, critical, critical)


def test_nothing_lies_below_zero() -> None:
    """That takes no review to decide; the rate of those that were made is compared with `warn`."""
    found = alone(sequential("+-", critical=0.0))
    assert (found.verdict, "decided after 0 reviews: not below 0 %" in found.message) == (Verdict.WARNING, True)


def test_other_criteria_are_judged_by_their_rate_under_every_rule() -> None:
    """Only agreement is decided sequentially."""
    other = replace(AGREEMENT, name="record_integrity", reviewed=False)
    outcomes = [replace(item, criterion=other.name) for item in made("-" * 10 + "+" * 90)]
    ids = list(range(1, 101))
    found = report(outcomes, [other], decision="sequential", judge="population", record_ids=ids)
    assert (found.criteria[0].verdict, found.criteria[0].rate) == (Verdict.OK, 0.9)
